"""Many records or tasks in one call of a handler: each ends for itself, and more of them cost no more queries."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

import syncqueue
from project.notes.models import Note
from syncqueue import SyncTask, get_queue
from syncqueue.core.errors import OutcomeUnknown, PermanentError, RetryLater, Unreachable
from syncqueue.core.task import TaskState
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.sources import same_place
from tests.integration.sync import shelf as shelf_module
from tests.integration.sync.conftest import forget_all
from tests.integration.sync.scene import count_queries, work
from tests.integration.sync.shelf import CountingHandler, Shelf

pytestmark = pytest.mark.django_db(transaction=True)

HANDLERS = {
    "shelf": {"CLASS": "tests.integration.sync.shelf.ShelfHandler"},
    "counting": {"CLASS": "tests.integration.sync.shelf.CountingHandler"},
}


@pytest.fixture(autouse=True)
def shelf(own_site: None, redis_url: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """An empty shelf as the site's one destination, and a queue of its own."""
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "KEY_PREFIX": uuid.uuid4().hex, "HANDLERS": HANDLERS}
    forget_all()
    monkeypatch.setattr(shelf_module, "shelf", Shelf())
    monkeypatch.setattr(CountingHandler, "calls", [])
    Destination.objects.create(name="shelf", service="shelf")
    yield shelf_module.shelf


def queue_notes(writer: User, *texts: str) -> None:
    """Write notes and queue them all."""
    made = Note.objects.bulk_create(Note(owner=writer, text=text) for text in texts)
    syncqueue.sync_queryset(Note.objects.filter(pk__in=[note.pk for note in made]), service="shelf")


def states() -> dict[str, str]:
    """The record's state by the note's text."""
    found = {row.object_pk: row.state for row in SyncRecord.objects.all()}
    return {note.text: found[str(note.pk)] for note in Note.objects.all()}


def test_records_of_one_destination_go_out_in_one_call(shelf: Shelf, writer: User) -> None:
    queue_notes(writer, *(f"Note {number}" for number in range(30)))
    work()
    assert shelf.calls == [["create"] * 30]
    assert sorted(shelf.copies.values()) == sorted(f"Note {number}" for number in range(30))
    assert SyncRecord.objects.filter(state=RecordState.SYNCED).count() == 30
    assert get_queue("shelf").stats().total_processed == 30


def test_creates_updates_and_deletes_are_mixed_in_one_call(shelf: Shelf, writer: User) -> None:
    queue_notes(writer, "First", "Second")
    work()
    with syncqueue.queued():
        first, second = Note.objects.order_by("pk")
        first.text = "First again"
        first.save()
        second.delete()
        Note.objects.create(owner=writer, text="Third")
    work()
    assert sorted(shelf.calls[-1]) == ["create", "delete", "update"]
    assert sorted(shelf.copies.values()) == ["First again", "Third"]


def test_what_has_only_a_copy_at_a_former_place_does_not_fail_with_a_refused_document_beside_it(
    shelf: Shelf, writer: User
) -> None:
    Destination.objects.update(address="a shelf")
    queue_notes(writer, "First")
    work()
    Destination.objects.update(address="another shelf")
    same_place.forget()
    shelf.refused = {"Bad": PermanentError("It is refused.")}
    with syncqueue.queued():
        Note.objects.get().soft_delete()
        Note.objects.create(owner=writer, text="Bad")
    work()
    assert shelf.calls[1:] == [["create"], ["delete"]]
    assert shelf.copies == {}
    assert states() == {"First": RecordState.SYNCED, "Bad": RecordState.FAILED}


def test_one_bad_document_fails_alone_with_its_reason(shelf: Shelf, writer: User) -> None:
    shelf.refused = {
        "Bad": PermanentError("The field 'age' wants a number."),
        "Later": RetryLater("Busy.", after_seconds=60),
    }
    queue_notes(writer, "Good", "Bad", "Later", "Fine")
    work()
    assert states() == {"Good": "synced", "Bad": "failed", "Later": "waiting", "Fine": "synced"}
    assert SyncRecord.objects.get(state=RecordState.FAILED).error == "The field 'age' wants a number."
    stats = get_queue("shelf").stats()
    assert (stats.failed_count, stats.delayed_count, stats.pending_count) == (1, 1, 0)


def test_an_unreachable_service_is_one_strike_for_the_whole_call_and_uses_no_attempt(
    shelf: Shelf, writer: User, settings: Any
) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "BREAKER": {"FAILURES": 2, "OPEN_SECONDS": 60}}
    shelf.error = Unreachable("No route.")
    queue_notes(writer, *(f"Note {number}" for number in range(20)))
    work()
    assert [hold.name for hold in get_queue("shelf").holds()] == []  # 20 records, but one strike of two
    tasks = get_queue("shelf").tasks(TaskState.DELAYED, limit=20)
    assert {task.progress.attempt_count for task in tasks} == {0}
    assert set(states().values()) == {"waiting"}


def test_a_call_whose_answer_was_lost_is_unknown_for_all_of_it(shelf: Shelf, writer: User, settings: Any) -> None:
    handlers = {**HANDLERS, "shelf": {**HANDLERS["shelf"], "ON_UNKNOWN_OUTCOME": "hold"}}
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "HANDLERS": handlers}
    shelf.error = OutcomeUnknown("The answer was lost.")
    queue_notes(writer, "One", "Two", "Three")
    work()
    assert states() == {"One": "unknown", "Two": "unknown", "Three": "unknown"}


def test_a_handler_that_is_cancelled_from_inside_is_tried_again(shelf: Shelf, writer: User) -> None:
    shelf.error = asyncio.CancelledError()
    queue_notes(writer, "One", "Two")
    work()
    assert states() == {"One": "waiting", "Two": "waiting"}
    assert "was cancelled" in SyncRecord.objects.all()[0].error
    assert get_queue("shelf").stats().delayed_count == 2


def test_the_batch_size_of_the_settings_wins_over_the_handlers_own(shelf: Shelf, writer: User, settings: Any) -> None:
    handlers = {**HANDLERS, "shelf": {**HANDLERS["shelf"], "BATCH_SIZE": 7}}
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "HANDLERS": handlers}
    queue_notes(writer, *(f"Note {number}" for number in range(20)))
    work()
    assert sorted(map(len, shelf.calls), reverse=True) == [7, 7, 6]


@pytest.mark.parametrize("ending", ["success", "failure"])
def test_the_number_of_queries_does_not_grow_with_the_batch(
    ending: str, shelf: Shelf, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = count_queries(monkeypatch)
    shelf.error = RetryLater("Busy.", after_seconds=60) if ending == "failure" else None
    for size in (1, 3, 40):  # in the first round some things are asked for that are remembered then
        queue_notes(writer, *(f"Note {number} of {size}" for number in range(size)))
        counts.append(0)
        same_place.forget()  # who shares a place is read once in a while
        work()
    few, many = counts[-2:]
    assert 0 < few == many


def test_generic_tasks_are_processed_many_at_once_and_end_one_by_one() -> None:
    tasks = [
        SyncTask(service="counting", action="UPDATE", entity=f"{'bad' if number == 3 else 'good'}:{number}", payload={})
        for number in range(25)
    ]
    get_queue("counting").enqueue_many(tasks)
    work()
    assert sorted(map(len, CountingHandler.calls), reverse=True) == [10, 10, 5]
    stats = get_queue("counting").stats()
    assert (stats.total_processed, stats.failed_count, stats.pending_count) == (24, 1, 0)


def test_a_handler_that_cannot_name_its_endpoint_is_an_attempt_that_failed_with_the_reason(
    shelf: Shelf, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endpoint(self: Any, place: Any) -> str:
        raise KeyError("host")

    monkeypatch.setattr(shelf_module.ShelfHandler, "endpoint", endpoint)
    Note.objects.create(owner=writer, text="Note")
    work()
    record = SyncRecord.objects.get()
    assert record.state == RecordState.WAITING
    assert "KeyError: 'host'" in record.error
    assert get_queue("shelf").stats().delayed_count == 1
