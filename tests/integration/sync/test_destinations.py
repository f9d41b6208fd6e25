"""Destinations that change, go, or stand in the settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.utils import timezone

import syncqueue
from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.core.errors import SecretError
from syncqueue.handlers.base import RemotePart
from syncqueue.models import Destination, DestinationState, RecordState, SyncRecord, Walk
from syncqueue.presentation.destinations import condition
from syncqueue.sources import destinations, records
from tests.integration.sync.scene import (
    configure,
    make_destination,
    post_as_before,
    queue,
    record_of,
    task_of,
    texts,
    work,
    work_until,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def note(channel: Destination, writer: User) -> Note:
    """A note that is out there."""
    return Note.objects.create(owner=writer, text="First")


def test_after_a_change_of_address_an_edit_posts_at_the_new_place_and_leaves_the_old(
    note: Note, channel: Destination, sandbox: RunningSandbox
) -> None:
    channel.address = "@drafts"
    channel.save()
    note.text = "Second"
    note.save()
    assert (texts(sandbox), texts(sandbox, "@drafts")) == (["First"], ["Second"])
    note.text = "Third"
    note.save()
    assert (texts(sandbox), texts(sandbox, "@drafts")) == (["First"], ["Third"])


def test_a_destination_is_not_stored_without_the_request_to_record_older_notes(own_site: None, writer: User) -> None:
    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT") and "syncqueue_walk" in sql:
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)

    note = Note.objects.create(owner=writer, text="First")
    channel = Destination(name="@news", service="telegram", address="@news", start_at=note.created_at)
    with connection.execute_wrapper(refuse), pytest.raises(OperationalError):
        channel.save()
    assert not Destination.objects.exists()
    Destination.objects.create(name="@news", service="telegram", address="@news", start_at=note.created_at)
    assert Walk.objects.exists()


def test_a_destination_switched_off_parks_what_is_out_there_and_goes_on_when_switched_on(
    note: Note, channel: Destination, sandbox: RunningSandbox
) -> None:
    channel.enabled = False
    channel.save()
    note.text = "Second"
    note.save()
    assert queue().stats().delayed_count == 1
    work()
    assert texts(sandbox) == ["First"]
    channel.enabled = True
    channel.save()
    work()
    assert texts(sandbox) == ["Second"]


def test_retiring_a_destination_can_leave_its_copies(note: Note, channel: Destination, sandbox: RunningSandbox) -> None:
    services.retire(channel, remove_remote=False, actor="a test")
    assert texts(sandbox) == ["First"]
    assert not Destination.objects.exists()
    assert not SyncRecord.objects.exists()


def test_a_late_copy_of_a_deleted_object_goes_where_those_of_others_stay(
    note: Note, channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    kept = Note.objects.create(owner=writer, text="Kept")
    of_both = [record_of(note), record_of(kept)]
    late = [post_as_before(sandbox, text) for text in ("Late", "Late too")]
    configure("IMMEDIATE", ENABLED=False)
    note.delete()
    services.retire(channel, remove_remote=False, actor="a test")
    for record, number in zip(of_both, late, strict=True):
        records.note_orphans(record, [RemotePart(kind="text", id=number, address=channel.address)])
    work_until(lambda: not Destination.objects.exists())
    assert texts(sandbox) == ["Kept", "Late too"]


def test_retiring_a_destination_can_remove_its_copies_and_then_goes(
    note: Note, channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    Note.objects.create(owner=writer, text="Second")
    services.retire(channel, remove_remote=True, actor="a test")
    assert Destination.objects.get().state == "retiring"
    Note.objects.create(owner=writer, text="Too late")
    work()
    assert texts(sandbox) == []
    work()  # the next look finds that nothing is left
    assert not Destination.objects.exists()
    assert not SyncRecord.objects.exists()


def test_retiring_waits_for_a_service_that_is_away(note: Note, channel: Destination, sandbox: RunningSandbox) -> None:
    configure("BREAKER", FAILURES=1, OPEN_SECONDS=0.2)
    sandbox.set_mode("telegram", "down")
    services.retire(channel, remove_remote=True, actor="a test")
    work()
    assert Destination.objects.get().state == "retiring"
    sandbox.set_mode("telegram", "up")
    work_until(lambda: not Destination.objects.exists())
    assert texts(sandbox) == []


def test_with_its_owner_a_destination_goes_and_its_copies_stay(
    writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NoteSync, "owner", lambda self, note: note.owner_id)
    other = User.objects.create_user("other")
    mine = make_destination(sandbox, owner=writer)
    make_destination(sandbox, "@drafts", owner=other)
    Note.objects.create(owner=other, text="Theirs")
    writer.delete()
    assert not Destination.objects.filter(pk=mine.pk).exists()
    assert texts(sandbox, "@drafts") == ["Theirs"]


def test_the_notes_of_a_deleted_owner_do_not_fail(
    writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(NoteSync, "owner", lambda self, note: note.owner_id)
    make_destination(sandbox, owner=writer)
    Note.objects.create(owner=writer, text="Mine")
    writer.delete()
    work()
    assert not Destination.objects.exists()
    assert not SyncRecord.objects.exists()
    assert not [line for line in caplog.records if line.levelname == "ERROR"]


class TestDeclared:
    """Destinations of the setting DESTINATIONS."""

    @pytest.fixture
    def entry(self, sandbox: RunningSandbox) -> dict[str, Any]:
        return {"SERVICE": "telegram", "ADDRESS": "@news", "SECRET": {"token": sandbox.bot_token}}

    def test_one_that_is_declared_gets_what_is_saved(
        self, writer: User, sandbox: RunningSandbox, entry: dict[str, Any]
    ) -> None:
        configure(DESTINATIONS={"news": entry})
        Note.objects.create(owner=writer, text="First")
        assert texts(sandbox) == ["First"]
        row = Destination.objects.get()
        assert (row.name, row.declared, row.address, row.secret_text) == ("news", "news", "@news", "")

    def test_a_change_in_the_setting_is_taken_up(
        self, writer: User, sandbox: RunningSandbox, entry: dict[str, Any]
    ) -> None:
        configure(DESTINATIONS={"news": entry})
        Note.objects.create(owner=writer, text="First")
        configure(DESTINATIONS={"news": {**entry, "ADDRESS": "@drafts", "RULE": "public"}})
        Note.objects.create(owner=writer, text="Second")
        Note.objects.create(owner=writer, text="Private", is_private=True)
        assert (texts(sandbox), texts(sandbox, "@drafts")) == (["First"], ["Second"])
        assert Destination.objects.count() == 1

    def test_one_that_is_taken_out_gets_nothing_more_and_may_come_back(
        self, writer: User, sandbox: RunningSandbox, entry: dict[str, Any]
    ) -> None:
        configure(DESTINATIONS={"news": entry})
        Note.objects.create(owner=writer, text="First")
        configure(DESTINATIONS={})
        Note.objects.create(owner=writer, text="Second")
        assert texts(sandbox) == ["First"]
        configure(DESTINATIONS={"news": entry})
        Note.objects.create(owner=writer, text="Third")
        assert texts(sandbox) == ["First", "Third"]

    def test_a_process_without_the_declaration_leaves_the_destination_as_it_is(
        self, writer: User, sandbox: RunningSandbox, entry: dict[str, Any]
    ) -> None:
        configure(DESTINATIONS={"news": entry})
        first = Note.objects.create(owner=writer, text="First")
        configure(DESTINATIONS={})  # a cron job whose environment lacks the variable
        second = Note.objects.create(owner=writer, text="Second")
        first.text = "Edited"
        first.save()
        work()
        assert texts(sandbox) == ["First"]
        assert Destination.objects.get().enabled
        assert "not declared here" in str(syncqueue.explain(first)[0])
        assert "Not declared here" in condition(Destination.objects.get())
        configure(DESTINATIONS={"news": entry})
        SyncRecord.objects.update(changed_at=timezone.now() - timedelta(seconds=61))
        work()
        assert texts(sandbox) == ["Edited", "Second"]
        assert record_of(second).state == RecordState.SYNCED

    def test_a_worker_without_the_declaration_leaves_the_task_to_others(
        self, writer: User, sandbox: RunningSandbox, entry: dict[str, Any]
    ) -> None:
        configure(DESTINATIONS={"news": entry})
        with syncqueue.queued():
            note = Note.objects.create(owner=writer, text="First")
        configure(DESTINATIONS={})
        work()
        assert sandbox.log() == []
        assert "is not declared in the settings" in record_of(note).error
        assert (task_of(note).state, task_of(note).progress.attempt_count) == ("delayed", 0)
        configure(DESTINATIONS={"news": entry})
        services.run_task_now("telegram", task_of(note).task.id, actor="a test")
        work()
        assert texts(sandbox) == ["First"]

    def test_its_secret_cannot_be_set_in_the_database(self, writer: User, entry: dict[str, Any]) -> None:
        configure(DESTINATIONS={"news": entry})
        Note.objects.create(owner=writer, text="First")
        row = Destination.objects.get()
        assert row.secret == entry["SECRET"]
        with pytest.raises(SecretError, match=r"SYNCQUEUE\['DESTINATIONS'\]\['news'\]"):
            row.secret = {"token": "another"}


def test_a_secret_under_a_lost_key_breaks_the_destination_and_says_what_to_do(
    channel: Destination, writer: User, sandbox: RunningSandbox, settings: Any
) -> None:
    settings.SECRET_KEY = "another-key"
    note = Note.objects.create(owner=writer, text="First")
    channel.refresh_from_db()
    assert "SECRET_KEY_FALLBACKS" in channel.broken_reason
    assert record_of(note).state == RecordState.WAITING
    assert task_of(note).held_by == f"stopped:destination:{channel.pk}"
    assert sandbox.log() == []
    settings.SECRET_KEY_FALLBACKS = ["for-tests-only"]
    services.mend(channel, actor="a test")
    work()
    assert texts(sandbox) == ["First"]


def test_a_database_from_another_environment_sends_nothing_until_it_is_adopted(
    note: Note, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    configure(ENVIRONMENT="staging")
    note.text = "Second"
    note.save()
    assert texts(sandbox) == ["First"]
    assert "adopt-queue" in caplog.text
    assert record_of(note).state == RecordState.WAITING
    assert queue().stats().pending_count == 0
    services.adopt_queue()
    note.save()
    assert texts(sandbox) == ["Second"]


def test_an_object_that_is_recorded_while_a_retirement_is_finished_delays_it(channel: Destination) -> None:
    Destination.objects.filter(pk=channel.pk).update(state=DestinationState.RETIRING)

    def record_meanwhile(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if 'FROM "syncqueue_destination"' in sql and not SyncRecord.objects.exists():
            SyncRecord.objects.create(source="notes.note", object_pk="1", service="telegram", destination=channel)
        return answer

    with connection.execute_wrapper(record_meanwhile):
        assert destinations.finish_retirements() == 0
    assert Destination.objects.filter(pk=channel.pk).exists()
    SyncRecord.objects.all().delete()
    destinations.finish_retirements()
    assert not Destination.objects.filter(pk=channel.pk).exists()
