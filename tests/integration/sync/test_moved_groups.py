"""A group that becomes a supergroup: the destination follows, and nothing is posted twice."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from project.notes.models import Note
from project.sandbox.telegram.service import DEFAULT_TOKEN
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination, RecordState
from syncqueue.sources.registry import source_for
from syncqueue.worker.sweeper import sweep_source
from tests.integration.sync.scene import configure, hold_names, make_destination, methods, record_of, work, work_until
from tests.integration.sync.scene import texts as texts_in

pytestmark = pytest.mark.django_db(transaction=True)


def texts(sandbox: RunningSandbox, chat: str | int = "@news") -> list[str]:
    """What is read in a chat."""
    return texts_in(sandbox, chat)  # type: ignore[arg-type]


def test_a_note_goes_to_the_new_chat_and_the_destination_has_its_address(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    number = sandbox.migrate("@news")
    note = Note.objects.create(owner=writer, text="First")
    work()
    channel.refresh_from_db()
    assert (channel.address, channel.broken_reason) == (str(number), "")
    assert (texts(sandbox), texts(sandbox, number)) == ([], ["First"])
    assert record_of(note).state == RecordState.SYNCED
    assert hold_names() == []


def test_the_move_uses_no_attempt(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    configure("telegram", MAX_RETRIES=0)
    number = sandbox.migrate("@news")
    Note.objects.create(owner=writer, text="First")
    work()
    assert texts(sandbox, number) == ["First"]


def test_many_notes_at_once_move_once_and_go_out_once_each(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    number = sandbox.migrate("@news")
    for n in range(5):
        Note.objects.create(owner=writer, text=f"Note {n}")
    work()
    assert sorted(texts(sandbox, number)) == [f"Note {n}" for n in range(5)]


def test_notes_of_before_are_edited_in_the_old_history_and_not_posted_again(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    old, edited = (Note.objects.create(owner=writer, text=text) for text in ("Old", "Edited"))
    number = sandbox.migrate("@news")
    edited.text = "Edited twice"
    edited.save()
    work()
    sweep_source(source_for(Note))
    work()
    assert (texts(sandbox), texts(sandbox, number)) == (["Old", "Edited twice"], [])
    assert {record_of(note).parts[0]["address"] for note in (old, edited)} == {"@news"}


def test_a_note_of_before_that_is_deleted_is_emptied_in_the_old_history(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note = Note.objects.create(owner=writer, text="Old")
    number = sandbox.migrate("@news")
    note.soft_delete()
    work()
    note.soft_delete()
    work()
    assert (texts(sandbox), texts(sandbox, number)) == (["(removed)"], [])
    assert methods(sandbox) == ["sendMessage", "deleteMessage", "editMessageText"]


def test_an_address_that_the_settings_declare_is_left_to_a_person(
    own_site: None, writer: User, sandbox: RunningSandbox
) -> None:
    entry: dict[str, Any] = {"SERVICE": "telegram", "ADDRESS": "@news", "SECRET": {"token": DEFAULT_TOKEN}}
    configure(DESTINATIONS={"news": entry})
    number = sandbox.migrate("@news")
    note = Note.objects.create(owner=writer, text="First")
    work()
    row = Destination.objects.get()
    assert row.address == "@news"
    assert f"{number} now. Enter it as the address." in row.broken_reason
    assert record_of(note).state == RecordState.WAITING


def test_an_address_that_was_changed_meanwhile_is_kept(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    sandbox.migrate("@news")
    sandbox.set_mode("telegram", "slow", delay_seconds=0.5, method="sendMessage")
    configure("IMMEDIATE", TIMEOUT_SECONDS=0.05)
    Note.objects.create(owner=writer, text="Second")  # goes on in the background
    Destination.objects.update(address="@drafts")
    work_until(lambda: texts(sandbox, "@drafts") == ["Second"])
    assert Destination.objects.get().address == "@drafts"


def test_a_destination_entered_by_its_number_follows_too(writer: User, sandbox: RunningSandbox) -> None:
    channel = make_destination(sandbox, "-1001000000001")
    number = sandbox.migrate("@news")
    Note.objects.create(owner=writer, text="First")
    work()
    channel.refresh_from_db()
    assert channel.address == str(number)
