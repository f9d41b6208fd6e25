"""What earlier releases wrote into Redis is read, moved and ended by this one. The files of `kept` never change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import syncqueue
from syncqueue.core.errors import ForeignQueue
from syncqueue.core.task import TaskState, decode_body
from syncqueue.sources.intents import record_id_of
from tests.contract.drive import Backend, Face, names
from tests.contract.invariants import assert_each_task_in_one_place
from tests.redis_server import RedisServer
from tests.upgrade.state import HOLD, KEPT, load

RELEASES = sorted(KEPT.glob("*.json"))
# Bodies in every form that a release has written, with what they say.
BODIES = {
    '11{"action":"update","entity":"notes.note:1","payload":{"record":1},"created_at":1772366400000}': {"record": 1},
    '10{"action":"x","entity":"e:1","created_at":1772366400000}': {},
    '12{"action":"x","entity":"e:1","payload":{"t":"日本語"},"created_at":1772366400000}': {"t": "日本語"},
    '11{"action":"x","entity":"e:1","payload":{"record":1,"traceparent":"00-a-b-01"},"created_at":1}': {
        "record": 1,
        "traceparent": "00-a-b-01",
    },
}


@pytest.fixture(params=RELEASES, ids=lambda file: file.stem)
def backend(request: pytest.FixtureRequest, redis_server: RedisServer) -> Iterator[Backend]:
    """A Redis as a release has left it."""
    found = Backend("valkey-sync", redis_server.fresh_url())
    file: Path = request.param
    load(found.raw, json.loads(file.read_text(encoding="utf-8")))
    yield found
    found.close()


@pytest.fixture
def queue(backend: Backend) -> Face:
    """The queue, as this release sees it."""
    return backend.queue(site="site-of-old")


def test_there_is_a_file_of_this_release() -> None:
    assert syncqueue.__version__ in [file.stem for file in RELEASES]


@pytest.mark.parametrize("body", BODIES)
def test_every_form_of_a_body_is_read(body: str) -> None:
    assert decode_body("telegram", "an-id", body).payload == BODIES[body]


def test_every_task_is_in_its_state_and_can_be_read(queue: Face, backend: Backend) -> None:
    assert_each_task_in_one_place(backend.raw, queue.calls.keys)
    stats = queue.stats()

    counts = (stats.pending_count, stats.delayed_count, stats.processing_count, stats.failed_count)
    assert counts == (2, 2, 1, 1)
    assert (stats.total_processed, stats.total_failed) == (1, 1)
    assert all(view.task is not None for state in TaskState for view in queue.tasks(state))


def test_pending_tasks_are_claimed_in_their_order_and_ended(queue: Face) -> None:
    claimed = queue.claim(10).tasks

    assert names(claimed) == ["high", "low"]
    assert claimed[1].task.payload["texts"] == ["日本語", "é"]
    assert queue.ack(*claimed) == [True, True]


def test_a_delayed_task_becomes_due_with_its_attempts_kept(queue: Face, backend: Backend) -> None:
    queue.claim(10)
    backend.clock.advance(120)

    (retried,) = queue.claim(10).tasks
    assert (names([retried]), retried.attempt) == (["retried"], 2)
    assert [one.error for one in retried.progress.history] == ["Error 500."]


def test_a_task_whose_worker_died_comes_back_with_what_waited_behind_it(queue: Face, backend: Backend) -> None:
    queue.claim(10)
    backend.clock.advance(61)
    queue.recover_expired()

    view = queue.get("key:record-1")
    assert view.state is TaskState.PENDING
    assert (record_id_of(view.task), view.task.action) == (1, "delete")


def test_a_parked_task_leaves_when_its_hold_is_lifted(queue: Face) -> None:
    queue.claim(10)
    assert [hold.name for hold in queue.holds()] == [HOLD]
    queue.lift(HOLD)

    assert names(queue.claim(10).tasks) == ["parked"]


def test_a_failed_task_is_brought_back_with_its_reason_known(queue: Face) -> None:
    (view,) = queue.tasks(TaskState.FAILED)
    assert view.progress.history[-1].error == "It was refused."
    queue.claim(10)
    assert queue.retry_failed() == 1

    assert names(queue.claim(10).tasks) == ["failed"]


def test_another_site_is_refused_what_the_old_stamp_guards(backend: Backend) -> None:
    with pytest.raises(ForeignQueue):
        backend.queue(site="another-site").claim(1)
