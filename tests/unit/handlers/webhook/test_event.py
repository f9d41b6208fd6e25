"""What an event says, and when two attempts are one event."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import Document, DocumentJob, JobStep, Place, RemotePart
from syncqueue.handlers.media import Media
from syncqueue.handlers.webhook.event import SHORT_CHARACTERS, confirmed, doubtful, event_of, is_short

PLACE = Place(id=1, name="hook", address="https://example.org/hook")
HELLO = Document(text="Hello", tags=("news",), fields={"at": datetime(2026, 1, 2, tzinfo=UTC)})


async def _store(parts: Sequence[RemotePart]) -> str:
    return "another key"


def job(
    step: JobStep = "create", document: Document = HELLO, parts: Sequence[RemotePart] = (), key: str = "key"
) -> DocumentJob:
    return DocumentJob(
        place=PLACE,
        document=document,
        parts=parts,
        idempotency_key=key,
        uncertain=False,
        store=_store,
        step=step,
        source="notes.note",
        object_pk="42",
    )


def told(given: DocumentJob) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(event_of(given).body)
    return event


def test_an_event_names_the_object_and_holds_its_document() -> None:
    event = told(job())
    assert event["type"] == "notes.note.created"
    assert event["data"]["id"] == "notes.note:42"
    assert event["data"]["text"] == "Hello"
    assert event["data"]["tags"] == ["news"]
    assert event["data"]["fields"] == {"at": "2026-01-02T00:00:00Z"}


def test_a_deletion_tells_no_content() -> None:
    event = told(job("delete", parts=[confirmed(job())]))
    assert event == {
        "type": "notes.note.deleted",
        "data": {"id": "notes.note:42", "source": "notes.note", "object_pk": "42"},
    }


def test_another_attempt_at_the_same_is_the_same_event_to_the_byte() -> None:
    assert event_of(job()) == event_of(job())


def test_other_content_under_the_same_key_is_another_event() -> None:
    assert event_of(job()).id != event_of(job(document=Document(text="Other"))).id


def test_the_same_content_a_second_time_is_another_event() -> None:
    parts = [confirmed(job())]
    assert event_of(job("update", parts=parts, key="1")).id != event_of(job("update", parts=parts, key="2")).id


def test_a_creation_whose_answer_was_lost_is_repeated_under_its_old_id() -> None:
    first = job()
    again = job("update", parts=[doubtful(first)], key="another key")
    assert event_of(again) == event_of(first)


def test_what_was_confirmed_is_updated_from_then_on() -> None:
    assert told(job("update", parts=[confirmed(job())]))["type"] == "notes.note.updated"


@pytest.mark.parametrize("value", [object(), float("nan")])
def test_fields_that_are_no_json_fail_for_good(value: object) -> None:
    with pytest.raises(PermanentError, match="no JSON"):
        event_of(job(document=Document(text="x", fields={"odd": value})))


def test_half_a_surrogate_pair_can_be_sent() -> None:
    assert b"\\ud83c" in event_of(job(document=Document(text="\ud83c"))).body


def test_media_are_listed_texts_as_ever_and_values_with_what_is_said_of_them() -> None:
    url = "https://example.org/a.png"
    event = told(job(document=Document(text="", media=(url, Media(url=url, alt="A leaf", kind="picture")))))
    assert event["data"]["media"] == [url, {"url": url, "name": "a.png", "alt": "A leaf", "kind": "picture"}]


def test_another_signature_of_the_same_url_makes_no_other_event() -> None:
    first, second, other = (
        event_of(job(document=Document(text="", media=(Media(url=f"https://example.org/{name}?sig={n}"),))))
        for name, n in (("a.png", 1), ("a.png", 2), ("b.png", 1))
    )
    assert first.id == second.id != other.id
    assert b"sig=2" in second.body


def test_a_note_is_short_and_what_may_take_long_to_encode_is_not() -> None:
    note = Document(text="Hello", tags=("news",), fields={"author": "Ann", "count": 3, "pinned": True, "note": None})
    assert is_short(note)
    assert not is_short(Document(text="x" * (SHORT_CHARACTERS + 1)))
    assert not is_short(Document(text="", fields={"summary": "x" * (SHORT_CHARACTERS + 1)}))
    assert not is_short(Document(text="", tags=("x" * 100,) * 101))
    assert not is_short(Document(text="", tags=("",) * (SHORT_CHARACTERS + 1)))
    assert not is_short(Document(text="", fields={"parts": ["unknown", "size"]}))
    assert not is_short(Document(text="", media=("https://example.org/picture.png",)))
