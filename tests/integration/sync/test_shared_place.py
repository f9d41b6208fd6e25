"""Two destinations at one place: which of them shows an object while rules, owners and destinations change."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User

import syncqueue
from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.core.errors import AddressMoved
from syncqueue.handlers.base import DocumentHandler, DocumentJob, Place, RemotePart
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.sources import records, same_place
from syncqueue.sources.planner import Step
from tests.integration.sync import shelf as shelf_module
from tests.integration.sync.conftest import forget_all
from tests.integration.sync.scene import configure, make_destination, methods, texts, work, work_until
from tests.integration.sync.shelf import Shelf

pytestmark = pytest.mark.django_db(transaction=True)


class MovedHandler(DocumentHandler):
    """A service that tells whoever looks a place up that it has moved."""

    def endpoint(self, place: Place) -> str:
        return "moved:1"

    async def check(self, place: Place) -> str:
        return "It is there."

    async def identify(self, place: Place) -> str:
        if place.address == "old":
            raise AddressMoved("The place has moved.", new_address="new")
        return place.address

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        return [RemotePart(kind="text", id="1", address=job.place.address)]

    async def update(self, job: DocumentJob) -> Sequence[RemotePart]:
        return list(job.parts)

    async def delete(self, job: DocumentJob) -> None:
        return None


@pytest.fixture
def shelf(own_site: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """An empty shelf, on which an object has one place whoever puts it there."""
    handlers = {"shelf": {"CLASS": "tests.integration.sync.shelf.ShelfHandler"}}
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "KEY_PREFIX": uuid.uuid4().hex, "HANDLERS": handlers}
    forget_all()
    monkeypatch.setattr(shelf_module, "shelf", Shelf())
    yield shelf_module.shelf


@pytest.fixture
def second(channel: Destination, sandbox: RunningSandbox) -> Destination:
    """Another destination at the channel @news, with a bot of its own."""
    row = make_destination(sandbox, name="second")
    same_place.forget()
    return row


def change(row: Destination, **values: Any) -> None:
    """Change a destination, and let everybody notice at once."""
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    same_place.forget()


def rows() -> list[SyncRecord]:
    """All records, oldest first."""
    return list(SyncRecord.objects.order_by("pk"))


def write_while_telegram_is_down(writer: User, sandbox: RunningSandbox) -> None:
    """A note for which the first destination waits; the second one rests."""
    configure("BREAKER", FAILURES=1, OPEN_SECONDS=0.2)
    sandbox.set_mode("telegram", "down")
    Note.objects.create(owner=writer, text="Tea")
    work()
    assert [row.state for row in rows()] == [RecordState.WAITING, RecordState.SYNCED]


def test_a_row_that_two_destinations_know_stays_as_long_as_one_of_them_wants_it(shelf: Shelf, writer: User) -> None:
    first = Destination.objects.create(name="first", service="shelf", address="one")
    Destination.objects.create(name="second", service="shelf", address="one")
    note = Note.objects.create(owner=writer, text="Tea")
    work()
    known = rows()[0]
    SyncRecord.objects.update(parts=known.parts, content_hash=known.content_hash)
    change(first, rule="private")
    note.save()
    work_until(lambda: not SyncRecord.objects.filter(state=RecordState.WAITING).exists())
    assert list(shelf.copies.values()) == ["Tea"]
    assert [row.parts for row in rows()] == [[], known.parts]
    note.delete()
    work()
    assert not shelf.copies


def test_whoever_waits_behind_a_destination_that_rests_wakes_it(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    change(channel, rule="private")
    note = Note.objects.create(owner=writer, text="Tea")
    change(channel, rule="all")
    assert texts(sandbox) == []
    make_destination(sandbox, name="second", start_at=note.created_at)
    same_place.forget()
    work_until(lambda: texts(sandbox) == ["Tea"])
    assert methods(sandbox).count("sendMessage") == 1


@pytest.mark.parametrize("remove_remote", [True, False])
def test_what_a_retired_destination_had_not_posted_yet_another_one_posts(
    channel: Destination, second: Destination, writer: User, sandbox: RunningSandbox, *, remove_remote: bool
) -> None:
    write_while_telegram_is_down(writer, sandbox)
    services.retire(channel, remove_remote=remove_remote, actor="a test")
    sandbox.set_mode("telegram", "up")
    work_until(lambda: texts(sandbox) == ["Tea"])
    assert not Destination.objects.filter(pk=channel.pk).exists()


def test_a_destination_that_was_off_while_another_one_retired_shows_its_objects_when_it_is_on(
    channel: Destination, second: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    Note.objects.create(owner=writer, text="Tea")
    work()
    change(second, enabled=False)
    services.retire(channel, remove_remote=True, actor="a test")
    work()
    assert texts(sandbox) == []
    change(second, enabled=True)
    work_until(lambda: texts(sandbox) == ["Tea"])


def test_while_one_destination_posts_an_object_another_one_waits_and_takes_it_over(
    channel: Destination, second: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("IMMEDIATE", ENABLED=False)
    Note.objects.create(owner=writer, text="Tea")
    theirs = rows()[1]
    records.mark([records.Mark(record=theirs, step=Step.CREATE, token="theirs", seconds=60)])
    work()
    assert methods(sandbox).count("sendMessage") == 0
    SyncRecord.objects.filter(pk=theirs.pk).update(sending_token="", sending_until=None)
    work_until(lambda: texts(sandbox) == ["Tea"])


def test_a_copy_that_the_site_keeps_is_not_posted_again_by_its_new_owner(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NoteSync, "owners", syncqueue.ModelSync.owners)
    monkeypatch.setattr(NoteSync, "owner", lambda self, note: None)
    note = Note.objects.create(owner=writer, text="Tea")
    make_destination(sandbox, name="mine", owner=writer, start_at=note.created_at)
    same_place.forget()
    monkeypatch.setattr(NoteSync, "owner", lambda self, note: note.owner_id)
    note.text = "Black tea"
    note.save()
    work()
    assert texts(sandbox) == ["Black tea"]


def test_a_copy_that_is_taken_over_keeps_the_identity_of_its_place(
    channel: Destination, second: Destination, writer: User
) -> None:
    Note.objects.create(owner=writer, text="Tea")
    work()
    gives, takes = rows()
    [part] = records.read_parts(rows()[0])
    gives.parts = records.write_parts([replace(part, identity="")])
    gives.destination.identities = {part.address: "-100"}
    gives.save()
    assert records.take_over(takes, gives)
    assert [one.identity for one in records.read_parts(rows()[1])] == ["-100"]
    assert rows()[0].parts == []


def test_a_place_that_has_moved_is_followed_by_whoever_looks_it_up(own_site: None, writer: User) -> None:
    configure(HANDLERS={"moved": {"CLASS": f"{__name__}.MovedHandler"}})
    place = Destination.objects.create(name="mine", service="moved", address="old")
    Destination.objects.create(name="other", service="moved", address="another")
    Note.objects.create(owner=writer, text="Tea")
    work_until(lambda: not SyncRecord.objects.exclude(state=RecordState.SYNCED).exists())
    place.refresh_from_db()
    assert place.address == "new"
    assert [row.parts[0]["address"] for row in rows()] == ["new", "another"]


def test_the_copy_of_a_destination_that_is_switched_off_is_taken_over(
    channel: Destination, second: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note = Note.objects.create(owner=writer, text="Tea")
    work()
    change(channel, enabled=False)
    note.text = "Green tea"
    note.save()
    work_until(lambda: texts(sandbox) == ["Green tea"])
    assert [bool(row.parts) for row in rows()] == [False, True]
    change(channel, enabled=True)
    note.text = "Black tea"
    note.save()
    work_until(lambda: texts(sandbox) == ["Black tea"])
    assert [bool(row.parts) for row in rows()] == [True, False]


def test_what_a_destination_has_not_sent_when_it_is_switched_off_another_one_sends(
    channel: Destination, second: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    write_while_telegram_is_down(writer, sandbox)
    change(channel, enabled=False)
    sandbox.set_mode("telegram", "up")
    work_until(lambda: texts(sandbox) == ["Tea"])
    assert [bool(row.parts) for row in rows()] == [False, True]
    change(channel, enabled=True)
    work_until(lambda: [bool(row.parts) for row in rows()] == [True, False])
    assert methods(sandbox).count("sendMessage") == 1


def test_what_a_destination_could_not_send_when_it_broke_another_one_sends(
    channel: Destination, second: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    change(channel, secret={"token": f"1:{'x' * 35}"})
    Note.objects.create(owner=writer, text="Tea")
    work_until(lambda: texts(sandbox) == ["Tea"])
    channel.refresh_from_db()
    assert channel.broken_reason
    assert [bool(row.parts) for row in rows()] == [False, True]


def test_who_takes_a_copy_over_and_may_have_lost_one_says_that_a_second_one_may_be_left(
    own_site: None, writer: User
) -> None:
    configure(HANDLERS={"moved": {"CLASS": f"{__name__}.MovedHandler"}})
    first = Destination.objects.create(name="first", service="moved", address="new", rule="private")
    Destination.objects.create(name="second", service="moved", address="new")
    note = Note.objects.create(owner=writer, text="Tea")
    work()
    SyncRecord.objects.filter(pk=rows()[0].pk).update(uncertain=True)  # it has not got the answer to a create
    change(first, rule="all")
    note.save()
    work_until(lambda: [bool(row.parts) for row in rows()] == [True, False])
    work_until(lambda: not SyncRecord.objects.filter(state=RecordState.WAITING).exists())
    note.delete()
    work_until(lambda: [row.state for row in rows()] == [RecordState.FAILED])
    assert "A copy may be left at" in rows()[0].error


def test_a_destination_that_is_switched_off_keeps_the_copy_that_nobody_else_wants(
    channel: Destination, second: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note = Note.objects.create(owner=writer, text="Tea")
    work()
    change(second, rule="private")
    change(channel, enabled=False)
    note.text = "Green tea"
    note.save()
    work()
    assert texts(sandbox) == ["Tea"]
    change(channel, enabled=True)
    work_until(lambda: texts(sandbox) == ["Green tea"])
