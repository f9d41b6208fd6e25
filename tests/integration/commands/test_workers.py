"""`workers`: who works, and asking one of them."""

from __future__ import annotations

import pytest

from syncqueue import services
from tests.integration.admin.test_workers import asked
from tests.integration.api.seeds import keep_alive
from tests.integration.commands.calling import call

pytestmark = pytest.mark.django_db


def test_without_a_worker_it_says_what_to_start() -> None:
    assert "runsyncworker" in call("workers").out


def test_workers_are_listed_with_their_state() -> None:
    keep_alive()
    head, line = call("workers").out.splitlines()
    assert head.split() == ["worker", "state", "services", "tasks", "since", "heartbeat"]
    assert line.split()[1:5] == ["working", "telegram,", "second", "0"]
    (one,) = call("workers", "--json").data
    assert (one["id"], one["state"]) == (line.split()[0], "working")


@pytest.mark.parametrize("name", ["quiet", "stop"])
def test_a_worker_is_asked_by_its_id(name: str, caplog: pytest.LogCaptureFixture) -> None:
    keep_alive()
    (worker,) = services.workers()
    with caplog.at_level("INFO", logger="syncqueue.audit"):
        assert call("workers", f"--{name}", worker.id, "--json").data == {"worker": worker.id, "request": name}
    assert asked(worker) == name
    assert f"{worker.id}: {name} worker, by manage.py" in caplog.text


def test_a_worker_that_is_not_there_is_an_error() -> None:
    said = call("workers", "--stop", "gone-1")
    assert said.code == 1 and "There is no worker gone-1" in said.err
