"""A database that is not there when a worker starts, or goes away while it runs: the worker waits, and goes on."""

from __future__ import annotations

import pytest
from django.conf import settings

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.channel import posted
from tests.faults.processes import Process
from tests.faults.site import ALL_EMPTY, SCRIPT_SECONDS, Site

HAS_SERVER = settings.DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql"
AWAY = "The database does not answer; waiting for it."
BACK = "The database is back after "


def start_worker(site: Site) -> Process:
    """A worker whose output is in a file of its own."""
    return site.start("call_command('runsyncworker', verbosity=1)")


def test_a_worker_that_starts_while_its_database_is_away_waits_and_goes_on(site: Site, sandbox: RunningSandbox) -> None:
    site.script("with syncqueue.queued(): save('Note 1')")
    site.database.go_away()
    worker = start_worker(site)
    eventually(lambda: _assert_told(worker, AWAY))

    site.database.come_back()

    eventually(lambda: _assert_all_out(site, sandbox, ["Note 1"]))
    worker.terminate()
    assert worker.wait(SCRIPT_SECONDS) == 0
    assert _beginnings(worker) == [AWAY, BACK, "Started: ", "Stopping.", "Stopped."]
    assert site.logs().count("ERROR syncqueue.worker") == 1
    assert "Traceback" not in site.logs()


def test_a_worker_told_to_end_while_it_waits_for_its_database_exits_0(site: Site) -> None:
    site.database.go_away()
    worker = start_worker(site)
    eventually(lambda: _assert_told(worker, AWAY))

    worker.terminate()

    assert worker.wait(SCRIPT_SECONDS) == 0


def test_a_burst_without_a_database_says_so_in_a_line_and_exits_1(site: Site) -> None:
    site.database.go_away()

    assert site.manage("runsyncworker", "--burst") == 1

    assert "CommandError: The database does not answer: OperationalError: " in site.logs()
    assert "Traceback" not in site.logs()


@pytest.mark.skipif(not HAS_SERVER, reason="a file does not go away from those who have opened it")
def test_a_running_worker_outlives_a_database_that_goes_away_and_comes_back(
    site: Site, sandbox: RunningSandbox
) -> None:
    worker = start_worker(site)
    eventually(lambda: _assert_told(worker, "Started: "))
    sandbox.set_mode("telegram", "slow", delay_seconds=1)
    site.script("with syncqueue.queued(): save('Note 1')")
    eventually(lambda: _assert_asked(sandbox))

    site.database.go_away()
    eventually(lambda: _assert_told(worker, "Started: ", AWAY))
    site.database.come_back()

    sandbox.set_mode("telegram", "up")
    site.script("with syncqueue.queued(): save('Note 2')")
    eventually(lambda: _assert_all_out(site, sandbox, ["Note 1", "Note 2"]))
    eventually(lambda: _assert_told(worker, "Started: ", AWAY, BACK))
    assert worker.poll() is None


def _beginnings(worker: Process) -> list[str]:
    known = (AWAY, BACK, "Started: ")
    lines = worker.output().splitlines()
    return [next((one for one in known if line.startswith(one)), line) for line in lines]


def _assert_told(worker: Process, *lines: str) -> None:
    assert _beginnings(worker) == list(lines)


def _assert_asked(sandbox: RunningSandbox) -> None:
    assert [entry["open"] for entry in sandbox.log()] == [True]


def _assert_all_out(site: Site, sandbox: RunningSandbox, expected: list[str]) -> None:
    assert posted(sandbox) == dict.fromkeys(expected, 1)
    assert site.states() == ["synced"] * len(expected)
    assert site.tasks() == ALL_EMPTY
