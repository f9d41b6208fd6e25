"""Tasks, and how they are written and read back."""

from __future__ import annotations

import contextlib
import json
import threading
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncqueue.core.errors import InvalidTask, SyncQueueError
from syncqueue.core.task import (
    HISTORY_LENGTH,
    NO_PROGRESS,
    PRIORITIES,
    AttemptNote,
    Progress,
    SyncTask,
    decode_body,
    decode_progress,
    encode_body,
    encode_progress,
    from_ms,
    to_ms,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
MILLISECONDS = st.integers(0, 10**13 - 1)
MOMENTS = MILLISECONDS.map(from_ms)
NOTES = st.builds(
    AttemptNote,
    at=MOMENTS,
    seconds=st.integers(0, 10**6).map(lambda ms: ms / 1000),
    outcome=TEXTS,
    error=TEXTS,
    traceback=TEXTS,
)


def make(**fields: Any) -> SyncTask:
    return SyncTask(**{"service": "telegram", "action": "x", "entity": "e:1", **fields})


@given(
    payload=st.dictionaries(TEXTS, JSON, max_size=5),
    key=st.none() | st.from_regex(r"[A-Za-z0-9:._~@+-]{1,150}", fullmatch=True),
    words=st.tuples(*[TEXTS.filter(lambda text: 0 < len(text) <= 200)] * 2),
    priority=st.sampled_from(PRIORITIES),
    created_at=MOMENTS,
)
def test_a_task_reads_back_as_it_was_written(payload, key, words, priority, created_at):
    action, entity = words
    task = make(payload=payload, key=key, action=action, entity=entity, priority=priority, created_at=created_at)
    assert decode_body("telegram", task.id, encode_body(task)) == task


@given(st.text() | st.from_regex(r"1[0-9](\{.*\}|\[.*\])", fullmatch=True) | JSON.map(lambda v: "11" + json.dumps(v)))
def test_a_body_is_read_or_refused_and_nothing_else(body):
    with contextlib.suppress(InvalidTask):
        assert isinstance(decode_body("telegram", "id", body), SyncTask)


@given(
    attempts=st.integers(0, 10**6),
    crashes=st.integers(0, 10**6),
    history=st.lists(NOTES, max_size=HISTORY_LENGTH).map(tuple),
)
def test_a_progress_reads_back_as_it_was_written(attempts, crashes, history):
    progress = Progress(attempt_count=attempts, crash_count=crashes, history=history)
    assert decode_progress(encode_progress(progress)) == progress


@given(st.text() | JSON.map(json.dumps) | JSON.map(lambda value: json.dumps({"history": value, "attempts": value})))
def test_garbage_for_a_progress_counts_as_none(text):
    assert isinstance(decode_progress(text), Progress)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "null",
        "[]",
        "{",
        '{"attempts":"many"}',
        '{"attempts":1e999}',
        '{"history":[{"at":1e300}]}',
        '{"history":[{}]}',
        "[" * 100_000,
    ],
)
def test_an_unreadable_progress_is_no_progress(text):
    assert decode_progress(text) == NO_PROGRESS


def test_an_empty_history_as_lua_writes_it_is_read():
    assert decode_progress('{"attempts":2,"crashes":1,"history":{}}') == Progress(attempt_count=2, crash_count=1)


@given(MILLISECONDS)
def test_milliseconds_survive_the_way_through_a_datetime(milliseconds):
    assert to_ms(from_ms(milliseconds)) == milliseconds


def test_a_moment_in_another_zone_is_the_same_moment():
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert to_ms(noon.astimezone(timezone(timedelta(hours=9)))) == to_ms(noon)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"service": "Telegram"}, "^service: expected a lower-case name"),
        ({"service": "a{b}"}, "^service:"),
        ({"service": 7}, "^service:"),
        ({"action": ""}, "^action: expected a text"),
        ({"entity": "x" * 201}, "^entity: expected a text"),
        ({"entity": None}, "^entity: expected a text"),
        ({"priority": "urgent"}, "^priority: expected one of high, normal, low, got 'urgent'"),
        ({"payload": ["a"]}, "^payload: expected a dict, got list"),
        ({"key": ""}, "^key: expected 1 to 150"),
        ({"key": "a b"}, "^key:"),
        ({"key": "a\n"}, "^key:"),
        ({"key": 7}, "^key:"),
        ({"id": "a b"}, "^id: expected 1 to 150"),
        ({"id": "key:stolen"}, "^id: .*not beginning with 'key:'"),
        ({"run_at": datetime(2026, 1, 1)}, r"^run_at: datetime.* has no time zone; use django.utils.timezone.now\(\)"),
        ({"run_at": "tomorrow"}, "^run_at: expected an aware datetime"),
        ({"run_at": datetime(2300, 1, 1, tzinfo=UTC)}, "^run_at: expected a time from 1970 to 2286"),
        ({"created_at": datetime(2026, 1, 1)}, "^created_at: .*time zone"),
        ({"created_at": datetime(1969, 1, 1, tzinfo=UTC)}, "^created_at: expected a time from 1970"),
    ],
)
def test_what_cannot_be_queued_is_refused_naming_the_field(fields, message):
    with pytest.raises(InvalidTask, match=message):
        make(**fields)


def within_itself() -> dict[str, Any]:
    payload: dict[str, Any] = {}
    payload["me"] = payload
    return payload


def deep() -> dict[str, Any]:
    payload: Any = 1
    for _ in range(100_000):
        payload = [payload]
    return {"deep": payload}


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"a": {"b": [0, object()]}}, r"^payload\.a\.b\[1\]: object is not JSON; use strings"),
        ({"a": b"bytes"}, r"^payload\.a: bytes"),
        ({"a": float("inf")}, r"^payload\.a: float"),
        ({"a": "\ud800"}, r"^payload\.a: str"),
        ({"a": {(1, 2): 3}}, r"^payload\.a: the key \(1, 2\) is not a string"),
        ({"a": MappingProxyType({"b": 1})}, "^payload: .*mappingproxy"),
        (within_itself(), r"^payload\.me\.me.*nested too deeply, or contains itself"),
        (deep(), r"^payload\.deep\[0\].*nested too deeply"),
    ],
)
def test_a_payload_that_is_not_json_is_refused_naming_the_field(payload, message):
    with pytest.raises(InvalidTask, match=message):
        encode_body(make(payload=payload))


def test_the_refusal_is_also_a_value_error_and_ours():
    assert issubclass(InvalidTask, ValueError) and issubclass(InvalidTask, SyncQueueError)


def test_the_body_begins_with_version_and_priority_and_stays_compact():
    body = encode_body(make(priority="low", payload={"a": "é"}, created_at=from_ms(5)))
    assert body == '12{"action":"x","entity":"e:1","payload":{"a":"é"},"created_at":5}'


def test_ids_are_unique_and_sort_by_the_order_they_were_made_in():
    ids = [make().id for _ in range(2000)]
    assert ids == sorted(set(ids))


def test_ids_made_by_several_threads_are_unique():
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.extend(make().id for _ in range(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 2000


def test_one_key_has_one_id():
    assert make(key="record:7").id == make(key="record:7").id == "key:record:7"


def test_progress_keeps_the_last_attempts_and_counts_only_those_that_count():
    progress = Progress()
    for n in range(15):
        note = AttemptNote(at=from_ms(n), seconds=0, outcome="retry", error=str(n))
        progress = progress.after(note, counts=n % 3 == 0)
    assert progress.attempt_count == 5
    assert [note.error for note in progress.history] == [str(n) for n in range(5, 15)]
