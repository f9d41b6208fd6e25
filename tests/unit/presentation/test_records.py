"""One sentence for every reason and every state of a record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from project.notes.models import Note
from syncqueue.handlers.base import Document
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.presentation.records import describe, reason_text
from syncqueue.sources.planner import Reason
from syncqueue.sources.registry import ModelSync

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class Plain(ModelSync):
    """A source whose objects are live and have a text."""

    created_field = "created_at"

    def document(self, obj: Note) -> Document:
        return Document(text=obj.text, is_private=obj.is_private)

    def is_live(self, obj: Note) -> bool:
        return obj.deleted_at is None


def told(
    record: dict[str, Any] | None = None, destination: dict[str, Any] | None = None, note: dict[str, Any] | None = None
) -> str:
    """What is said of a note at @news."""
    place = Destination(**{"name": "@news", "service": "telegram", "start_at": None, **(destination or {})})
    obj = Note(**{"pk": 1, "text": "Hello", "created_at": NOON, **(note or {})})
    row = None if record is None else SyncRecord(source="notes.note", object_pk="1", **record)
    return str(describe(Plain(Note), obj, place, row))


def test_every_reason_has_a_sentence_of_its_own() -> None:
    sentences = [reason_text(reason) for reason in Reason]
    assert len(set(sentences)) == len(Reason)
    assert all(sentence.endswith(".") for sentence in sentences)


OUT_THERE = {"parts": [{"kind": "text", "id": "7", "url": "https://t.me/news/7", "address": "@news"}]}
STATES: dict[RecordState, tuple[dict[str, Any], str]] = {
    RecordState.SYNCED: ({**OUT_THERE, "synced_at": NOON}, "@news: has been up to date since Jan. 1, 2026, noon."),
    RecordState.WAITING: ({"error": "It is away"}, "@news: waits: It is away."),
    RecordState.FAILED: (
        {"error": "Refused"},
        "@news: failed: Refused. It is tried again after a save or “Sync now”.",
    ),
    RecordState.UNKNOWN: ({"error": "The answer was lost."}, "@news: held: The answer was lost."),
    RecordState.ABANDONED: (
        {"error": "Cleared by Ada."},
        "@news: not synced: Cleared by Ada. A new save syncs it.",
    ),
}


@pytest.mark.parametrize("state", RecordState)
def test_every_state_of_a_record_has_its_sentence(state: RecordState) -> None:
    values, sentence = STATES[state]
    assert told({"state": state, **values}) == sentence


def test_a_waiting_record_without_trouble_waits_for_its_turn() -> None:
    assert told({"state": "waiting"}) == "@news: waits for its turn."


def test_a_waiting_record_with_a_time_says_when_it_is_tried() -> None:
    values = {"state": "waiting", "error": "It is away.", "next_attempt_at": NOON + timedelta(minutes=7)}
    assert told(values) == "@news: waits: It is away. Next attempt at Jan. 1, 2026, 12:07 p.m."


def test_a_broken_destination_is_the_reason_for_waiting() -> None:
    sentence = told({"state": "waiting", "error": "Other"}, {"broken_reason": "The bot was kicked"})
    assert sentence == "@news: waits: The bot was kicked."


def test_the_link_is_that_of_the_first_part_that_has_one() -> None:
    row = SyncRecord(
        source="notes.note", object_pk="1", state="synced", parts=[{"id": "1", "url": ""}, *OUT_THERE["parts"]]
    )
    sentence = describe(Plain(Note), Note(text="Hello"), Destination(name="@news"), row)
    assert (sentence.url, sentence.state) == ("https://t.me/news/7", RecordState.SYNCED)


@pytest.mark.parametrize(
    ("destination", "note", "reason"),
    [
        ({"rule": "private"}, {}, Reason.RULE),
        ({"state": "retiring"}, {}, Reason.RETIRING),
        ({}, {"deleted_at": NOON}, Reason.NOT_LIVE),
        ({"start_at": NOON + timedelta(days=1)}, {}, Reason.TOO_OLD),
    ],
)
@pytest.mark.parametrize("record", [None, {"state": "synced"}], ids=["no record", "nothing out there"])
def test_where_nothing_is_wanted_the_reason_is_told(
    record: dict[str, Any] | None, destination: dict[str, Any], note: dict[str, Any], reason: Reason
) -> None:
    assert told(record, destination, note) == f"@news: {reason_text(reason)}"


def test_where_something_is_wanted_but_not_noted_the_sweep_is_named() -> None:
    assert told() == "@news: has no record yet; the sweep will create it."


def test_sentences_are_ended_once() -> None:
    assert "Refused! It is" in told({"state": "failed", "error": "Refused!"})
