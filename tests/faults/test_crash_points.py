"""A worker killed at each point where it could hurt: another one heals what is left, and the note is out there once.

The web process's points stand in test_web_kill.py.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

import pytest

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.channel import posted, texts
from tests.faults.conftest import SiteMaker
from tests.faults.site import ALL_EMPTY, Site

QUEUED = 'with syncqueue.queued(): save("Note 1")'
# As `save` leaves it when the process dies before it can tell Redis.
WITHOUT_TASK = """
    def lost(*_, **__):
        raise RuntimeError("lost")
    syncqueue.dispatch.dispatch._start_all = lost
    save("Note 1")
"""
WITHOUT_RECORD = 'Note.objects.bulk_create([Note(owner_id=1, text="Note 1")])'
IN_THE_QUEUE = "from syncqueue.queue import AsyncSyncQueue, SyncQueue"
# A text that becomes a file is taken away and posted anew: two calls.
ANOTHER_FORM = """
    note = save("Before")
    note.text = "Long " * 1000
    with syncqueue.queued():
        note.save()
"""
AFTER_STEP = """
    import syncqueue.sources.records
    store = syncqueue.sources.records.store_step
    def store_and_die(*args):
        store(*args)
        die()
    syncqueue.sources.records.store_step = store_and_die
"""
AFTER_RECOVERING = """
    from syncqueue.queue import SyncQueue
    recover = SyncQueue.recover_expired
    def recover_and_die(self, *args):
        found = recover(self, *args)
        return die() if found.count else found
    SyncQueue.recover_expired = recover_and_die
"""
AFTER_PROMOTING = """
    from syncqueue.queue import AsyncSyncQueue
    claim = AsyncSyncQueue.claim
    async def claim_and_die(self, *args):
        found = await claim(self, *args)
        return die() if found.tasks and found.tasks[0].attempt == 2 else found
    AsyncSyncQueue.claim = claim_and_die
"""


@dataclass(frozen=True, kw_only=True)
class Point:
    """Where the worker dies, and what leads it there."""

    patch: str  # run in the worker before it starts
    before: str = QUEUED  # run on the web side
    answers: tuple[Any, ...] = ()  # of the service, first
    most: int = 1  # how often the note may be posted: twice where the answer is lost with the worker (I8)


POINTS = {
    "after the claim": Point(patch=f"{IN_THE_QUEUE}; AsyncSyncQueue.extend = die"),
    "while records are read": Point(patch="syncqueue.execution.executor.prepare = die"),
    "before the mark": Point(patch="syncqueue.sources.records.mark = die"),
    "after the mark": Point(
        patch="from syncqueue.handlers.telegram.handler import TelegramHandler; TelegramHandler.create = die"
    ),
    "after the send": Point(patch="syncqueue.sources.records.store_synced = die", most=2),
    "after the store, before the ack": Point(patch=f"{IN_THE_QUEUE}; AsyncSyncQueue.ack = die"),
    "before a retry is stored": Point(
        patch=f"{IN_THE_QUEUE}; AsyncSyncQueue.retry = die", answers=({"mode": "error", "status": 409},)
    ),
    "between hold and retry": Point(
        patch=f"{IN_THE_QUEUE}; AsyncSyncQueue.retry = die", answers=({"mode": "limited", "retry_after": 1},)
    ),
    "after a due task was promoted": Point(patch=AFTER_PROMOTING, answers=({"mode": "error", "status": 409},)),
    "after an expired lease was recovered": Point(
        patch=AFTER_RECOVERING,
        before="syncqueue.dispatch.immediate.ImmediateLoop.attempt = die; save('Note 1')",
    ),
    "before the reconciler enqueues": Point(patch=f"{IN_THE_QUEUE}; SyncQueue.enqueue_many = die", before=WITHOUT_TASK),
    "in the sweep, before its records are dispatched": Point(
        patch="syncqueue.worker.sweeper.dispatch = die", before=WITHOUT_RECORD
    ),
    "in the sweep, after its records are dispatched": Point(
        patch="syncqueue.sources.sweep._move = die", before=WITHOUT_RECORD
    ),
}


@pytest.mark.parametrize("name", POINTS)
def test_a_worker_killed_at_this_point_leaves_nothing_lost_or_doubled(
    name: str, site: Site, sandbox: RunningSandbox
) -> None:
    point = POINTS[name]
    sandbox.plan_answers("telegram", *point.answers)
    site.script(point.before, dies="= die" in point.before)
    site.make_records_old()
    first = site.worker(patch="import syncqueue.worker.sweeper\n" + dedent(point.patch))
    eventually(lambda: _is_killed(first))
    assert len(posted(sandbox)) <= 1

    site.worker()

    eventually(lambda: _is_done(site))
    assert texts(sandbox)[-1:] == ["Note 1"]
    assert 1 <= posted(sandbox)["Note 1"] <= point.most


@pytest.mark.parametrize(
    "patch",
    ["syncqueue.sources.records.store_step = die", AFTER_STEP],
    ids=["before it is stored", "when it is stored"],
)
def test_a_worker_killed_after_the_first_of_two_calls_leaves_one_message_with_the_new_text(
    site: Site, sandbox: RunningSandbox, patch: str
) -> None:
    site.script(ANOTHER_FORM)
    first = site.worker(patch="import syncqueue.sources.records\n" + dedent(patch))
    eventually(lambda: _is_killed(first))
    assert sandbox.messages("@news") == []

    site.worker()

    eventually(lambda: _is_done(site))
    assert [message["kind"] for message in sandbox.messages("@news")] == ["document"]
    assert [entry["method"] for entry in sandbox.log()].count("sendDocument") == 1


def test_a_worker_killed_while_it_fails_a_task_leaves_the_reason_on_the_record(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    site = make_site(redis_url, SYNCQUEUE_TELEGRAM={"MAX_RETRIES": 0})
    sandbox.plan_answers("telegram", {"mode": "error", "status": 409})
    site.script(QUEUED)
    first = site.worker(patch=f"{IN_THE_QUEUE}; AsyncSyncQueue.fail = die")
    eventually(lambda: _is_killed(first))

    site.worker()

    eventually(lambda: _has_failed(site))
    assert "in use elsewhere" in site.errors()[0]
    assert posted(sandbox) == {}


def test_a_worker_killed_in_its_drain_leaves_what_it_held_to_the_next(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    site = make_site(redis_url)
    sandbox.plan_answers("telegram", "hang-before")
    site.script(QUEUED)
    first = site.worker(patch="import syncqueue.worker.consumer\nsyncqueue.worker.consumer.Consumer.finish = die")
    eventually(lambda: _is_being_sent(sandbox))
    first.send_signal(signal.SIGTERM)
    eventually(lambda: _is_killed(first))
    sandbox.set_mode("telegram", "up")

    site.worker()

    eventually(lambda: _is_done(site))
    assert posted(sandbox) == {"Note 1": 1}


@pytest.mark.parametrize("point", ["before the log is written", "before what was sent is stored"])
def test_a_killed_worker_may_lose_an_entry_of_the_log_and_invents_none(
    point: str, site: Site, sandbox: RunningSandbox
) -> None:
    function = {"before the log is written": "sent_log.write", "before what was sent is stored": "records.store_synced"}
    module = f"syncqueue.sources.{function[point]}"
    site.script(QUEUED)
    first = site.worker(patch=f"import {module.rpartition('.')[0]}\n{module} = die")
    eventually(lambda: _is_killed(first))
    read = "from syncqueue.models import SentEntry\nanswer(list(SentEntry.objects.values_list('action', flat=True)))"
    assert posted(sandbox) == {"Note 1": 1}
    assert site.script(read) == []


def _is_killed(process: Any) -> None:
    assert process.poll() == -signal.SIGKILL


def _is_done(site: Site) -> None:
    assert site.states() == ["synced"]
    assert site.tasks() == ALL_EMPTY


def _has_failed(site: Site) -> None:
    assert site.states() == ["failed"]
    assert len(site.tasks()["failed"]) == 1


def _is_being_sent(sandbox: RunningSandbox) -> None:
    assert any(entry["open"] for entry in sandbox.log())
