"""A database that meets another one's queue, or another environment: it sends nothing until a person confirms it."""

from __future__ import annotations

from typing import Any

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.channel import posted
from tests.faults.conftest import SiteMaker
from tests.faults.site import SCRIPT_SECONDS, Site

STAGING: dict[str, Any] = {"SYNCQUEUE_ENVIRONMENT": "staging"}


def test_the_second_database_on_one_redis_sends_nothing_until_it_adopts_the_queue(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    first, second = make_site(redis_url), make_site(redis_url)
    first.script("save('Of the first')")

    second.script("save('Of the second')")

    assert posted(sandbox) == {"Of the first": 1}
    assert second.states() == ["waiting"]
    _names_both(second, first)

    assert second.manage("syncqueue", "adopt-queue") == 0
    second.make_records_old()
    second.worker()
    eventually(lambda: _have_posted(sandbox, {"Of the first": 1, "Of the second": 1}))
    first.script("save('Of the first again')")
    assert first.states() == ["synced", "waiting"]
    _names_both(first, second)


def test_a_worker_of_the_second_database_says_whose_queue_it_is_and_takes_nothing(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    first, second = make_site(redis_url), make_site(redis_url)
    first.script("with syncqueue.queued(): save('Of the first')")

    worker = second.worker()

    eventually(lambda: _names_both(second, first))
    worker.terminate()
    worker.wait(SCRIPT_SECONDS)
    assert sandbox.log() == []
    assert len(first.tasks()["pending"]) == 1
    first.worker()
    eventually(lambda: _have_posted(sandbox, {"Of the first": 1}))


def test_a_database_from_another_environment_sends_nothing_until_a_person_confirms_it(
    site: Site, sandbox: RunningSandbox
) -> None:
    site.script("save('In production')", SYNCQUEUE_ENVIRONMENT="production")

    site.script("save('In staging')", **STAGING)

    assert site.manage("runsyncworker", **STAGING) == 1
    assert "adopt-queue" in site.logs()
    assert "'production'" in site.logs()
    assert "'staging'" in site.logs()
    assert posted(sandbox) == {"In production": 1}
    assert site.states() == ["synced", "waiting"]

    assert site.manage("syncqueue", "adopt-queue", **STAGING) == 0
    site.make_records_old()
    site.worker(**STAGING)
    eventually(lambda: _have_posted(sandbox, {"In production": 1, "In staging": 1}))


def _site_id(site: Site) -> str:
    found = site.sql("SELECT site_id FROM syncqueue_sitestamp")
    assert found
    return str(found[0][0])


def _names_both(refused: Site, owner: Site) -> None:
    said = refused.logs()
    assert "KEY_PREFIX" in said
    assert _site_id(refused) in said
    assert _site_id(owner) in said


def _have_posted(sandbox: RunningSandbox, expected: dict[str, int]) -> None:
    assert posted(sandbox) == expected
