"""The log of what went out: true under failures, bounded, and free of statements on the way of an attempt."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import syncqueue
from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.conf import get_settings
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.errors import PermanentError
from syncqueue.dispatch import immediate
from syncqueue.execution.database import DatabaseThreads
from syncqueue.handlers.base import DocumentHandler, DocumentJob, Place, RemotePart
from syncqueue.models import Destination, SentEntry, SyncRecord
from syncqueue.services import sent
from syncqueue.sources import records, sent_log
from syncqueue.worker.upkeep import Upkeep
from tests.integration.sync.scene import configure, record_of, texts, wait_until, work, work_until

pytestmark = pytest.mark.django_db(transaction=True)

Sqls = tuple[list[str], list[str]]  # of attempts; of the log


def logged() -> list[str]:
    """The actions in the log, oldest first, once this process has written what it holds."""
    immediate.close()
    return [entry.action for entry in sent().order_by("pk")]


def test_a_save_an_edit_and_a_deletion_are_entered_with_link_duration_and_attempt(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    began = timezone.now()
    note = Note.objects.create(owner=writer, text="First")
    record, pk = record_of(note), str(note.pk)
    note.text = "Second"
    note.save()
    note.delete()
    assert logged() == ["created", "edited", "removed"]
    for entry in SentEntry.objects.all():
        assert (entry.source, entry.object_pk, entry.service) == ("notes.note", pk, "telegram")
        assert (entry.destination_id, entry.destination_name) == (channel.pk, "@news")
        assert entry.url == record.parts[0]["url"] != ""
        assert entry.attempt == 1 and not entry.is_partial
        assert began <= entry.at <= timezone.now() and 0 < entry.seconds < 600


def test_entries_are_written_soon_and_not_only_at_the_end_of_a_process(channel: Destination, writer: User) -> None:
    Note.objects.create(owner=writer, text="First")
    wait_until(lambda: SentEntry.objects.count() == 1)


def test_what_did_not_change_or_failed_is_not_entered(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("telegram", BASE_DELAY_SECONDS=0)
    configure("BREAKER", OPEN_SECONDS=1)
    sandbox.plan_answers("telegram", {"mode": "error"})
    note = Note.objects.create(owner=writer, text="First")
    work_until(lambda: texts(sandbox) == ["First"] and record_of(note).state == "synced")
    note.save()
    work()
    assert logged() == ["created"]


class HalfHandler(DocumentHandler):
    """Posts each word as a part of its own, and refuses the word "bad"."""

    def endpoint(self, place: Place) -> str:
        return "half:1"

    async def check(self, place: Place) -> str:
        return "It is there."

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        done = list(job.parts)
        for word in job.document.text.split()[len(done) :]:
            if word == "bad":
                raise PermanentError("This word is refused.")
            done.append(RemotePart(kind="word", id=word, url=f"https://half.example/{word}?key=half-secret-1"))
            await job.checkpoint(done)
        return done

    async def update(self, job: DocumentJob) -> Sequence[RemotePart]:
        return await self.create(job)

    async def delete(self, job: DocumentJob) -> None:
        return None


@pytest.fixture
def half(own_site: None) -> Destination:
    """A destination whose service takes word by word."""
    configure(HANDLERS={"half": {"CLASS": f"{__name__}.HalfHandler"}})
    row = Destination(name="Half", service="half")
    row.secret = {"key": "half-secret-1"}
    row.save()
    return row


def test_a_refused_object_is_not_entered(half: Destination, writer: User) -> None:
    assert record_of(Note.objects.create(owner=writer, text="bad")).state == "failed"
    assert logged() == []


def test_what_was_posted_before_an_attempt_failed_is_entered_as_a_part(half: Destination, writer: User) -> None:
    note = Note.objects.create(owner=writer, text="one two bad")
    assert logged() == ["created"]
    entry = SentEntry.objects.get()
    assert entry.is_partial and entry.url.startswith("https://half.example/one")
    note.text = "one two three"
    note.save()
    assert logged() == ["created", "edited"]
    assert [entry.is_partial for entry in sent()] == [False, True]


def test_no_secret_of_a_destination_stands_in_a_link(half: Destination, writer: User) -> None:
    Note.objects.create(owner=writer, text="one")
    assert logged() == ["created"]
    assert "half-secret-1" not in SentEntry.objects.get().url


def test_what_was_sent_and_could_not_be_stored_is_not_entered(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(records, "store_synced", lambda *_, **__: set())  # another attempt has taken over
        Note.objects.create(owner=writer, text="First")
        assert texts(sandbox) == ["First"]
    assert logged() == []


def test_a_log_that_cannot_be_written_delays_nothing_and_enters_nothing_twice(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    write = sent_log.write

    def committed_and_lost(found: Any) -> None:
        write(found)
        raise DatabaseError("the answer to the commit was lost")

    monkeypatch.setattr(sent_log, "write", committed_and_lost)
    with caplog.at_level(logging.WARNING, logger="syncqueue.execution"):
        note = Note.objects.create(owner=writer, text="First")
        assert record_of(note).state == "synced"
        assert logged() == ["created"]
    assert "1 entries are missing from the log of what went out" in caplog.text


def test_no_log_is_kept_where_its_setting_is_0(channel: Destination, writer: User) -> None:
    configure("PROCESSING", LOG_RETENTION_DAYS=0)
    Note.objects.create(owner=writer, text="First")
    assert logged() == []


def spy(monkeypatch: pytest.MonkeyPatch) -> Sqls:
    """Collects the statements of a worker's attempts, and apart from them those of the log."""
    found: Sqls = ([], [])
    real = DatabaseThreads._work

    def noting(self: DatabaseThreads, work: Any, *args: Any, **kwargs: Any) -> Any:
        with CaptureQueriesContext(connections["default"]) as captured:
            answer = real(self, work, *args, **kwargs)
        if work.__module__.startswith(("syncqueue.execution", "syncqueue.sources")):
            found[work is sent_log.write].extend(query["sql"] for query in captured.captured_queries)
        return answer

    monkeypatch.setattr(DatabaseThreads, "_work", noting)
    return found


def verbs(sqls: list[str]) -> list[str]:
    return [sql.split()[0] for sql in sqls if not sql.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))]


@pytest.mark.parametrize("days", [0, 7], ids=["without a log", "with a log"])
def test_an_attempt_makes_no_statement_more_for_the_log(
    days: int, channel: Destination, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure("PROCESSING", LOG_RETENTION_DAYS=days)
    with syncqueue.queued():
        Note.objects.create(owner=writer, text="Warm")
    work()
    with syncqueue.queued():
        for number in range(5):
            Note.objects.create(owner=writer, text=f"Note {number}")
    attempts, log = spy(monkeypatch)
    work()
    assert SyncRecord.objects.filter(state="synced").count() == 6
    # Mark and result of each of the five; attempts that are made together share them.
    assert 2 <= [sql.split()[0] for sql in attempts if "syncqueue_syncrecord" in sql].count("UPDATE") <= 10
    assert not [sql for sql in attempts if "syncqueue_sententry" in sql]
    # As many as seconds have passed: one, where the machine is not very busy.
    assert set(verbs(log)) == ({"INSERT"} if days else set()) and len(verbs(log)) < 5
    assert SentEntry.objects.count() == (6 if days else 0)


def enter(count: int, *, days_ago: float = 0.0) -> None:
    sent_log.write(
        [
            SentEntry(
                at=timezone.now() - timedelta(days=days_ago), action="created", service="telegram", destination_id=1,
                destination_name="@news", source="notes.note", object_pk=str(number), seconds=0.1, attempt=1,
            )
            for number in range(count)
        ]
    )  # fmt: skip


def test_the_log_is_trimmed_by_a_worker_by_age_and_by_number(own_site: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent_log, "_PIECE", 4)
    configure("PROCESSING", LOG_RETENTION_DAYS=2, LOG_MAX_ENTRIES=10)
    enter(9, days_ago=3)
    enter(25)
    upkeep = Upkeep((), get_settings(), SYSTEM_CLOCK)
    (trim,) = upkeep.trims()
    asyncio.run(trim.once())
    upkeep.close()
    assert trim.trouble.state is None
    assert [entry.object_pk for entry in sent()] == [str(number) for number in range(24, 14, -1)]
