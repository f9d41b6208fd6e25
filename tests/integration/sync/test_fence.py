"""The database is the fence: two attempts at one record, of which Redis, which was emptied meanwhile, knows nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.db.models import F
from django.utils import timezone

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.core.errors import OutcomeUnknown
from syncqueue.handlers.base import DocumentHandler, DocumentJob, Place, RemotePart
from syncqueue.models import Destination, OrphanPart, RecordState, SyncRecord
from syncqueue.sources import records
from syncqueue.sources.planner import Step
from tests.eventually import DEADLINE_SECONDS
from tests.integration.sync.scene import configure, methods, queue, record_of, texts, wait_until, work, work_until

pytestmark = pytest.mark.django_db(transaction=True)

SLOW = {"mode": "slow", "delay_seconds": 2}


TIMEOUT_SECONDS = 0.5


class LateHandler(DocumentHandler):
    """Reports a copy just before its time is over."""

    time_is_over: ClassVar[threading.Event]

    def endpoint(self, place: Place) -> str:
        return "late:1"

    async def check(self, place: Place) -> str:
        return "It is there."

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        parts = [RemotePart(kind="text", id="1", address=job.place.address)]
        asyncio.get_running_loop().call_later(2 * TIMEOUT_SECONDS, self.time_is_over.set)
        await job.checkpoint(parts)
        return parts

    async def update(self, job: DocumentJob) -> Sequence[RemotePart]:
        return list(job.parts)

    async def delete(self, job: DocumentJob) -> None:
        return None


class LostHandler(LateHandler):
    """Loses the answers to some creates, counted from 1."""

    created: ClassVar[int]
    lost: ClassVar[Container[int]]

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        type(self).created += 1
        if self.created in self.lost:
            raise OutcomeUnknown("The answer was lost.")
        return [RemotePart(kind="text", id=str(self.created), address=job.place.address)]


@contextmanager
def attempt_under_way(sandbox: RunningSandbox) -> Iterator[Callable[[], None]]:
    """A worker whose request is not answered yet; gives what waits for its end. Redis has forgotten everything."""
    sandbox.plan_answers("telegram", SLOW)
    worker = threading.Thread(target=_work_in_thread)
    worker.start()
    wait_until(lambda: any(entry["open"] for entry in sandbox.log()))
    queue().client.flushdb()
    _pass_an_hour()

    def end() -> None:
        worker.join()
        _pass_an_hour()

    try:
        yield end
    finally:
        worker.join()


def _pass_an_hour() -> None:
    """Long enough for the reconciler to look at what waits."""
    SyncRecord.objects.update(changed_at=F("changed_at") - timedelta(hours=1))


def _work_in_thread() -> None:
    try:
        work()
    finally:
        connections.close_all()


def test_an_attempt_that_has_read_a_record_before_another_one_stored_its_copy_cannot_mark_it(
    channel: Destination, writer: User
) -> None:
    note = Note.objects.create(owner=writer, text="First")
    as_read = record_of(note)
    records.store_step(as_read, "", records.read_parts(as_read))
    SyncRecord.objects.update(state=RecordState.WAITING)
    mark = records.Mark(record=as_read, step=Step.CREATE, token="stale", seconds=20)
    assert records.mark([mark]) == set()
    assert records.mark([replace(mark, record=record_of(note))]) == {as_read.pk}


def two_records_of(note: Note) -> list[SyncRecord]:
    """The first has a copy; the second is at another destination."""
    other = Destination.objects.create(name="other", service="telegram", address="@drafts")
    SyncRecord.objects.create(source="notes.note", object_pk=str(note.pk), destination=other, service="telegram")
    return list(SyncRecord.objects.order_by("pk"))


def test_an_attempt_that_has_read_two_records_before_one_took_the_copy_of_the_other_can_mark_neither(
    channel: Destination, writer: User
) -> None:
    gives, takes = two_records_of(Note.objects.create(owner=writer, text="First"))
    assert records.take_over(SyncRecord.objects.get(pk=takes.pk), SyncRecord.objects.get(pk=gives.pk))
    SyncRecord.objects.update(state=RecordState.WAITING)
    for as_read in (gives, takes):
        mark = records.Mark(record=as_read, step=Step.CREATE, token="stale", seconds=20)
        assert records.mark([mark]) == set()
        as_it_is = SyncRecord.objects.get(pk=as_read.pk)
        assert records.mark([replace(mark, record=as_it_is)]) == {as_read.pk}


def test_who_takes_the_copy_of_another_record_also_takes_the_suspicion_that_there_are_two(
    channel: Destination, writer: User
) -> None:
    gives, takes = two_records_of(Note.objects.create(owner=writer, text="First"))
    gives.twin_possible = True
    gives.save()
    assert records.take_over(takes, gives) and takes.twin_possible
    assert list(SyncRecord.objects.order_by("pk").values_list("twin_possible", flat=True)) == [False, True]


def test_of_two_attempts_that_have_read_a_record_at_the_same_moment_one_may_send(
    channel: Destination, writer: User
) -> None:
    configure("IMMEDIATE", ENABLED=False)
    record = record_of(Note.objects.create(owner=writer, text="Once"))
    marks = [records.Mark(record=record, step=Step.CREATE, token=token, seconds=20) for token in ("one", "other")]

    may_send = [records.mark([mark]) for mark in marks]

    assert may_send == [{record.pk}, set()]


def test_an_attempt_that_has_nothing_to_send_does_not_finish_a_record_that_is_being_sent(
    channel: Destination, writer: User
) -> None:
    as_read = _read_before_another_marked(writer)
    records.finish_unsent({as_read: None}, now=timezone.now())
    assert SyncRecord.objects.get().state == "waiting"

    SyncRecord.objects.update(sending_until=F("sending_until") - timedelta(hours=1))
    records.finish_unsent({as_read: None}, now=timezone.now())
    assert SyncRecord.objects.get().state == "synced"


def _read_before_another_marked(writer: User) -> SyncRecord:
    configure("IMMEDIATE", ENABLED=False)
    as_read = record_of(Note.objects.create(owner=writer, text="Once"))
    records.mark([records.Mark(record=as_read, step=Step.CREATE, token="other", seconds=20)])
    return as_read


def test_the_record_of_a_deleted_object_stays_if_another_attempt_may_have_made_a_copy_meanwhile(
    channel: Destination, writer: User
) -> None:
    as_read, now = _read_before_another_marked(writer), timezone.now()
    records.finish_unsent({as_read: None}, now=now)
    lost = records.Failure(
        record=as_read,
        state=RecordState.WAITING,
        error="Lost.",
        next_attempt_at=None,
        uncertain=True,
    )
    records.store_failures([lost], "other", now=now)

    records.drop_finished([as_read])
    assert SyncRecord.objects.get().uncertain


@pytest.mark.parametrize(("lost", "left"), [(1, []), (2, ["failed"])])
def test_a_copy_that_is_stored_late_stands_for_one_lost_answer_and_not_for_two(
    own_site: None, writer: User, lost: int, left: list[str]
) -> None:
    place = _make_lost(range(1, lost + 1))
    note = Note.objects.create(owner=writer, text="Once")
    work_until(lambda: LostHandler.created == lost)
    records.note_orphans(record_of(note), [RemotePart(kind="text", id="1", address=place.address)])
    note.delete()
    work_until(lambda: not SyncRecord.objects.filter(state=RecordState.WAITING).exists())
    assert list(SyncRecord.objects.values_list("state", flat=True)) == left
    assert all(one.error.startswith("A copy may be left at Late") for one in SyncRecord.objects.all())
    assert not OrphanPart.objects.exists()


@pytest.mark.parametrize("is_lost_before", [True, False])
def test_a_lost_copy_is_reported_where_the_known_one_is_at_a_former_address(
    own_site: None, writer: User, *, is_lost_before: bool
) -> None:
    place = _make_lost({1} if is_lost_before else {2})
    note = Note.objects.create(owner=writer, text="Once")
    work_until(lambda: record_of(note).state == RecordState.SYNCED)
    place.address = "elsewhere"
    place.save()
    if not is_lost_before:
        note.save()
        work_until(lambda: LostHandler.created == 2)
    note.delete()
    work_until(lambda: not SyncRecord.objects.filter(state=RecordState.WAITING).exists())
    assert SyncRecord.objects.get().error.startswith("A copy may be left at Late")
    assert SyncRecord.objects.get().parts == []


def _make_lost(lost: Container[int]) -> Destination:
    LostHandler.created, LostHandler.lost = 0, lost
    configure(HANDLERS={"late": {"CLASS": f"{__name__}.LostHandler", "BASE_DELAY_SECONDS": 0.01}})
    configure("BREAKER", OPEN_SECONDS=0.1)
    configure("IMMEDIATE", ENABLED=False)
    place = Destination(name="Late", service="late", address="first")
    place.save()
    return place


def _make_late(monkeypatch: pytest.MonkeyPatch, *, also: Callable[[], object] = lambda: None) -> None:
    """A service whose attempts end while they store a copy; `also`: happens meanwhile."""
    LateHandler.time_is_over = threading.Event()
    store = records.store_step

    def store_late(*args: Any) -> Any:
        assert LateHandler.time_is_over.wait(DEADLINE_SECONDS)
        also()
        return store(*args)

    monkeypatch.setattr(records, "store_step", store_late)
    configure(HANDLERS={"late": {"CLASS": f"{__name__}.LateHandler"}})
    configure("PROCESSING", ATTEMPT_TIMEOUT_SECONDS=TIMEOUT_SECONDS)
    configure("IMMEDIATE", ENABLED=False)
    Destination(name="Late", service="late").save()


def test_a_copy_that_is_being_stored_when_the_time_of_an_attempt_ends_is_stored(
    own_site: None, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make_late(monkeypatch)
    note = Note.objects.create(owner=writer, text="Once")
    work()
    assert [part["id"] for part in record_of(note).parts] == ["1"]


def test_a_copy_that_is_stored_after_its_time_and_too_late_is_noted_for_removal(
    own_site: None, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make_late(monkeypatch, also=lambda: SyncRecord.objects.update(sending_token="another"))
    Note.objects.create(owner=writer, text="Once")
    work()
    assert [orphan.part["id"] for orphan in OrphanPart.objects.all()] == ["1"]


def test_while_one_attempt_sends_no_other_does(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    configure("IMMEDIATE", ENABLED=False)
    note = Note.objects.create(owner=writer, text="Once")

    with attempt_under_way(sandbox) as end:
        work()
        assert methods(sandbox) == ["sendMessage"]
        end()

    work_until(lambda: record_of(note).state == "synced")
    assert methods(sandbox) == ["sendMessage"]
    assert texts(sandbox) == ["Once"]


def test_a_late_answer_changes_nothing_that_another_attempt_has_stored_and_its_copy_goes(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("IMMEDIATE", ENABLED=False)
    note = Note.objects.create(owner=writer, text="Once")

    with attempt_under_way(sandbox) as end:
        SyncRecord.objects.update(sending_until=F("sending_until") - timedelta(hours=1))  # it was given up
        work()
        [stored] = record_of(note).parts
        end()

    assert record_of(note).parts == [stored]
    work_until(lambda: texts(sandbox) == ["Once"])
    [message] = sandbox.messages()
    assert str(message["message_id"]) == stored["id"]


def test_of_a_message_that_is_looked_for_while_its_late_answer_comes_one_is_left(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("IMMEDIATE", ENABLED=False)
    Note.objects.create(owner=writer, text="First")
    work()
    note = Note.objects.create(owner=writer, text="Once")

    with attempt_under_way(sandbox) as end:
        SyncRecord.objects.update(sending_until=F("sending_until") - timedelta(hours=1))  # it was given up
        work_until(lambda: record_of(note).state == "synced")
        end()

    work_until(lambda: record_of(note).state == "synced" and not OrphanPart.objects.exists())
    assert texts(sandbox) == ["First", "Once"]
    assert [part["id"] for part in record_of(note).parts] == [str(sandbox.messages()[-1]["message_id"])]
