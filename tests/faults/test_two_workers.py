"""What two workers and a web process know of a service together: a rate limit to the second, and one probe."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.channel import posted
from tests.faults.conftest import SiteMaker
from tests.faults.site import ALL_EMPTY, UNHURRIED, Site

LIMIT_SECONDS = 3
NOTES = 8


def test_a_rate_limit_told_to_a_web_process_is_kept_to_the_second_by_both_workers(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    site = make_site(redis_url, **UNHURRIED)
    _start_two(site)
    sandbox.plan_answers("telegram", {"mode": "limited", "retry_after": LIMIT_SECONDS})

    site.script("save('Note 0')")
    site.script(f"for n in range(1, {NOTES}): save(f'Note {{n}}')")

    eventually(lambda: _are_out(site, sandbox))
    first, *rest = sandbox.log()
    assert first["status"] == 429
    assert _at(rest[0]) - _at(first) >= timedelta(seconds=LIMIT_SECONDS)
    assert {entry["status"] for entry in rest} == {200}


def test_an_endpoint_that_is_back_is_asked_once_before_the_breaker_closes_for_both_workers(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    site = make_site(redis_url, **UNHURRIED, SYNCQUEUE_BREAKER={"FAILURES": 1, "OPEN_SECONDS": 1})
    sandbox.set_mode("telegram", "down")
    _start_two(site)
    site.script(f"for n in range({NOTES}): save(f'Note {{n}}')")
    eventually(lambda: _all_wait(site))
    sandbox.plan_answers("telegram", {"mode": "slow", "delay_seconds": 1.5})

    sandbox.set_mode("telegram", "up")

    eventually(lambda: _are_out(site, sandbox))
    probe, *rest = sandbox.log()
    assert _at(rest[0]) - _at(probe) >= timedelta(seconds=1.5)  # the others waited for its answer
    assert site.states() == ["synced"] * NOTES


def _start_two(site: Site) -> None:
    for _ in range(2):
        site.worker()
    eventually(lambda: _are_working(site))


def _at(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"])


def _are_working(site: Site) -> None:
    assert site.logs().count("Working on") == 2


def _all_wait(site: Site) -> None:
    assert len(site.tasks()["delayed"]) == NOTES


def _are_out(site: Site, sandbox: RunningSandbox) -> None:
    assert posted(sandbox) == {f"Note {n}": 1 for n in range(NOTES)}
    assert site.states() == ["synced"] * NOTES
    assert site.tasks() == ALL_EMPTY
