"""The database away, or held by somebody else, at the worst moment: when the service has answered."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections, transaction

import syncqueue
from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.handlers.telegram.handler import TelegramHandler
from syncqueue.models import Destination, RecordState
from syncqueue.sources import records
from tests.integration.sync.scene import methods, queue, record_of, texts, work, work_until

pytestmark = pytest.mark.django_db(transaction=True)

REFUSALS = 2
WAIT_SECONDS = 30.0


class Away(Protocol):
    """A database that can be taken away from everybody."""

    def begin(self) -> None:
        """From here on, what is written is refused."""

    def end(self) -> None:
        """It is back."""


class LockedSqlite:
    """Somebody holds the write lock for longer than others wait."""

    def __init__(self) -> None:
        name = connection.settings_dict["NAME"]
        self._other = sqlite3.connect(name, timeout=20, isolation_level=None, check_same_thread=False)

    def begin(self) -> None:
        if not self._other.in_transaction:
            self._other.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        if self._other.in_transaction:
            self._other.execute("ROLLBACK")

    def close(self) -> None:
        self.end()
        self._other.close()


class RestartedPostgresql:
    """It throws everybody out."""

    def __init__(self) -> None:
        self._other = connection.copy()
        self._other.inc_thread_sharing()  # used where the attempt stores

    def begin(self) -> None:
        with self._other.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def end(self) -> None:
        """Nothing to do: it is there again at once."""

    def close(self) -> None:
        self._other.close()


@pytest.fixture
def away(channel: Destination, monkeypatch: pytest.MonkeyPatch) -> Iterator[Away]:
    """The database of this test's vendor."""
    if connection.vendor == "sqlite":
        # New connections, so the worker's, give up waiting for the write lock at once.
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.05)
    found = LockedSqlite() if connection.vendor == "sqlite" else RestartedPostgresql()
    yield found
    found.close()
    connections.close_all()


@pytest.mark.parametrize("step", ["create", "update"])
def test_what_was_sent_while_the_database_went_away_is_stored_when_it_is_back_and_not_sent_again(
    away: Away, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    note = _saved_for(step, writer)
    sent = len(methods(sandbox))
    tries = 0
    real = records.store_synced

    def store(*args: Any, **named: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries <= REFUSALS:
            away.begin()
        else:
            away.end()
        return real(*args, **named)

    monkeypatch.setattr(records, "store_synced", store)
    connection.close()  # the test's own must not be thrown out in the middle
    work()

    assert tries > int(connection.vendor == "sqlite")  # as below
    assert texts(sandbox) == ["Second"]
    assert len(methods(sandbox)) == sent + 1
    assert record_of(note).state == RecordState.SYNCED


def test_with_the_database_away_before_the_mark_nothing_is_sent_and_no_attempt_is_used(
    away: Away, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    _saved_for("create", writer)
    real = records.mark
    marks = 0

    def mark(*args: Any, **named: Any) -> Any:
        nonlocal marks
        marks += 1
        if marks <= REFUSALS:
            away.begin()
            assert texts(sandbox) == []
        else:
            away.end()
        return real(*args, **named)

    monkeypatch.setattr(records, "mark", mark)
    connection.close()
    work()

    assert marks > int(connection.vendor == "sqlite")  # a thread that has no connection yet cannot be thrown out
    assert texts(sandbox) == ["Second"]
    assert queue().stats().total_failed == 0


def test_an_edit_in_a_long_transaction_that_holds_the_record_while_an_attempt_wants_to_store_wins(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with syncqueue.queued():
        note = Note.objects.create(owner=writer, text="First")
    person = _Person(note)
    create, store = TelegramHandler.create, records.store_synced

    async def create_then_edit(self: TelegramHandler, job: Any) -> Any:
        answer = await create(self, job)
        if not person.is_alive():
            person.start()
            assert person.holds.wait(WAIT_SECONDS)
        return answer

    def store_and_wait(*args: Any, **named: Any) -> Any:
        person.may_commit.set()
        return store(*args, **named)

    monkeypatch.setattr(TelegramHandler, "create", create_then_edit)
    monkeypatch.setattr(records, "store_synced", store_and_wait)
    work_until(lambda: texts(sandbox) == ["Second"])
    person.join(WAIT_SECONDS)

    assert methods(sandbox) == ["sendMessage", "editMessageText"]
    work_until(lambda: record_of(note).state == RecordState.SYNCED)
    assert queue().stats().total_failed == 0


class _Person(threading.Thread):
    """Edits a note in a transaction that stays open until an attempt is storing."""

    def __init__(self, note: Note) -> None:
        super().__init__(daemon=True)
        self.holds = threading.Event()
        self.may_commit = threading.Event()
        self._note = note

    def run(self) -> None:
        try:
            with syncqueue.queued(), transaction.atomic():
                self._note.text = "Second"
                self._note.save()  # the record's new generation: its row is held from here on
                self.holds.set()
                self.may_commit.wait(WAIT_SECONDS)
        finally:
            connections.close_all()


def _saved_for(step: str, writer: User) -> Note:
    """A note whose next attempt creates or updates it with the text "Second"."""
    note = Note(owner=writer, text="Second" if step == "create" else "First")
    if step == "create":
        with syncqueue.queued():
            note.save()
        return note
    note.save()
    note.text = "Second"
    with syncqueue.queued():
        note.save()
    return note
