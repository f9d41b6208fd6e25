"""Duties and services fail for themselves: nothing that one of them meets stops another one."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import OperationalError, transaction
from django.db.models import F
from django.utils import timezone

import syncqueue
from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.conf import get_settings
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.task import AttemptNote
from syncqueue.execution import policies
from syncqueue.handlers.base import DocumentHandler, DocumentJob, HandlerConfig, Place, RemotePart
from syncqueue.models import Destination, OrphanPart, RecordState, SyncRecord
from syncqueue.services import places
from syncqueue.sources import destinations, records, walk
from syncqueue.sources.intents import record_task_id
from syncqueue.worker import housekeeping, upkeep
from syncqueue.worker.worker import Worker
from tests.eventually import eventually
from tests.integration.sync.scene import configure, queue, record_of, texts, wait_until, work, work_until
from tests.integration.sync.test_never_raises import refused_records

pytestmark = pytest.mark.django_db(transaction=True)

HERE = "tests.integration.sync.test_islands"


class WithoutCheck(DocumentHandler):
    """A method is missing."""

    def endpoint(self, place: Place) -> str:
        return "shelf:1"

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        return []

    async def update(self, job: DocumentJob) -> Sequence[RemotePart]:
        return []

    async def delete(self, job: DocumentJob) -> None:
        return None


class Fails(WithoutCheck):
    """Its constructor raises."""

    def __init__(self, config: HandlerConfig) -> None:
        super().__init__(config)
        raise LookupError("no key in the vault")

    async def check(self, place: Place) -> str:
        return ""


class Odd(WithoutCheck):
    """All of its methods raise, or return what cannot be used."""

    def endpoint(self, place: Place) -> str:
        return "a host with blanks"

    async def check(self, place: Place) -> str:
        raise LookupError("a mistake")

    def clean(self, address: str, options: Any, secret: Any) -> None:
        raise LookupError("a mistake")


@pytest.fixture
def running() -> Iterator[list[Worker]]:
    """Workers in threads; they end with the test."""
    made: list[tuple[Worker, threading.Thread]] = []

    class Started(list[Worker]):
        def start(self) -> Worker:
            worker = Worker()
            thread = threading.Thread(target=lambda: asyncio.run(worker.run()))
            thread.start()
            made.append((worker, thread))
            return worker

        def alive(self) -> bool:
            return all(thread.is_alive() for _, thread in made)

    yield Started()
    for worker, thread in made:
        worker._stopping._loop.call_soon_threadsafe(worker.stop) if worker._stopping._loop else worker.stop()  # type: ignore[attr-defined]
        thread.join(20)


def add_service(name: str, kind: type[DocumentHandler]) -> None:
    """A service beside telegram."""
    from django.conf import settings

    handlers = {**settings.SYNCQUEUE["HANDLERS"], name: {"CLASS": f"{HERE}.{kind.__name__}"}}
    configure(HANDLERS=handlers)


# Handler classes


@pytest.mark.parametrize(
    ("kind", "says"),
    [(WithoutCheck, "lacks check(); every handler has them"), (Fails, "LookupError: no key in the vault")],
)
def test_a_handler_that_cannot_be_made_is_named_and_its_service_left_out(
    channel: Destination, writer: User, sandbox: RunningSandbox, caplog: Any, kind: type[DocumentHandler], says: str
) -> None:
    add_service("shelf", kind)
    Destination.objects.create(name="Shelf", service="shelf")
    (error,) = [one for one in run_checks(tags=["syncqueue"]) if one.id == "syncqueue.E004"]
    assert says in error.msg
    assert f"SYNCQUEUE['HANDLERS']['shelf']: {HERE}.{kind.__name__} " in error.msg
    Note.objects.create(owner=writer, text="1")
    Note.objects.bulk_create([Note(owner=writer, text="2")])
    work()
    assert texts(sandbox) == ["1", "2"]
    assert "this worker does the other services" in caplog.text


@pytest.mark.parametrize("path", ["no.such.Handler", f"{HERE}.Fails"])
def test_a_declared_destination_of_a_service_without_a_handler_keeps_no_other_back(
    channel: Destination, writer: User, sandbox: RunningSandbox, caplog: Any, admin_client: Any, path: str
) -> None:
    from django.conf import settings

    handlers = {"shelf": {"CLASS": path}, **settings.SYNCQUEUE["HANDLERS"]}
    configure(HANDLERS=handlers, DESTINATIONS={"left-shelf": {"SERVICE": "shelf", "ADDRESS": "left"}})
    Note.objects.create(owner=writer, text="1")
    assert texts(sandbox) == ["1"]
    Note.objects.bulk_create([Note(owner=writer, text="2")])
    work()
    assert texts(sandbox) == ["1", "2"]
    assert caplog.text.count("The destination 'left-shelf' of DESTINATIONS is left out") <= 1
    for page in ("queue/", "queue/workers/", "destination/", "syncrecord/"):
        assert admin_client.get(f"/admin/syncqueue/{page}").status_code == 200
    assert [one.name for one in services.health().services] == ["shelf", "telegram"]


def test_a_worker_with_no_handler_at_all_says_why_and_ends(own_site: None) -> None:
    configure(HANDLERS={"shelf": {"CLASS": f"{HERE}.Fails"}})
    with pytest.raises(syncqueue.SyncQueueError, match="no key in the vault"):
        work()


def test_an_odd_handler_neither_ends_the_doctor_nor_its_pages(own_site: None, admin_client: Any, capsys: Any) -> None:
    add_service("shelf", Odd)
    place = Destination.objects.create(name="Shelf", service="shelf")
    with contextlib.suppress(SystemExit):
        call_command("syncqueue", "doctor")
    assert "[WRONG] shelf: Shelf: LookupError: a mistake" in capsys.readouterr().out
    assert admin_client.get(f"/admin/syncqueue/destination/{place.pk}/change/").status_code == 200
    assert "Odd.check() raised LookupError: a mistake" in str(
        pytest.raises(syncqueue.SyncQueueError, services.check_destination, place).value
    )


@pytest.mark.parametrize(
    ("method", "returns"),
    [("endpoint", "a host:443"), ("endpoint", ""), ("endpoint", 7), ("credential", "my token"), ("credential", None)],
)
def test_a_name_that_would_mix_up_the_lanes_of_holds_fails_its_record_alone(
    channel: Destination,
    writer: User,
    sandbox: RunningSandbox,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    returns: Any,
) -> None:
    monkeypatch.setattr(Odd, "endpoint", lambda self, place: "shelf:1")
    monkeypatch.setattr(Odd, method, lambda self, place: returns, raising=False)
    add_service("shelf", Odd)
    shelf = Destination.objects.create(name="Shelf", service="shelf")
    Note.objects.create(owner=writer, text="1")
    assert texts(sandbox) == ["1"]
    record = SyncRecord.objects.get(destination=shelf)
    assert record.state == RecordState.WAITING
    assert f"shelf: Odd.{method}() raised ValueError: it returns " in record.error


def test_an_endpoint_without_a_port_does_not_end_the_doctor(
    own_site: None, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(Odd, "endpoint", lambda self, place: "localhost")
    monkeypatch.setattr(Odd, "clean", lambda *_: None)
    add_service("shelf", Odd)
    Destination.objects.create(name="Shelf", service="shelf")
    with contextlib.suppress(SystemExit):
        call_command("syncqueue", "doctor")
    assert "endpoint() returns 'localhost', which is not a host with a port" in capsys.readouterr().out


# Duties


def test_a_source_whose_database_is_away_keeps_no_record_waiting(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with syncqueue.queued():
        Note.objects.create(owner=writer, text="1")
    queue().client.flushdb()
    SyncRecord.objects.update(changed_at=timezone.now() - timedelta(seconds=61))

    def away(*_: Any) -> Any:
        raise OperationalError("the source's database is away")

    monkeypatch.setattr(upkeep, "sweep_source", away)
    work()
    assert texts(sandbox) == ["1"]


def test_a_worker_survives_every_exception_of_its_duties_and_tells_of_them(
    channel: Destination,
    writer: User,
    sandbox: RunningSandbox,
    monkeypatch: pytest.MonkeyPatch,
    running: Any,
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise LookupError("a mistake of somebody's")

    monkeypatch.setattr("syncqueue.worker.worker.EVERY_SECONDS", 0.2)
    monkeypatch.setattr(upkeep, "sweep_source", broken)
    monkeypatch.setattr("syncqueue.worker.recoverer.recover", broken)
    monkeypatch.setattr(upkeep.LookForOwnerless, "run", broken)
    running.start()

    def tells() -> None:
        views = services.workers()
        assert len(views) == 1
        (view,) = views
        names = {duty.name for duty in view.duties}
        assert {"sweep notes.note", "recover telegram", "look after destinations"} <= names
        assert {duty.error for duty in view.duties} == {"LookupError: a mistake of somebody's"}

    eventually(tells)
    with syncqueue.queued():
        Note.objects.create(owner=writer, text="1")
    wait_until(lambda: texts(sandbox) == ["1"])
    assert running.alive()


def test_what_is_due_at_a_queue_that_cannot_be_read_keeps_no_other_service_waiting(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Odd, "endpoint", lambda self, place: "shelf:1")
    add_service("shelf", Odd)
    Destination.objects.create(name="Shelf", service="shelf")
    with syncqueue.queued():
        Note.objects.create(owner=writer, text="1")
    queues = [syncqueue.get_queue(name) for name in ("shelf", "telegram")]
    for one in queues:
        one.clear()
    # The shelf's is due earlier.
    for number, record in enumerate(SyncRecord.objects.order_by("service")):
        SyncRecord.objects.filter(pk=record.pk).update(due_at=timezone.now() - timedelta(minutes=10 - number))
    queues[0].client.set(queues[0].calls.keys["delayed"], "a person's")
    duties = upkeep.Upkeep(queues, get_settings(), SYSTEM_CLOCK)
    timetable = duties.timetable()
    asyncio.run(timetable.once())
    duties.close()
    assert timetable.trouble.state is not None
    assert "WRONGTYPE" in timetable.trouble.state.error
    assert queue().stats().pending_count == 1


def test_a_queue_that_cannot_be_read_is_trouble_of_its_service_alone_and_logged_once(
    channel: Destination,
    writer: User,
    sandbox: RunningSandbox,
    monkeypatch: pytest.MonkeyPatch,
    running: Any,
    caplog: Any,
) -> None:
    monkeypatch.setattr("syncqueue.worker.worker.EVERY_SECONDS", 0.2)
    monkeypatch.setattr("syncqueue.worker.consumer.IDLE_SECONDS", 0.1)
    add_service("shelf", Odd)
    shelf = syncqueue.get_queue("shelf")
    shelf.client.set(shelf.calls.keys["delayed"], "a person's")
    running.start()

    def tells() -> None:
        errors = {duty.name: duty.error for view in services.workers() for duty in view.duties}
        assert {"claim shelf", "recover shelf"} <= set(errors)
        assert "WRONGTYPE" in errors["claim shelf"]

    eventually(tells)
    with syncqueue.queued():
        Note.objects.create(owner=writer, text="1")
    wait_until(lambda: texts(sandbox) == ["1"])
    shelf.client.delete(shelf.calls.keys["delayed"])
    eventually(lambda: _assert("claim shelf works again after" in caplog.text))
    assert caplog.text.count("Failed and will be tried again: claim shelf: ") == 1
    assert running.alive()


def test_a_burst_does_what_it_can_and_then_says_what_it_could_not(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    add_service("shelf", Odd)
    shelf = syncqueue.get_queue("shelf")
    with syncqueue.queued():
        for number in range(3):
            Note.objects.create(owner=writer, text=str(number))
    shelf.client.set(shelf.calls.keys["site"], "another database's")
    with pytest.raises(CommandError, match="The queue of 'shelf' in this Redis belongs to another database"):
        call_command("runsyncworker", burst=True, verbosity=0)
    assert sorted(texts(sandbox)) == ["0", "1", "2"]


def test_a_policy_that_cannot_be_read_neither_ends_the_worker_nor_its_sends(
    channel: Destination,
    writer: User,
    sandbox: RunningSandbox,
    monkeypatch: pytest.MonkeyPatch,
    running: Any,
    caplog: Any,
) -> None:
    away = threading.Event()
    real = policies._policies

    def read() -> Any:
        if away.is_set():
            raise OperationalError("the database is away")
        return real()

    monkeypatch.setattr(policies, "FRESH_SECONDS", 0)
    monkeypatch.setattr(policies, "_policies", read)
    running.start()
    eventually(lambda: _assert(len(services.workers()) == 1))
    away.set()
    with syncqueue.queued():
        Note.objects.create(owner=writer, text="1")
    eventually(lambda: _assert("the database is away" in caplog.text))
    away.clear()
    wait_until(lambda: texts(sandbox) == ["1"])
    assert running.alive()


def _assert(holds: bool) -> None:
    assert holds


# Dead letters


def test_a_save_is_not_failed_by_the_dead_letter_of_the_save_before(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    with syncqueue.queued():
        note = Note.objects.create(owner=writer, text="x" * 5000)
        other = Note.objects.create(owner=writer, text="Other")
    _bury(note, "The text is too long.")
    _bury(other, "Another reason.")
    # Saved again, and the process died between commit and dispatch.
    SyncRecord.objects.filter(object_pk=str(note.pk)).update(changed_at=timezone.now() - timedelta(minutes=5))
    Note.objects.filter(pk=note.pk).update(text="Mended")
    SyncRecord.objects.filter(object_pk=str(other.pk)).update(changed_at=timezone.now() - timedelta(hours=1))
    work()
    assert texts(sandbox) == ["Mended"]
    assert record_of(note).state == RecordState.SYNCED
    assert (record_of(other).state, record_of(other).error) == (RecordState.FAILED, "Another reason.")


def test_a_save_by_a_slow_clock_is_not_failed_by_a_dead_letter_from_before_the_last_success(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    with syncqueue.queued():
        note = Note.objects.create(owner=writer, text="First")
    _bury(note, "It is over.")  # it comes back with a Redis that is restored from an older copy
    hour = timedelta(hours=1)
    SyncRecord.objects.update(synced_at=timezone.now() - timedelta(minutes=5), changed_at=timezone.now() - hour)
    work()
    assert texts(sandbox) == ["First"]
    assert record_of(note).state == RecordState.SYNCED


def _store_late(record: SyncRecord) -> None:
    """An attempt that stood still stores its copy after another one has failed the record."""
    parts = [RemotePart(**part) for part in record.parts]
    done = records.Synced(record=record, token="late", parts=parts, fingerprint="", next_at=None)
    assert records.store_synced([done], now=timezone.now()) == {record.pk}


def _note_late(record: SyncRecord) -> None:
    """It was fenced, and leaves a copy that is to be removed."""
    records.note_orphans(record, [RemotePart(kind="text", id="404", address="@news")])


def _retire(record: SyncRecord) -> None:
    """Its destination is removed, and the process dies before it can enqueue anything."""
    destinations.begin_retirement(record.destination, remove_remote=True)


@pytest.mark.parametrize("change", [_store_late, _note_late, _retire])
def test_what_comes_after_a_dead_letter_is_done(
    change: Callable[[SyncRecord], None], channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note = Note.objects.create(owner=writer, text="First")
    with syncqueue.queued():
        note.text = "Second"
        note.save()
    _bury(note, "It is over.")
    hour = timedelta(hours=1)
    SyncRecord.objects.update(
        state="failed", error="It is over.", sending_token="late", changed_at=timezone.now() - hour
    )
    change(record_of(note))
    SyncRecord.objects.update(changed_at=F("changed_at") - timedelta(minutes=5))  # for the reconciler to look at it
    SyncRecord.objects.update(sending_until=timezone.now() - hour)
    work_until(lambda: not SyncRecord.objects.exclude(state="synced").exists())
    assert texts(sandbox) == ([] if change is _retire else ["Second"])
    assert not OrphanPart.objects.exists()


def _bury(note: Note, reason: str) -> None:
    """Let a record's task be a dead letter, of an attempt ten minutes ago."""
    at = timezone.now() - timedelta(minutes=10)
    wanted = record_task_id(record_of(note).pk)
    for claimed in queue().claim(10).tasks:
        if claimed.task.id == wanted:
            queue().fail(claimed, AttemptNote(at=at, seconds=0.1, outcome="failure", error=reason))
        else:
            queue().release(claimed)


# Deletions


def test_a_deletion_whose_record_is_refused_is_recorded_after_the_commit(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note = Note.objects.create(owner=writer, text="1")
    with transaction.atomic(), refused_records():
        note.delete()
        # As after a deadlock or a serialization failure: what was refused inside passes outside.
    work_until(lambda: texts(sandbox) == [])
    assert not SyncRecord.objects.exists()


def test_an_object_that_is_gone_without_a_word_is_found_by_the_slow_look(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    gone, kept = (Note.objects.create(owner=writer, text=text) for text in ("Gone", "Kept"))
    Note.objects.filter(pk=gone.pk)._raw_delete("default")  # type: ignore[attr-defined]
    look = housekeeping.LookForGone()
    for _ in range(3):
        look.run()
    work()
    assert texts(sandbox) == ["Kept"]
    assert SyncRecord.objects.get() == record_of(kept)


def test_the_slow_look_passes_a_source_that_cannot_be_asked(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Note.objects.create(owner=writer, text="Gone")
    away = SyncRecord.objects.create(
        source="auth.user", object_pk="1", destination=channel, service="telegram", state=RecordState.SYNCED
    )
    Note.objects.filter(pk=gone.pk)._raw_delete("default")  # type: ignore[attr-defined]
    real = walk.gone_among

    def ask(records: Any) -> Any:
        if records[0].source == "auth.user":
            raise OperationalError("the source's database is away")
        return real(records)

    monkeypatch.setattr(walk, "gone_among", ask)
    look = housekeeping.LookForGone()
    look._after = 0
    with pytest.raises(OperationalError):
        look.run()
    work()
    assert texts(sandbox) == []
    assert SyncRecord.objects.get() == away


def test_the_slow_look_looks_at_one_chunk_a_round(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncqueue.sources.walk.CHUNK", 2)
    notes = [Note.objects.create(owner=writer, text=str(n)) for n in range(6)]
    Note.objects.all()._raw_delete("default")  # type: ignore[attr-defined]
    look = housekeeping.LookForGone()
    look._after = 0
    assert [look.run() for _ in range(4)] == [2, 2, 2, 0]
    assert len(notes) == 6


# Owners


def test_a_retirement_that_fails_leaves_the_deletion_of_the_user_and_the_sites_own_hooks_alone(
    writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(NoteSync, "owner", lambda self, note: note.owner_id)
    Destination.objects.create(name="Mine", service="telegram", owner=writer)
    called: list[str] = []

    def broken(owner_id: Any) -> None:
        raise LookupError("not today")

    with monkeypatch.context() as patch:
        patch.setattr(services, "retire_of_owner", broken)
        with transaction.atomic():
            writer.delete()
            transaction.on_commit(lambda: called.append("the site's"))
    assert called == ["the site's"]
    assert "could not be retired" in caplog.text
    assert Destination.objects.exists()
    housekeeping.LookForOwnerless().run()
    assert not Destination.objects.exists()


def test_a_retirement_that_fails_again_and_again_keeps_no_other_back(
    own_site: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncqueue.receivers.services.retire_of_owner", lambda owner_id: None)  # as if Redis hung
    for name in ("ann", "bea"):
        user = User.objects.create_user(name)
        for number in (1, 2):
            Destination.objects.create(name=f"{name} {number}", service="telegram", owner=user)
        user.delete()
    monkeypatch.undo()
    real = places.retire

    def retire(destination: Destination, **named: Any) -> None:
        if destination.name == "ann 1":
            raise LookupError("not today")
        real(destination, **named)

    monkeypatch.setattr(places, "retire", retire)
    look = housekeeping.LookForOwnerless()
    for _ in range(2):
        with pytest.raises(LookupError, match="not today"):
            look.run()
        assert [row.name for row in Destination.objects.all()] == ["ann 1"]
    monkeypatch.setattr(places, "retire", real)
    look.run()
    assert not Destination.objects.exists()


def test_the_look_for_owners_leaves_those_alone_that_are_there(writer: User) -> None:
    mine = Destination.objects.create(name="Mine", service="telegram", owner=writer)
    site = Destination.objects.create(name="Site", service="telegram")
    housekeeping.LookForOwnerless().run()
    assert list(Destination.objects.order_by("pk")) == [mine, site]
