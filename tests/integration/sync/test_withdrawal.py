"""What is withdrawn is gone: from the place of today, from former places, and from the destinations of others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

import syncqueue
from project.notes.models import Note, Tag
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.models import Destination, OrphanPart, RecordState, SyncRecord
from syncqueue.sources import same_place
from syncqueue.sources.registry import register, unregister
from tests.integration.sync.scene import (
    configure,
    hold_names,
    make_destination,
    methods,
    post_as_before,
    record_of,
    texts,
    work,
    work_until,
)

pytestmark = pytest.mark.django_db(transaction=True)

NEWS = "-1001000000001"  # the sandbox's number of @news


class TimedSync(NoteSync):
    """Notes with times and with copies from before, which the demo's notes have no columns for."""

    times: dict[int, tuple[datetime | None, datetime | None]] = {}
    old: dict[int, str] = {}

    def owner(self, note: Note) -> int | None:
        return note.owner_id if Destination.objects.filter(owner_id=note.owner_id).exists() else None

    def live_from(self, note: Note) -> datetime | None:
        return self.times.get(note.pk, (None, None))[0]

    def live_until(self, note: Note) -> datetime | None:
        return self.times.get(note.pk, (None, None))[1]

    def existing_remote(self, note: Note, destination: Destination) -> str | None:
        return self.old.get(note.pk)


@pytest.fixture(autouse=True)
def timed_notes(own_site: None) -> Iterator[None]:
    """Notes are synced by `TimedSync`."""
    TimedSync.times, TimedSync.old = {}, {}
    unregister(Note)
    register(Note)(TimedSync)
    same_place.forget()
    yield
    unregister(Note)
    register(Note)(NoteSync)


@pytest.fixture
def note(channel: Destination, writer: User) -> Note:
    """A note that is out there."""
    return Note.objects.create(owner=writer, text="First")


def move(destination: Destination, address: str) -> None:
    """The destination gets another address."""
    destination.address = address
    destination.save()
    same_place.forget()


def save(note: Note, **values: Any) -> None:
    """Set fields and save."""
    for name, value in values.items():
        setattr(note, name, value)
    note.save()


@pytest.mark.parametrize("spelling", [NEWS, "@News"])
def test_another_spelling_of_the_place_is_the_same_place(
    note: Note, channel: Destination, sandbox: RunningSandbox, spelling: str
) -> None:
    move(channel, spelling)
    save(note, text="Second")
    work()
    assert texts(sandbox) == ["Second"]
    note.soft_delete()
    work()
    assert texts(sandbox) == []


def test_what_was_posted_at_a_former_place_goes_with_its_note(
    note: Note, channel: Destination, sandbox: RunningSandbox
) -> None:
    move(channel, "@drafts")
    save(note, text="Second")
    work()
    assert (texts(sandbox), texts(sandbox, "@drafts")) == (["First"], ["Second"])
    note.soft_delete()
    work()
    assert (texts(sandbox), texts(sandbox, "@drafts")) == ([], [])
    assert record_of(note).state == RecordState.SYNCED


def test_what_cannot_be_removed_from_a_former_place_fails_and_names_it(
    note: Note, channel: Destination, sandbox: RunningSandbox
) -> None:
    configure("telegram", MAX_RETRIES=0)
    move(channel, "@drafts")
    sandbox.set_mode("telegram", "broken", chat="@news")
    note.soft_delete()
    work_until(lambda: record_of(note).state == RecordState.FAILED)
    found = record_of(note)
    assert "A copy at @news, where it is not wanted any more, could not be removed" in found.error
    assert found.parts[0]["url"] in found.error
    channel.refresh_from_db()
    assert channel.broken_reason == ""


def test_a_search_at_a_former_place_that_is_put_off_goes_on_and_uses_no_attempt(
    note: Note, channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("telegram", MAX_RETRIES=0)
    configure("BREAKER", OPEN_SECONDS=1)
    configure("IMMEDIATE", ENABLED=False)
    lost = Note.objects.create(owner=writer, text="Lost")
    sandbox.plan_answers("telegram", {"mode": "store-then-reset", "method": "sendMessage"})
    work()
    assert texts(sandbox) == ["First", "Lost"]
    move(channel, "@drafts")
    limited = {"mode": "limited", "retry_after": 1, "method": "editMessageText"}
    sandbox.plan_answers("telegram", *["up"] * 2, limited)  # the two questions before the first number
    lost.soft_delete()
    work()
    (trace,) = record_of(lost).parts
    assert (trace["kind"], trace["address"]) == ("sent", "@news")
    assert hold_names() == []
    work_until(lambda: texts(sandbox) == ["First"])
    work_until(lambda: record_of(lost).state == RecordState.SYNCED)
    assert record_of(lost).parts == []


def test_an_orphan_of_several_parts_that_is_partly_removed_leaves_the_records_own_parts(
    note: Note, channel: Destination, sandbox: RunningSandbox
) -> None:
    (own,) = record_of(note).parts
    others = [{**own, "id": post_as_before(sandbox, f"Orphan {n}")} for n in range(2)]
    record = record_of(note)
    for part in others:
        OrphanPart.objects.create(record=record, part=part)
    configure("telegram", BASE_DELAY_SECONDS=0)
    configure("IMMEDIATE", ENABLED=False)
    save(note, text="Second")
    sandbox.plan_answers("telegram", "up", {"mode": "error", "status": 409, "method": "deleteMessage"})
    work()
    assert record_of(note).parts == [own]
    work_until(lambda: record_of(note).state == RecordState.SYNCED)
    assert texts(sandbox) == ["Second"]


def test_a_note_that_is_handed_over_leaves_the_first_owners_channel(sandbox: RunningSandbox, writer: User) -> None:
    other = User.objects.create_user("other")
    make_destination(sandbox, "@news", owner=writer)
    make_destination(sandbox, "@drafts", owner=other)
    note = Note.objects.create(owner=writer, text="Mine")
    assert texts(sandbox) == ["Mine"]
    save(note, owner=other, text="Yours")
    work()
    assert (texts(sandbox), texts(sandbox, "@drafts")) == ([], ["Yours"])


def test_a_site_wide_destination_keeps_a_note_that_is_handed_over(
    note: Note, channel: Destination, sandbox: RunningSandbox
) -> None:
    save(note, owner=User.objects.create_user("other"), text="Second")
    work()
    assert texts(sandbox) == ["Second"]


def test_two_destinations_at_one_place_show_a_note_once_and_the_second_takes_over(
    sandbox: RunningSandbox, writer: User
) -> None:
    rail, sea = (Tag.objects.create(name=name) for name in ("rail", "sea"))
    make_destination(sandbox, "@news", name="Rail", rule="tag", rule_value="rail")
    make_destination(sandbox, NEWS, name="Sea", rule="tag", rule_value="sea")
    Destination.objects.update(identities={"@news": NEWS, NEWS: NEWS})
    same_place.forget()
    note = Note.objects.create(owner=writer, text="Both")
    note.tags.add(rail, sea)
    work_until(lambda: texts(sandbox) == ["Both\n\n#rail #sea"])
    posted = methods(sandbox).count("sendMessage")
    note.tags.remove(rail)
    work_until(lambda: not SyncRecord.objects.filter(state=RecordState.WAITING).exists())
    assert texts(sandbox) == ["Both\n\n#sea"]
    assert methods(sandbox).count("sendMessage") == posted
    note.tags.remove(sea)
    work_until(lambda: texts(sandbox) == [])


def test_a_note_appears_at_its_time_and_disappears_at_its_end(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    begin = timezone.now() + timedelta(hours=1)
    note = Note(owner=writer, text="Later")
    note.pk = 4711
    TimedSync.times[4711] = (begin, begin + timedelta(hours=1))
    note.save(force_insert=True)
    work()
    found = record_of(note)
    assert (texts(sandbox), found.state, found.due_at) == ([], RecordState.WAITING, begin)
    assert "will be sent at" in str(syncqueue.explain(note)[0])

    TimedSync.times[4711] = (timezone.now() - timedelta(hours=1), timezone.now() + timedelta(seconds=1))
    SyncRecord.objects.update(due_at=timezone.now())  # an hour is over
    work()
    assert texts(sandbox) == ["Later"]
    work_until(lambda: texts(sandbox) == [])  # and so is a second
    assert record_of(note).state == RecordState.SYNCED


def test_a_changed_time_counts_at_once(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    TimedSync.times[4712] = (timezone.now() + timedelta(days=1), None)
    note = Note(pk=4712, owner=writer, text="Now after all")
    note.save(force_insert=True)
    work()
    assert texts(sandbox) == []
    TimedSync.times.clear()
    note.save()
    work()
    assert texts(sandbox) == ["Now after all"]


@pytest.mark.parametrize("withdraw", ["trash", "private"])
def test_a_copy_from_before_is_removed_when_its_note_is_withdrawn(
    sandbox: RunningSandbox, writer: User, withdraw: str
) -> None:
    channel = make_destination(sandbox, rule="public")
    first = Note.objects.create(owner=writer, text="From before")
    message = record_of(first).parts[0]["id"]
    SyncRecord.objects.all().delete()  # syncqueue knows nothing of it; the site does
    TimedSync.old[first.pk] = message
    assert channel.start_at is not None
    save(first, **({"deleted_at": timezone.now()} if withdraw == "trash" else {"is_private": True}))
    work()
    assert texts(sandbox) == []


def test_retiring_with_its_copies_forgets_no_copy_whose_answer_was_lost(
    note: Note, channel: Destination, sandbox: RunningSandbox
) -> None:
    SyncRecord.objects.update(parts=[], uncertain=True, sending_address="@news", state=RecordState.WAITING)
    services.retire(channel, remove_remote=True, actor="a test")
    work_until(lambda: record_of(note).state == RecordState.FAILED)
    assert "A copy may be left at @news (@news)" in record_of(note).error


def test_deleting_a_user_removes_the_copies_of_the_notes_that_go_with_them(
    sandbox: RunningSandbox, writer: User
) -> None:
    make_destination(sandbox, owner=writer)
    for n in range(15):
        Note.objects.create(owner=writer, text=f"Note {n}")
    assert len(texts(sandbox)) == 15
    writer.delete()
    work_until(lambda: texts(sandbox) == [])
    work_until(lambda: not Destination.objects.exists())
