"""Redis stopped, hanging or emptied: saves go on, and what should be out there comes out, once."""

from __future__ import annotations

import pytest

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.channel import posted, texts
from tests.faults.conftest import SiteMaker
from tests.faults.site import ALL_EMPTY, Site
from tests.redis_server import RedisServer

# IMMEDIATE.TIMEOUT_SECONDS and a second is promised of waiting; a busy machine works slowly besides. Saves that each
# waited for themselves, half a second for each of two calls to Redis, would take twice this.
IN_TIME_SECONDS = 30.0
SAVE_COUNT = 60
SAVE_AND_TELL_SECONDS = """
    began = time.monotonic()
    for n in range({count}):
        save(f"Note {{n}}")
    answer(time.monotonic() - began)
"""


@pytest.fixture
def own_site(make_site: SiteMaker, own_redis_server: RedisServer) -> Site:
    """A site on a Redis that the test may stop."""
    return make_site(own_redis_server.url)


def test_with_redis_stopped_a_note_goes_out_at_once_and_only_once(
    own_site: Site, own_redis_server: RedisServer, sandbox: RunningSandbox
) -> None:
    own_redis_server.stop()

    seconds = own_site.script(SAVE_AND_TELL_SECONDS.format(count=1))

    assert seconds < IN_TIME_SECONDS
    assert texts(sandbox) == ["Note 0"]
    assert own_site.states() == ["synced"]
    own_redis_server.start()
    own_site.make_records_old()
    assert own_site.manage("runsyncworker", "--burst") == 0
    assert posted(sandbox) == {"Note 0": 1}


def test_with_redis_and_telegram_gone_a_worker_alone_brings_the_note_out_after_both_are_back(
    own_site: Site, own_redis_server: RedisServer, sandbox: RunningSandbox
) -> None:
    own_site.worker()
    eventually(lambda: _is_working(own_site))
    own_redis_server.stop()
    sandbox.set_mode("telegram", "down")

    seconds = own_site.script(SAVE_AND_TELL_SECONDS.format(count=1))

    assert seconds < IN_TIME_SECONDS
    assert own_site.states() == ["waiting"]
    own_redis_server.start()
    sandbox.set_mode("telegram", "up")
    eventually(lambda: _are_out(own_site, sandbox, 1))


def test_with_redis_hanging_sixty_saves_together_wait_no_longer_than_promised(
    own_site: Site, own_redis_server: RedisServer, sandbox: RunningSandbox
) -> None:
    own_redis_server.pause()

    seconds = own_site.script(SAVE_AND_TELL_SECONDS.format(count=SAVE_COUNT))

    own_redis_server.resume()
    assert seconds < IN_TIME_SECONDS
    own_site.worker()
    eventually(lambda: _are_out(own_site, sandbox, SAVE_COUNT))


def test_with_redis_emptied_every_waiting_record_is_found_again_and_goes_out_once(
    own_site: Site, own_redis_server: RedisServer, sandbox: RunningSandbox
) -> None:
    sandbox.set_mode("telegram", "down")
    own_site.script("for n in range(30): save(f'Note {n}')")
    assert own_site.states() == ["waiting"] * 30
    own_redis_server.kill()
    own_redis_server.start(empty=True)
    own_site.worker()
    eventually(lambda: _are_in_the_queue(own_site, 30))

    sandbox.set_mode("telegram", "up")

    eventually(lambda: _are_out(own_site, sandbox, 30))


def test_cleared_tasks_stay_cleared_through_reconciler_and_emptied_redis_and_say_who_did_it(
    own_site: Site, own_redis_server: RedisServer, sandbox: RunningSandbox
) -> None:
    removed = own_site.script(
        """
        with syncqueue.queued():
            for n in range(100):
                save(f"Note {n}")
        answer(sum(services.clear("telegram", actor="ann").values()))
        """
    )
    assert removed == 100

    _reconcile_twice(own_site)
    own_redis_server.kill()
    own_redis_server.start(empty=True)
    _reconcile_twice(own_site)

    assert sandbox.log() == []
    assert own_site.tasks() == ALL_EMPTY
    assert own_site.states() == ["abandoned"] * 100
    assert set(own_site.errors()) == {"Cleared by ann."}


def test_failed_tasks_stay_failed_through_reconciler_and_emptied_redis(
    own_site: Site, own_redis_server: RedisServer, sandbox: RunningSandbox
) -> None:
    own_site.variables["SYNCQUEUE_TELEGRAM"] = {"MAX_RETRIES": 0}
    sandbox.set_mode("telegram", "error", status=409)
    own_site.script("for n in range(5): save(f'Note {n}')")
    assert own_site.states() == ["failed"] * 5
    sandbox.reset()

    _reconcile_twice(own_site)
    own_redis_server.kill()
    own_redis_server.start(empty=True)
    _reconcile_twice(own_site)

    assert sandbox.log() == []
    assert own_site.tasks() == ALL_EMPTY
    assert own_site.states() == ["failed"] * 5
    assert all(own_site.errors())


def _reconcile_twice(site: Site) -> None:
    """Each burst reconciles once and then works until nothing is left."""
    for _ in range(2):
        site.make_records_old()
        assert site.manage("runsyncworker", "--burst") == 0
    assert site.processed_count() == 0


def _is_working(site: Site) -> None:
    assert "Working on" in site.logs()


def _are_in_the_queue(site: Site, count: int) -> None:
    assert sum(len(ids) for ids in site.tasks().values()) == count


def _are_out(site: Site, sandbox: RunningSandbox, count: int) -> None:
    assert site.states() == ["synced"] * count
    assert posted(sandbox) == {f"Note {n}": 1 for n in range(count)}
    assert site.tasks() == ALL_EMPTY
