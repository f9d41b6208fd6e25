"""Answers of a service that does not do as asked: what each costs a note, and how it goes out in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.dispatch import Signal

import syncqueue
from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue import services, signals
from syncqueue.core.error_kind import kind_of
from syncqueue.core.errors import RateLimited
from syncqueue.handlers.base import DocumentJob
from syncqueue.handlers.telegram.handler import TelegramHandler
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.queue.calls import AdmissionRequest
from tests.integration.sync.scene import (
    configure,
    hold_names,
    holds,
    make_destination,
    methods,
    queue,
    record_of,
    search_nothing,
    task_of,
    texts,
    wait_until,
    work,
    work_until,
)

pytestmark = pytest.mark.django_db(transaction=True)

IN_USE = {"mode": "error", "status": 409}


class Listener:
    """Hears all signals, in order: (name, what it carried)."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._receivers: list[tuple[Signal, Any]] = []
        for name in ("task_enqueued", "task_succeeded", "task_retried", "task_failed", "destination_broken"):
            self._listen(name, getattr(signals, name))

    def _listen(self, name: str, signal: Signal) -> None:
        def receive(**carried: Any) -> None:
            self.heard.append((name, carried))

        signal.connect(receive, weak=False)
        self._receivers.append((signal, receive))

    def names(self) -> list[str]:
        """What was heard."""
        return [name for name, _ in self.heard]

    def stop(self) -> None:
        """Hear no more."""
        for signal, receive in self._receivers:
            signal.disconnect(receive)


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Everything that is announced during the test."""
    listener = Listener()
    yield listener
    listener.stop()


def save(writer: User, *words: str) -> list[Note]:
    """A note for each text, saved one after the other."""
    return [Note.objects.create(owner=writer, text=text) for text in words]


def attempts(note: Note) -> int:
    """The attempts of a note's task that counted."""
    count: int = task_of(note).progress.attempt_count
    return count


# 429


def test_a_rate_limit_parks_what_is_saved_uses_no_attempt_and_all_goes_out_in_order(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("telegram", CONCURRENCY=1)
    sandbox.set_mode("telegram", "limited", retry_after=2)
    notes = save(writer, "First", "Second", "Third")
    assert [attempts(note) for note in notes] == [0, 0, 0]
    assert {task_of(note).held_by for note in notes} == {f"rate:destination:{channel.pk}"}
    assert methods(sandbox) == ["sendMessage"]  # the others were not even tried
    assert record_of(notes[0]).state == RecordState.WAITING
    sandbox.set_mode("telegram", "up")
    work_until(lambda: len(texts(sandbox)) == 3)
    assert texts(sandbox) == ["First", "Second", "Third"]
    assert hold_names() == []


def _run_first_now(notes: Sequence[Note]) -> None:
    services.run_task_now("telegram", task_of(notes[0]).id, actor="a test")


def _resume(notes: Sequence[Note]) -> None:
    call_command("syncqueue", "resume", "telegram")


@pytest.mark.parametrize("end", [_run_first_now, _resume])
def test_a_rate_limit_of_a_day_is_ended_by_a_person(
    channel: Destination, writer: User, sandbox: RunningSandbox, end: Callable[[Sequence[Note]], None]
) -> None:
    configure("telegram", CONCURRENCY=1)
    sandbox.set_mode("telegram", "limited", retry_after=86_400)
    notes = save(writer, "First", "Second", "Third")
    sandbox.set_mode("telegram", "up")
    work()
    assert texts(sandbox) == []
    end(notes)
    work_until(lambda: len(texts(sandbox)) == 3)
    assert sorted(texts(sandbox)) == ["First", "Second", "Third"]
    assert hold_names() == []


def test_what_a_handler_puts_off_for_one_note_makes_no_limit_of_the_service_longer(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    search_nothing(channel)
    left = [8]  # as a search for a lost message that goes on attempt after attempt
    real = TelegramHandler.create

    async def put_off(self: TelegramHandler, job: DocumentJob) -> Any:
        if left[0]:
            left[0] -= 1
            raise RateLimited("It is being looked for.", after_seconds=0.01, scope="task")
        return await real(self, job)

    monkeypatch.setattr(TelegramHandler, "create", put_off)
    (note,) = save(writer, "First")
    work_until(lambda: left == [0])
    sandbox.set_mode("telegram", "limited", retry_after=2)
    work_until(lambda: hold_names() == [f"rate:destination:{channel.pk}"])
    [limit] = holds()
    assert limit.until_at is not None
    assert limit.until_at <= record_of(note).error_at + timedelta(seconds=3)
    assert {one.outcome for one in task_of(note).progress.history[:-1]} == {"put_off"}


def test_a_rate_limit_of_one_channel_does_not_hold_another(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    make_destination(sandbox, "@drafts")
    sandbox.set_mode("telegram", "limited", retry_after=60, chat="@news")
    save(writer, "First", "Second")
    assert (texts(sandbox), texts(sandbox, "@drafts")) == ([], ["First", "Second"])


# A bot that is in use elsewhere: Telegram's one answer that uses attempts


def test_a_conflict_uses_attempts_and_is_retried(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    configure("telegram", BASE_DELAY_SECONDS=0.01)
    sandbox.plan_answers("telegram", IN_USE, IN_USE)
    (note,) = save(writer, "First")
    task = task_of(note)
    assert (task.state, task.progress.attempt_count, len(task.progress.history)) == ("delayed", 1, 1)
    assert record_of(note).next_attempt_at is not None
    work_until(lambda: texts(sandbox) == ["First"])
    assert record_of(note).error == ""
    assert methods(sandbox) == ["sendMessage"] * 3


def test_the_delay_grows_by_the_policy(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    sandbox.set_mode("telegram", "error", status=409)
    (note,) = save(writer, "First")
    first = task_of(note)
    assert 60 <= (first.due_at - first.progress.history[-1].at).total_seconds() <= 67
    queue().run_now([first.id])
    work()
    second = task_of(note)
    assert second.progress.attempt_count == 2
    assert 120 <= (second.due_at - second.progress.history[-1].at).total_seconds() <= 133


def test_attempts_used_up_fail_with_the_reason_and_retry_failed_brings_it_back(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("telegram", BASE_DELAY_SECONDS=0.01, MAX_RETRIES=2)
    sandbox.set_mode("telegram", "error", status=409)
    (note,) = save(writer, "First")
    work_until(lambda: queue().stats().failed_count == 1)
    record = record_of(note)
    assert record.state == RecordState.FAILED
    assert "gave up after attempt 3" in record.error
    assert record.error_kind == kind_of(record.error)
    assert [one.outcome for one in task_of(note).progress.history] == ["retry"] * 3
    assert methods(sandbox) == ["sendMessage"] * 3
    sandbox.set_mode("telegram", "up")
    work()
    assert texts(sandbox) == []  # never by itself
    assert services.retry_failed("telegram", actor="a test") == 1
    work()
    assert texts(sandbox) == ["First"]
    assert record_of(note).state == RecordState.SYNCED
    assert queue().stats().failed_count == 0


def test_retry_failed_brings_back_what_failed_before_redis_was_emptied(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("telegram", MAX_RETRIES=0)
    (note,) = save(writer, "First")
    sandbox.set_mode("telegram", "error", status=409)
    note.delete()
    assert SyncRecord.objects.get().state == RecordState.FAILED
    queue().client.flushdb()
    sandbox.set_mode("telegram", "up")
    work()
    assert texts(sandbox) == ["First"]  # never by itself
    assert services.retry_failed("telegram", actor="a test") == 1
    work()
    assert texts(sandbox) == []
    assert not SyncRecord.objects.exists()


def test_a_failed_note_goes_out_with_its_next_save(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    configure("telegram", MAX_RETRIES=0)
    sandbox.set_mode("telegram", "error", status=409)
    (note,) = save(writer, "First")
    assert record_of(note).state == RecordState.FAILED
    sandbox.set_mode("telegram", "up")
    note.text = "Second"
    note.save()
    assert texts(sandbox) == ["Second"]
    assert (record_of(note).state, queue().stats().failed_count) == (RecordState.SYNCED, 0)


def test_cleared_work_stays_away_and_says_who_cleared_it(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    with syncqueue.queued():
        notes = save(writer, "First", "Second")
    services.clear("telegram", actor="Ada")
    work()
    work()
    assert sandbox.log() == []
    assert {(record_of(n).state, record_of(n).error) for n in notes} == {(RecordState.ABANDONED, "Cleared by Ada.")}


# A refused credential


@pytest.mark.parametrize("mode", ["unauthorized", "broken"])
def test_a_refused_destination_parks_its_tasks_and_mending_sends_all_in_order(
    channel: Destination, writer: User, sandbox: RunningSandbox, listener: Listener, mode: str
) -> None:
    configure("telegram", CONCURRENCY=1)
    sandbox.set_mode("telegram", mode)
    notes = save(writer, "First", "Second", "Third")
    channel.refresh_from_db()
    assert channel.broken_reason
    assert channel.broken_at is not None
    broken = [carried for name, carried in listener.heard if name == "destination_broken"]
    assert [(one["destination_id"], one["error"]) for one in broken] == [(channel.pk, channel.broken_reason)]
    assert {task_of(note).held_by for note in notes} == {f"stopped:destination:{channel.pk}"}
    assert [attempts(note) for note in notes] == [0, 0, 0]
    assert methods(sandbox) == ["sendMessage"]
    sandbox.set_mode("telegram", "up")
    work()
    assert texts(sandbox) == []  # nobody has said that it is mended
    services.mend(channel, actor="a test")
    work_until(lambda: len(texts(sandbox)) == 3)
    assert texts(sandbox) == ["First", "Second", "Third"]


def test_with_redis_emptied_a_broken_destination_still_gets_nothing(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    sandbox.set_mode("telegram", "unauthorized")
    (note,) = save(writer, "First")
    sandbox.set_mode("telegram", "up")
    queue().client.flushdb()
    note.save()
    work()
    assert texts(sandbox) == []
    assert task_of(note).held_by == f"stopped:destination:{channel.pk}"


# A service that cannot be reached


def test_an_unreachable_service_uses_no_attempts_opens_the_breaker_and_all_goes_out_oldest_first(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("telegram", CONCURRENCY=1)
    configure("BREAKER", FAILURES=1, OPEN_SECONDS=2)
    sandbox.set_mode("telegram", "down")
    notes = save(writer, "First", "Second", "Third")
    endpoint = sandbox.telegram_url.removeprefix("http://")
    assert hold_names() == [f"breaker:{endpoint}"]
    assert [attempts(note) for note in notes] == [0, 0, 0]
    assert [len(task_of(note).progress.history) for note in notes] == [1, 0, 0]  # only the first was tried
    assert {task_of(note).held_by for note in notes} == {f"breaker:{endpoint}"}
    assert queue().stats().breaker == "open"
    assert "127.0.0.1" in record_of(notes[0]).error
    sandbox.set_mode("telegram", "up")
    work_until(lambda: len(texts(sandbox)) == 3)
    assert texts(sandbox) == ["First", "Second", "Third"]
    assert queue().stats().breaker == "closed"


def test_the_breaker_opens_after_so_many_failures_and_not_before(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("BREAKER", FAILURES=3, OPEN_SECONDS=60)
    sandbox.set_mode("telegram", "down")
    save(writer, "First", "Second")
    assert hold_names() == []
    (third, fourth) = save(writer, "Third", "Fourth")
    assert len(hold_names()) == 1
    assert len(task_of(third).progress.history) == 1
    assert task_of(fourth).progress.history == ()


def test_a_probe_that_fails_keeps_the_breaker_open_and_one_that_succeeds_closes_it(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("BREAKER", FAILURES=1, OPEN_SECONDS=0.3)
    sandbox.set_mode("telegram", "down")
    (note,) = save(writer, "First")
    wait_until(lambda: len(task_of(note).progress.history) >= 3, act=work)
    assert attempts(note) == 0
    sandbox.set_mode("telegram", "up")
    work_until(lambda: texts(sandbox) == ["First"])
    assert hold_names() == []


def test_notes_with_nothing_to_send_do_not_keep_an_endpoint_closed_after_an_outage(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("BREAKER", FAILURES=1, OPEN_SECONDS=0.3)
    sandbox.set_mode("telegram", "down")
    gone = Note.objects.filter(pk__in=[note.pk for note in save(writer, *map(str, range(50)))])
    SyncRecord.objects.filter(object_pk__in=list(gone.values_list("pk", flat=True))).delete()
    gone._raw_delete("default")  # their tasks find neither record nor note
    save(writer, "Last")
    sandbox.set_mode("telegram", "up")
    work_until(lambda: texts(sandbox) == ["Last"])  # sooner than a lease runs out
    assert queue().stats().delayed_count == 0
    assert hold_names() == []


# A lost answer


def test_a_lost_answer_is_repeated_by_default_and_held_where_the_policy_says_so(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    search_nothing(channel)
    configure("telegram", ON_UNKNOWN_OUTCOME="hold")
    sandbox.plan_answers("telegram", "store-then-reset")
    (note,) = save(writer, "First")
    work()
    assert record_of(note).state == RecordState.UNKNOWN
    assert record_of(note).uncertain
    assert methods(sandbox) == ["sendMessage"]
    configure("telegram", ON_UNKNOWN_OUTCOME="retry", BASE_DELAY_SECONDS=0.01)
    configure("BREAKER", OPEN_SECONDS=0.2)
    sandbox.plan_answers("telegram", "store-then-reset")
    save(writer, "Second")
    work_until(lambda: texts(sandbox).count("Second") == 2)  # at least once: Telegram takes no idempotency key


# Signals


def test_what_becomes_of_tasks_is_announced(
    channel: Destination, writer: User, sandbox: RunningSandbox, listener: Listener
) -> None:
    configure("telegram", BASE_DELAY_SECONDS=0.01, MAX_RETRIES=1)
    sandbox.plan_answers("telegram", IN_USE)
    (note,) = save(writer, "First")
    work_until(lambda: texts(sandbox) == ["First"])
    assert listener.names() == ["task_enqueued", "task_retried", "task_succeeded"]
    sandbox.plan_answers("telegram", IN_USE, IN_USE)
    note.text = "Second"
    note.save()
    work_until(lambda: "task_failed" in listener.names())
    assert listener.names()[3:] == ["task_enqueued", "task_retried", "task_failed"]
    for name, carried in listener.heard:
        assert carried["service"] == "telegram"
        assert carried["task"].entity == f"notes.note:{note.pk}"
        assert name == "task_enqueued" or carried["record_id"] == record_of(note).pk
    retried = listener.heard[1][1]
    assert retried["error"]
    assert retried["due_at"] is not None


def test_a_receiver_that_raises_changes_nothing(
    channel: Destination, writer: User, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    def raising(**_: Any) -> None:
        raise RuntimeError("a receiver's mistake")

    for signal in (signals.task_enqueued, signals.task_succeeded):
        signal.connect(raising)
    try:
        (note,) = save(writer, "First")
    finally:
        for signal in (signals.task_enqueued, signals.task_succeeded):
            signal.disconnect(raising)
    assert texts(sandbox) == ["First"]
    assert record_of(note).state == RecordState.SYNCED
    assert [str(one.exc_info[1]) for one in caplog.records if one.name == "django.dispatch" and one.exc_info] == [
        "a receiver's mistake",
        "a receiver's mistake",
    ]


def test_a_record_held_after_an_attempt_was_cut_off_goes_out_when_a_person_brings_it_back(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("telegram", ON_UNKNOWN_OUTCOME="hold")
    with syncqueue.queued():
        note = Note.objects.create(owner=writer, text="First")
    # As a worker leaves it that was killed between its mark and its end.
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    SyncRecord.objects.update(sending_token="of-a-dead-worker", sending_until=long_ago, sending_action="create")
    work()
    assert (record_of(note).state, texts(sandbox)) == (RecordState.UNKNOWN, [])
    assert services.retry_failed("telegram", actor="a test") == 1
    work()
    assert (record_of(note).state, texts(sandbox)) == (RecordState.SYNCED, ["First"])


def test_a_destination_mended_while_redis_was_away_is_let_go_by_the_reconciler(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    sandbox.set_mode("telegram", "unauthorized")
    Note.objects.create(owner=writer, text="First")
    assert hold_names() == [f"stopped:destination:{channel.pk}"]
    sandbox.set_mode("telegram", "up")
    Destination.objects.update(broken_reason="", broken_at=None)  # the hold in Redis was not told
    work()
    assert (hold_names(), texts(sandbox)) == ([], ["First"])


def test_a_destination_switched_on_behind_the_back_of_redis_is_let_go_by_the_reconciler(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    with syncqueue.queued():
        note = Note.objects.create(owner=writer, text="First")
    Destination.objects.update(enabled=False)
    work()
    assert (hold_names(), record_of(note).state) == ([f"stopped:destination:{channel.pk}"], RecordState.WAITING)
    Destination.objects.update(enabled=True)
    work()
    assert (hold_names(), texts(sandbox)) == ([], ["First"])


@pytest.mark.parametrize("kind", ["broken", "disabled"])
def test_what_an_earlier_release_parked_for_a_stopped_destination_is_let_go(
    channel: Destination, writer: User, sandbox: RunningSandbox, kind: str
) -> None:
    former = f"{kind}:destination:{channel.pk}"
    with syncqueue.queued():
        note = Note.objects.create(owner=writer, text="First")
    queue().hold(former, None, "set by an earlier release")
    [claimed] = queue().claim(1).tasks
    assert queue().admit([AdmissionRequest(claimed=claimed, holds=[former])])[0].held_by == former
    Destination.objects.update(enabled=False)
    work()
    assert (hold_names(), texts(sandbox)) == ([f"stopped:destination:{channel.pk}"], [])
    assert task_of(note).held_by == f"stopped:destination:{channel.pk}"
    Destination.objects.update(enabled=True)
    work()
    assert (hold_names(), texts(sandbox)) == ([], ["First"])
