"""A record that two transactions want in different order: PostgreSQL ends one of them. Not collected on SQLite."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination, SyncRecord
from tests.eventually import eventually
from tests.integration.sync.scene import record_of, texts, work_until

pytestmark = pytest.mark.django_db(transaction=True)

HOLD_RECORD = "SELECT 1 FROM syncqueue_syncrecord WHERE id = %s FOR UPDATE"
HOLD_USER = "SELECT 1 FROM auth_user WHERE id = %s FOR UPDATE"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"


class Other:
    """Another transaction, on a connection and in a thread of its own."""

    def __init__(self) -> None:
        self._connection = connection.copy()
        self._connection.inc_thread_sharing()
        self._connection.set_autocommit(False)
        self._thread: threading.Thread | None = None
        self.run("SET deadlock_timeout = '1min'")  # whoever looks first is ended, and that is to be the save

    def run(self, sql: str, *args: object) -> int:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, args or None)
            return int(cursor.fetchone()[0]) if cursor.description else 0

    def begin(self, sql: str, *args: object) -> None:
        """Run it, though it has to wait."""
        pid = self.run("SELECT pg_backend_pid()")
        self._thread = threading.Thread(target=self.run, args=(sql, *args))
        self._thread.start()
        eventually(lambda: _assert_waits(pid))

    def close(self) -> None:
        if self._thread is not None:
            self._thread.join()
        self._connection.rollback()
        self._connection.close()


def _assert_waits(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [pid])
        assert cursor.fetchone()[0] == 1


@contextmanager
def other_transaction() -> Iterator[Other]:
    """It has ended when the block has."""
    other = Other()
    try:
        yield other
    finally:
        other.close()


def test_a_save_whose_record_is_the_victim_of_a_deadlock_stands_and_the_sweep_heals_it(
    channel: Destination, writer: User, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    note = Note.objects.create(owner=writer, text="First")
    record = record_of(note)

    with other_transaction() as other, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '10ms'")
            cursor.execute(HOLD_USER, [writer.pk])
        other.run(HOLD_RECORD, record.pk)
        other.begin(HOLD_USER, writer.pk)
        note.text = "Second"
        note.save()
        assert record_of(note).generation == record.generation  # nothing came of it; the second try is after the commit

    assert "deadlock detected" in caplog.text
    assert Note.objects.get().text == "Second"
    work_until(lambda: texts(sandbox) == ["Second"])


def test_a_save_that_waits_too_long_for_its_record_stands_and_the_sweep_heals_it(
    channel: Destination, writer: User, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    note = Note.objects.create(owner=writer, text="First")
    record = record_of(note)

    with other_transaction() as other, transaction.atomic():
        other.run(HOLD_RECORD, record.pk)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '50ms'")
        note.text = "Second"
        note.save()

    assert "lock timeout" in caplog.text
    assert Note.objects.get().text == "Second"
    work_until(lambda: texts(sandbox) == ["Second"])


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_deletion_whose_record_was_changed_meanwhile_is_recorded_after_the_commit(
    channel: Destination, writer: User, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture, level: str
) -> None:
    note = Note.objects.create(owner=writer, text="First")
    assert texts(sandbox) == ["First"]
    with other_transaction() as other, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
            cursor.execute("SELECT count(*) FROM auth_user")  # from here on it sees this moment alone
        other.run("UPDATE syncqueue_syncrecord SET changed_at = now() RETURNING 1")
        other._connection.commit()
        note.delete()
    assert "could not serialize access" in caplog.text
    work_until(lambda: texts(sandbox) == [])
    assert not SyncRecord.objects.exists()


def test_a_deletion_that_waits_for_a_lock_in_vain_is_recorded_after_the_commit(
    channel: Destination, writer: User, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    note = Note.objects.create(owner=writer, text="First")
    with transaction.atomic(), other_transaction() as other:
        other.run(HOLD_RECORD, record_of(note).pk)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '10ms'")
        note.delete()
    assert "lock timeout" in caplog.text
    work_until(lambda: texts(sandbox) == [])
    assert not SyncRecord.objects.exists()
