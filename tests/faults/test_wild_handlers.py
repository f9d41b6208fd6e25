"""Handlers that do what none should: block the loop, never return, end the process, eat its memory."""

from __future__ import annotations

import json

import redis

from tests.eventually import eventually
from tests.faults.conftest import SiteMaker
from tests.faults.handlers import EATEN_MB, EXIT_CODE
from tests.faults.site import ALL_EMPTY, FIGURES, SCRIPT_SECONDS, UNHURRIED, Site
from tests.faults.test_worker_signals import BLOCKED_EXIT_CODE

ENQUEUE = """
    from syncqueue import SyncTask, get_queue
    get_queue({service!r}).enqueue_many(
        SyncTask({service!r}, action, entity, {{}}, key=entity) for action, entity in {tasks!r}
    )
"""
# A worker without anything to do holds about 90 MB.
MAX_RSS_MB = 180
CRASHES = 3
WATCHDOG_EXIT_CODE = 1  # faulthandler's
HASTY = {
    "SYNCQUEUE_PROCESSING": FIGURES["SYNCQUEUE_PROCESSING"]
    | {"ATTEMPT_TIMEOUT_SECONDS": 1, "SHUTDOWN_SECONDS": 1.5, "LEASE_SECONDS": 2}
}


def test_a_handler_that_blocks_the_loop_ends_its_worker_before_another_takes_the_task(site: Site) -> None:
    _enqueue(site, "wild", ("block-once", "a"), ("hang-not", "b"))
    first = site.worker("--service", "wild")
    eventually(lambda: _began(site, "a", 1))

    site.worker("--service", "wild")

    assert first.wait(SCRIPT_SECONDS) == BLOCKED_EXIT_CODE
    assert site.written("began").count("a") == 1  # its lease was kept until the end
    assert "blocked the event loop" in site.logs()
    eventually(lambda: _all_done(site, "wild", {"a", "b"}))


def test_a_handler_that_never_lets_go_of_the_interpreter_ends_its_worker_and_says_where(site: Site) -> None:
    _enqueue(site, "wild", ("hold-lock-once", "a"), ("quick", "b"))
    first = site.worker("--service", "wild")
    eventually(lambda: _began(site, "a", 1))

    site.worker("--service", "wild")

    assert first.wait(SCRIPT_SECONDS) == WATCHDOG_EXIT_CODE
    assert "Timeout (" in site.logs() and 'tests/faults/handlers.py", line' in site.logs()
    eventually(lambda: _all_done(site, "wild", {"a", "b"}))


def test_a_handler_that_never_returns_is_cut_off_and_fails_in_the_end_and_others_go_on(
    make_site: SiteMaker, redis_url: str
) -> None:
    site = make_site(redis_url, **HASTY)
    _enqueue(site, "wild", ("hang", "a"), ("quick", "b"))

    site.worker("--service", "wild")

    eventually(lambda: _is_in(site, "wild", "failed", "key:a"))
    assert site.written("ended") == ["b"]
    assert site.written("began").count("a") == 2  # MAX_RETRIES is 1
    assert "No answer within 1 s" in _failure(site, "wild", "a")


def test_a_plain_function_that_never_returns_keeps_no_worker_from_ending(make_site: SiteMaker, redis_url: str) -> None:
    site = make_site(redis_url, **HASTY)
    _enqueue(site, "stuck", ("wait", "a"))
    worker = site.worker("--service", "stuck")
    eventually(lambda: _began(site, "a", 1))

    worker.terminate()

    assert worker.wait(SCRIPT_SECONDS) == 0
    assert "did not end in time" in site.logs()
    assert site.tasks("stuck")["processing"] == ["key:a"]


def test_a_task_that_takes_its_workers_down_is_failed_with_that_reason(make_site: SiteMaker, redis_url: str) -> None:
    site = make_site(redis_url, **HASTY)
    _enqueue(site, "wild", ("exit", "a"))

    for _ in range(CRASHES):
        assert site.worker("--service", "wild").wait(SCRIPT_SECONDS) == EXIT_CODE
    site.worker("--service", "wild")

    eventually(lambda: _is_in(site, "wild", "failed", "key:a"))
    assert "worker" in _failure(site, "wild", "a")
    assert site.written("began") == ["a"] * CRASHES


def test_a_worker_that_holds_too_much_memory_finishes_its_work_and_exits_0(
    make_site: SiteMaker, redis_url: str
) -> None:
    site = make_site(redis_url, **UNHURRIED)  # eating takes a busy machine seconds
    assert EATEN_MB > MAX_RSS_MB
    _enqueue(site, "wild", ("quick", "a"), ("eat", "b"))

    worker = site.worker("--service", "wild", "--max-rss-mb", str(MAX_RSS_MB))

    assert worker.wait(SCRIPT_SECONDS) == 0
    assert "--max-rss-mb" in site.logs()
    assert sorted(site.written("ended")) == ["a", "b"]
    assert site.tasks("wild") == ALL_EMPTY


def _enqueue(site: Site, service: str, *tasks: tuple[str, str]) -> None:
    site.script(ENQUEUE.format(service=service, tasks=list(tasks)))


def _failure(site: Site, service: str, key: str) -> str:
    """The last error of a failed task."""
    with redis.Redis.from_url(site.redis_url, decode_responses=True) as client:
        progress = json.loads(client.hget(f"sync:{{{service}}}:progress", f"key:{key}") or "{}")
    return str(progress["history"][-1]["error"])


def _began(site: Site, entity: str, count: int) -> None:
    assert site.written("began").count(entity) == count


def _is_in(site: Site, service: str, state: str, task_id: str) -> None:
    assert task_id in site.tasks(service)[state]


def _all_done(site: Site, service: str, entities: set[str]) -> None:
    assert set(site.written("ended")) == entities
    assert site.tasks(service) == ALL_EMPTY
