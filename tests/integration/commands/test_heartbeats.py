"""Workers by their heartbeats: told by Redis's clock, and not hidden by one that cannot be read."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from django.test import Client

from syncqueue import services
from syncqueue.conf import get_settings
from syncqueue.queue.connection import async_client, sync_client
from syncqueue.queue.keys import workers_key
from syncqueue.worker import heartbeat
from syncqueue.worker.heartbeat import Heartbeat
from tests.integration.api.seeds import keep_alive
from tests.integration.commands.calling import call

pytestmark = pytest.mark.django_db

FOREIGN = [
    "",
    "gone",
    "[]",
    "{}",
    "\x00\xff",
    '{"version": 2, "worker": {}}',
    json.dumps({"host": "h", "pid": 1, "started_at": 1, "seen_at": 1e300, "services": ["telegram"], "running": 0}),
    json.dumps({"host": "h", "pid": 1, "started_at": 1, "seen_at": 1, "services": 7, "running": 0}),
    json.dumps({"host": "h", "pid": "one", "started_at": 1, "seen_at": 1, "services": [], "running": 0}),
]


@pytest.fixture
def beats() -> Any:
    """The heartbeats as they stand in Redis, to be written into."""
    now = get_settings()
    with sync_client(now.redis) as client:

        def put(id_: str, text: str) -> None:
            client.hset(workers_key(now.key_prefix), id_, text)

        yield put


@pytest.mark.parametrize("text", FOREIGN)
def test_a_heartbeat_of_another_form_hides_no_worker_and_is_counted(
    beats: Any, text: str, admin_client: Client
) -> None:
    keep_alive()
    beats("foreign", text)
    found = services.heartbeats()
    assert (len(found), found.unreadable_count) == (1, 1)
    assert services.health().ok
    said = call("health", "--json")
    assert (said.code, said.data["unreadable_heartbeats"]) == (0, 1)
    doctor = call("doctor").out
    assert "1 heartbeat cannot be read." in doctor and workers_key(get_settings().key_prefix) in doctor
    assert "[ok]    workers: 1 worker serves telegram." in doctor
    for page in ("workers/", ""):
        assert admin_client.get(f"/admin/syncqueue/queue/{page}").status_code == 200
    assert "1 heartbeat cannot be read." in admin_client.get("/admin/syncqueue/queue/workers/").text


@pytest.mark.parametrize("duties", [7, {}, "sweep", [7], [{"name": "sweep"}], [{"since": "x"}], None])
def test_a_living_worker_is_shown_whatever_it_says_of_what_fails(beats: Any, duties: Any) -> None:
    now = int(time.time() * 1000)
    beat = {"host": "h", "pid": 1, "started_at": now, "seen_at": now, "services": ["telegram"], "running": 0}
    beats("newer", json.dumps({**beat, "duties": duties}))
    (worker,) = services.workers()
    assert (worker.id, worker.duties) == ("newer", ())


def test_something_else_under_the_key_of_the_heartbeats_is_no_error(admin_client: Client) -> None:
    now = get_settings()
    with sync_client(now.redis) as client:
        client.set(workers_key(now.key_prefix), "a person's")
    assert services.heartbeats().unreadable_count == 1
    assert call("health").code == 1
    assert admin_client.get("/admin/syncqueue/queue/workers/").status_code == 200


def test_tidying_leaves_what_it_cannot_read_and_takes_out_who_has_gone(beats: Any) -> None:
    beats("foreign", "gone")
    gone = {"host": "h", "pid": 1, "started_at": 1, "seen_at": 1, "services": ["telegram"], "running": 0}
    beats("gone", json.dumps(gone))
    keep_alive()

    async def tidy() -> set[str]:
        now = get_settings()
        async with async_client(now.redis) as client:
            await Heartbeat(client, now.key_prefix, ["telegram"], lambda: 0).tidy()
            return set(await client.hkeys(workers_key(now.key_prefix)))

    left = asyncio.run(tidy())
    assert "foreign" in left and "gone" not in left and len(left) == 2


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_worker_host_whose_clock_is_wrong_is_alive(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    right = time.time

    class Wrong:
        monotonic = staticmethod(time.monotonic)

        @staticmethod
        def time() -> float:
            return right() + minutes * 60

    monkeypatch.setattr(heartbeat, "time", Wrong)
    keep_alive()
    monkeypatch.undo()
    (worker,) = services.workers()
    assert abs(worker.seen_at.timestamp() - right()) < 60
    assert services.health().ok
