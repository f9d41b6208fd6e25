"""Attempts that are made together share the statements that set and clear their marks; none depends on another."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DataError, connection, transaction
from django.db.models import F

import syncqueue
from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.execution import executor
from syncqueue.execution.database import DatabaseThreads
from syncqueue.execution.group_commit import GroupCommit
from syncqueue.execution.prepare import prepare
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.queue import AsyncSyncQueue
from syncqueue.queue.calls import Claim
from syncqueue.sources import records
from syncqueue.sources.planner import Step
from syncqueue.worker import consumer
from tests.integration.sync.scene import queue, record_of, texts, wait_until, work, work_until

pytestmark = pytest.mark.django_db(transaction=True)

COUNT = 12
WAIT_SECONDS = 30.0


def queued_notes(writer: User) -> list[Note]:
    with syncqueue.queued():
        return [Note.objects.create(owner=writer, text=f"Note {number}") for number in range(COUNT)]


class Statements:
    """How many records each call of a function of `records` was for."""

    def __init__(self, name: str, monkeypatch: pytest.MonkeyPatch, *, refuses: Callable[[int], bool]) -> None:
        self.sizes: list[int] = []
        real = getattr(records, name)

        def noting(found: Any, **named: Any) -> Any:
            self.sizes.append(len(found))
            if refuses(len(found)):
                raise DataError("a value that the database does not take")
            return real(found, **named)

        monkeypatch.setattr(records, name, noting)


def test_attempts_of_one_claim_share_their_statements(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued_notes(writer)
    marks = Statements("mark", monkeypatch, refuses=lambda _: False)

    work()

    assert sorted(texts(sandbox)) == sorted(f"Note {number}" for number in range(COUNT))
    assert sum(marks.sizes) == COUNT
    assert len(marks.sizes) <= COUNT // 2
    assert set(SyncRecord.objects.values_list("state", "sending_token")) == {("synced", "")}


@pytest.mark.parametrize("name", ["mark", "store_synced"])
def test_where_the_database_refuses_a_statement_for_many_each_record_is_written_by_itself(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    queued_notes(writer)
    statements = Statements(name, monkeypatch, refuses=lambda count: count > 1)

    work()

    assert max(statements.sizes) > 1
    assert sorted(texts(sandbox)) == sorted(f"Note {number}" for number in range(COUNT))
    assert set(SyncRecord.objects.values_list("state", "sending_token")) == {("synced", "")}


def together(work: Callable[[GroupCommit], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        database = DatabaseThreads()
        try:
            return await work(GroupCommit(database, SYSTEM_CLOCK))
        finally:
            database.close()

    return asyncio.run(run())


def test_of_two_attempts_at_one_record_in_one_statement_one_may_send(channel: Destination, writer: User) -> None:
    one, two = (record_of(note) for note in queued_notes(writer)[:2])

    async def mark(commits: GroupCommit) -> list[set[int]]:
        marks = [
            records.Mark(record=record, step=Step.CREATE, token=token, seconds=20)
            for record, token in ((one, "one"), (two, "two"), (one, "three"))
        ]
        return await asyncio.gather(*(commits.mark([each]) for each in marks))

    assert together(mark) == [{one.pk}, {two.pk}, set()]


def test_a_record_that_another_attempt_has_marked_is_left_out_of_the_statement_of_the_others(
    channel: Destination, writer: User
) -> None:
    rows = [record_of(note) for note in queued_notes(writer)]
    records.mark([records.Mark(record=rows[3], step=Step.CREATE, token="other", seconds=20)])

    async def mark(commits: GroupCommit) -> list[set[int]]:
        marks = [records.Mark(record=row, step=Step.CREATE, token=f"of {row.pk}", seconds=20) for row in rows]
        return await asyncio.gather(*(commits.mark([one]) for one in marks))

    assert together(mark) == [{row.pk} if row is not rows[3] else set() for row in rows]
    assert SyncRecord.objects.get(pk=rows[3].pk).sending_token == "other"


def test_results_stored_together_are_each_stored_by_their_own_mark(channel: Destination, writer: User) -> None:
    rows = [record_of(note) for note in queued_notes(writer)]
    for row in rows:
        records.mark([records.Mark(record=row, step=Step.CREATE, token=f"of {row.pk}", seconds=20)])
    SyncRecord.objects.filter(pk=rows[5].pk).update(sending_token="taken over")
    Note.objects.get(pk=rows[6].object_pk).save()  # a newer generation

    async def store(commits: GroupCommit) -> list[set[int]]:
        found = [
            records.Synced(record=row, token=f"of {row.pk}", parts=[], fingerprint=f"hash {row.pk}") for row in rows
        ]
        return await asyncio.gather(*(commits.store_synced([one]) for one in found))

    assert together(store) == [{row.pk} if row.pk != rows[5].pk else set() for row in rows]
    stored = {row.pk: row for row in SyncRecord.objects.exclude(pk=rows[5].pk)}
    assert all(row.content_hash == f"hash {key}" and row.sending_token == "" for key, row in stored.items())
    waiting = SyncRecord.objects.filter(state=RecordState.WAITING).order_by("pk").values_list("pk", flat=True)
    assert list(waiting) == [rows[5].pk, rows[6].pk]
    assert len({row.idempotency_key for row in stored.values()}) == COUNT - 1


class Holder(threading.Thread):
    """A transaction of the site that holds a record until it is told to end."""

    def __init__(self, key: int) -> None:
        super().__init__(daemon=True)
        self.holds, self.may_end = threading.Event(), threading.Event()
        self._key = key

    def run(self) -> None:
        try:
            with transaction.atomic():
                SyncRecord.objects.filter(pk=self._key).update(error=F("error"))
                self.holds.set()
                self.may_end.wait(WAIT_SECONDS)
        finally:
            connection.close()


@pytest.fixture
def holder(channel: Destination, writer: User) -> Iterator[Holder]:
    found = Holder(record_of(queued_notes(writer)[0]).pk)
    found.start()
    assert found.holds.wait(WAIT_SECONDS)
    yield found
    found.may_end.set()
    found.join(WAIT_SECONDS)


if connection.features.has_select_for_update_skip_locked:  # SQLite locks no rows

    def test_a_record_that_a_transaction_of_the_site_holds_delays_no_other(
        holder: Holder, sandbox: RunningSandbox
    ) -> None:
        worker = threading.Thread(target=_work_in_thread, daemon=True)
        worker.start()

        wait_until(lambda: SyncRecord.objects.filter(state=RecordState.SYNCED).count() == COUNT - 1)
        assert "Note 0" not in texts(sandbox)

        holder.may_end.set()
        worker.join(WAIT_SECONDS)
        work_until(lambda: SyncRecord.objects.filter(state=RecordState.SYNCED).count() == COUNT)
        assert texts(sandbox).count("Note 0") == 1
        assert queue().stats().total_failed == 0


def _work_in_thread() -> None:
    try:
        work()
    finally:
        connection.close()


def noting_claims(monkeypatch: pytest.MonkeyPatch, note: Callable[[], None]) -> None:
    real = AsyncSyncQueue.claim

    async def claim(self: AsyncSyncQueue, limit: int = 1) -> Claim:
        note()
        return await real(self, limit)

    monkeypatch.setattr(AsyncSyncQueue, "claim", claim)


def test_the_next_claim_is_made_when_the_records_of_the_last_one_were_read(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued_notes(writer)
    monkeypatch.setattr(consumer, "GATHER_SECONDS", WAIT_SECONDS)
    monkeypatch.setattr(consumer, "BATCH", 2)  # so that further claims have something to take
    reading = threading.Semaphore(0)
    claims_meanwhile = 0

    def slow_prepare(*args: Any, **named: Any) -> Any:
        reading.release()
        time.sleep(0.02)
        try:
            return prepare(*args, **named)
        finally:
            reading.acquire()

    def note() -> None:
        nonlocal claims_meanwhile
        if reading.acquire(blocking=False):
            reading.release()
            claims_meanwhile += 1

    monkeypatch.setattr(executor, "prepare", slow_prepare)
    noting_claims(monkeypatch, note)
    work()

    assert claims_meanwhile == 0
    assert len(texts(sandbox)) == COUNT


def test_a_slow_read_does_not_stop_the_claims(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued_notes(writer)
    claimed_again = threading.Event()
    claim_count = 0

    def note() -> None:
        nonlocal claim_count
        claim_count += 1
        if claim_count > 1:
            claimed_again.set()

    def stuck_prepare(*args: Any, **named: Any) -> Any:
        assert claimed_again.wait(WAIT_SECONDS)
        return prepare(*args, **named)

    monkeypatch.setattr(executor, "prepare", stuck_prepare)
    noting_claims(monkeypatch, note)
    work()

    assert len(texts(sandbox)) == COUNT
