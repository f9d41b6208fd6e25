"""A process that is told to end, or that stands still for longer than its lease."""

from __future__ import annotations

import signal

import pytest

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.channel import posted, texts
from tests.faults.conftest import SiteMaker
from tests.faults.processes import Process
from tests.faults.site import ALL_EMPTY, PATIENT, SCRIPT_SECONDS, Site
from tests.redis_server import RedisServer

# What ends itself because it stood still for longer than its lease (worker/leases.py) has this exit code.
BLOCKED_EXIT_CODE = 70
WATCHDOG_EXIT_CODE = 1  # the timer that needs no lock was first

BEFORE_THE_MARK = """
    from syncqueue.sources import records
    real = records.mark
    def mark(*args, **named):
        stand_still()
        return real(*args, **named)
    records.mark = mark
"""
# As above, but also before the clock that tells an attempt how long its marking took.
BEFORE_THE_FENCE = """
from syncqueue.execution.deliver import Delivery
real = Delivery._mark
async def mark(self):
    stand_still()
    return await real(self)
Delivery._mark = mark
"""
AFTER_THE_MARK = """
    from syncqueue.handlers.telegram.handler import TelegramHandler
    real = TelegramHandler.create
    async def create(self, job):
        stand_still()
        return await real(self, job)
    TelegramHandler.create = create
"""


TOLD_BEFORE_CLAIMING = """
    import asyncio, os, signal
    from syncqueue.queue import AsyncSyncQueue
    real = AsyncSyncQueue.claim
    async def claim(self, *args):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0)
        return await real(self, *args)
    AsyncSyncQueue.claim = claim
"""
TOLD_WHEN_CLAIMED = """
    import os, signal
    from syncqueue.queue import AsyncSyncQueue
    real = AsyncSyncQueue.claim
    async def claim(self, *args):
        found = await real(self, *args)
        os.kill(os.getpid(), signal.SIGTERM)
        return found
    AsyncSyncQueue.claim = claim
"""


@pytest.mark.parametrize("patch", [TOLD_BEFORE_CLAIMING, TOLD_WHEN_CLAIMED], ids=["before", "after"])
def test_a_worker_told_to_end_in_the_middle_of_a_claim_holds_nothing_when_it_has_ended(
    site: Site, sandbox: RunningSandbox, patch: str
) -> None:
    site.script("with syncqueue.queued(): save('Note 1')")

    assert site.worker(patch=patch).wait(SCRIPT_SECONDS) == 0

    assert site.tasks()["processing"] == []
    assert site.manage("runsyncworker", "--burst") == 0
    assert site.tasks() == ALL_EMPTY
    assert posted(sandbox) == {"Note 1": 1}


def test_a_worker_asked_to_end_from_elsewhere_exits_0(site: Site) -> None:
    worker = site.worker()
    read = "answer([one.id for one in services.workers()])"
    (name,) = eventually(lambda: _one(site.script(read)))

    assert site.manage("syncqueue", "workers", "--stop", name) == 0

    assert worker.wait(SCRIPT_SECONDS) == 0
    assert site.script(read) == []


def _one(found: list[str]) -> list[str]:
    assert len(found) == 1
    return found


def test_a_worker_told_twice_to_end_in_the_middle_of_an_attempt_finishes_it_and_exits_0(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    site = make_site(redis_url, **PATIENT)
    site.script("with syncqueue.queued(): save('Note 1')")
    sandbox.plan_answers("telegram", {"mode": "slow", "delay_seconds": 2})
    worker = site.worker()
    eventually(lambda: _is_asked(sandbox))

    worker.terminate()
    eventually(lambda: _is_stopping(site))
    worker.terminate()

    assert worker.wait(SCRIPT_SECONDS) == 0
    assert site.tasks() == ALL_EMPTY
    assert site.states() == ["synced"]
    assert posted(sandbox) == {"Note 1": 1}


def test_a_worker_told_to_end_while_redis_hangs_ends_within_its_time_and_exits_0(
    make_site: SiteMaker, own_redis_server: RedisServer, sandbox: RunningSandbox
) -> None:
    site = make_site(own_redis_server.url)
    worker = site.worker("--shutdown-timeout", "2")
    eventually(lambda: _is_working(site))
    own_redis_server.pause()

    worker.terminate()

    # 2 s for attempts and 5 s for all the rest; a Redis that hangs is otherwise waited for for 15 s, again and again.
    try:
        assert worker.wait(14) == 0
    finally:
        own_redis_server.resume()


def test_a_worker_tells_people_in_a_line_when_it_starts_stops_loses_and_finds_redis(
    make_site: SiteMaker, own_redis_server: RedisServer
) -> None:
    site = make_site(own_redis_server.url)
    worker = site.start("call_command('runsyncworker', verbosity=1)")  # its output in a file of its own

    def told(*lines: str) -> None:
        eventually(lambda: _assert_lines(worker, lines))

    eventually(lambda: _is_working(site))
    told("Started: telegram, ")
    own_redis_server.stop()
    told("Started: telegram, ", "Redis does not answer; waiting for it.")
    eventually(lambda: _assert_tried(site))
    own_redis_server.start()
    told("Started: telegram, ", "Redis does not answer; waiting for it.", "Redis is back after ")
    worker.terminate()
    assert worker.wait(30) == 0
    assert worker.output().splitlines()[-2:] == ["Stopping.", "Stopped."]
    # However long it was away: what could not be done meanwhile is told once for each duty at the most.
    assert site.logs().count("ERROR syncqueue.worker") == 1
    assert site.logs().count("Put off") <= 5


def test_with_verbosity_0_a_worker_tells_nothing(site: Site) -> None:
    worker = site.start("call_command('runsyncworker', verbosity=0, burst=True)")
    assert worker.wait(30) == 0
    assert worker.output() == ""


def _assert_lines(process: Process, beginnings: tuple[str, ...]) -> None:
    lines = process.output().splitlines()
    assert len(lines) == len(beginnings), lines
    for line, beginning in zip(lines, beginnings, strict=True):
        assert line.startswith(beginning)


def _assert_tried(site: Site) -> None:
    """The reconciler and others have met the outage too, in their intervals of a second."""
    assert "will be tried again" in site.logs() or "waiting for it" in site.logs()


def _is_working(site: Site) -> None:
    assert "Working on" in site.logs()


def test_a_worker_that_stood_still_before_its_mark_sends_nothing_that_another_has_sent(
    site: Site, sandbox: RunningSandbox
) -> None:
    _stand_still_and_go_on(site, BEFORE_THE_MARK)

    assert texts(sandbox) == ["Note 1"]
    assert posted(sandbox) == {"Note 1": 1}


def test_a_worker_that_stood_still_after_its_mark_sends_nothing_that_another_has_sent(
    site: Site, sandbox: RunningSandbox
) -> None:
    _stand_still_and_go_on(site, AFTER_THE_MARK)

    assert texts(sandbox) == ["Note 1"]
    assert posted(sandbox) == {"Note 1": 1}


def test_a_web_process_that_stood_still_for_longer_than_its_lease_sends_nothing_that_a_worker_has_sent(
    site: Site, sandbox: RunningSandbox
) -> None:
    stale = site.start(BEFORE_THE_FENCE + "\nsave('Note 1')")
    eventually(lambda: _stands_still(stale))
    site.worker()
    eventually(lambda: _is_synced(site))
    stored = _record(site)

    stale.send_signal(signal.SIGCONT)

    assert stale.wait(SCRIPT_SECONDS) == 0
    assert _record(site) == stored
    assert site.tasks() == ALL_EMPTY
    assert posted(sandbox) == {"Note 1": 1}


def _stand_still_and_go_on(site: Site, patch: str) -> None:
    site.script("with syncqueue.queued(): save('Note 1')")
    stale = site.worker(patch=patch)
    eventually(lambda: _stands_still(stale))
    fresh = site.worker()
    eventually(lambda: _is_synced(site))
    stored = _record(site)
    fresh.terminate()
    fresh.wait(SCRIPT_SECONDS)

    stale.send_signal(signal.SIGCONT)

    # It finds out by itself that it is late and ends, or goes on working; told to end, it has done all it would.
    stale.terminate()
    assert stale.wait(SCRIPT_SECONDS) in (0, BLOCKED_EXIT_CODE, WATCHDOG_EXIT_CODE)
    assert _record(site) == stored
    assert site.tasks() == ALL_EMPTY


def _record(site: Site) -> tuple[object, ...]:
    return site.sql("SELECT state, parts, synced_generation, content_hash, mark_token FROM syncqueue_syncrecord")[0]


def _stands_still(process: Process) -> None:
    with open(f"/proc/{process.pid}/stat") as stat:
        assert stat.read().rpartition(") ")[2][0] == "T"


def _is_asked(sandbox: RunningSandbox) -> None:
    assert [entry["open"] for entry in sandbox.log()] == [True]


def _is_stopping(site: Site) -> None:
    assert "claiming nothing more" in site.logs()


def _is_synced(site: Site) -> None:
    assert site.states() == ["synced"]
    assert site.tasks() == ALL_EMPTY
