"""What a person sets in a ServicePolicy is taken up by processes that are running."""

from __future__ import annotations

import redis

from project.sandbox.testing import RunningSandbox
from syncqueue.execution import policies
from tests.eventually import eventually
from tests.faults.conftest import SiteMaker
from tests.faults.site import Site

# By the settings, a failure of the service is tried again after an hour, and by the row not at all.
PATIENT_RETRIES = {"SYNCQUEUE_TELEGRAM": {"BASE_DELAY_SECONDS": 3600}}
PROMISED_SECONDS = 5.0
KEEP_SAVING = """
while True:
    save("Once more")
    time.sleep(0.2)
"""


def set_policy(site: Site, **values: object) -> None:
    """As another process does, such as the admin's: nobody is told."""
    row = {"service": "telegram", "paused": False, **values}
    marks = ", ".join("?" * len(row))
    changes = ", ".join(f"{name} = excluded.{name}" for name in row)
    site.sql(
        f"INSERT INTO syncqueue_servicepolicy ({', '.join(row)}) VALUES ({marks}) "  # noqa: S608 - names
        f"ON CONFLICT (service) DO UPDATE SET {changes}",
        *row.values(),
    )


def save_queued(site: Site, count: int = 1) -> None:
    """Notes that a worker has to take out."""
    site.script(
        f"""
        with syncqueue.queued():
            for n in range({count}):
                save(f"Note {{n}}")
        """
    )


def test_what_was_read_of_the_table_is_not_kept_for_longer_than_promised() -> None:
    assert policies.FRESH_SECONDS < PROMISED_SECONDS


def test_a_running_worker_takes_up_retry_figures(make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox) -> None:
    site = make_site(redis_url, **PATIENT_RETRIES)
    sandbox.set_mode("telegram", "error", status=409)
    site.worker()
    site.start(KEEP_SAVING.replace("save(", "with syncqueue.queued(): save("))
    eventually(lambda: _assert_delayed(site, 1))
    set_policy(site, max_retries=0)
    eventually(lambda: _assert_failed(site))


def test_a_running_web_process_takes_up_retry_figures(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    site = make_site(redis_url, **PATIENT_RETRIES)
    sandbox.set_mode("telegram", "error", status=409)
    site.start(KEEP_SAVING)
    eventually(lambda: _assert_delayed(site, 1))
    set_policy(site, max_retries=0)
    eventually(lambda: _assert_failed(site))


def test_a_running_worker_takes_up_a_pause_and_its_end(site: Site, sandbox: RunningSandbox) -> None:
    site.worker()
    set_policy(site, paused=True)

    eventually(lambda: _assert_held(site))
    save_queued(site)
    assert site.states() == ["waiting"]
    assert sandbox.log() == []
    set_policy(site, paused=False)
    eventually(lambda: _assert_states(site, ["synced"]))


def test_a_running_worker_takes_up_a_concurrency(make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox) -> None:
    site = make_site(redis_url, SYNCQUEUE_TELEGRAM={"CONCURRENCY": 1})
    sandbox.set_mode("telegram", "slow", delay_seconds=0.7)
    site.worker()
    save_queued(site, 60)
    eventually(lambda: _assert_processing(site, 1))
    set_policy(site, concurrency=5)
    eventually(lambda: _assert_processing(site, 5))


def _assert_delayed(site: Site, least: int) -> None:
    assert len(site.tasks()["delayed"]) >= least


def _assert_failed(site: Site) -> None:
    assert "failed" in site.states()


def _assert_states(site: Site, wanted: list[str]) -> None:
    assert site.states() == wanted


def _assert_processing(site: Site, count: int) -> None:
    assert len(site.tasks()["processing"]) == count


def _assert_held(site: Site) -> None:
    with redis.Redis.from_url(site.redis_url, decode_responses=True) as client:
        assert "pause" in client.zrange("sync:{telegram}:holds", 0, -1)
