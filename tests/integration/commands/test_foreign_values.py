"""What another version, or a person, has written into Redis: left out, counted and named; other services go on."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from syncqueue import services
from syncqueue.queue.keys import ORDER
from tests.integration.api.conftest import TOKEN
from tests.integration.api.seeds import fill, keep_alive, queue_of
from tests.integration.commands.calling import call

pytestmark = pytest.mark.django_db

RATE = "rate:destination:1"
PAGES = [
    "", "live/", "workers/", "cleared/", "telegram/tasks/pending/", "telegram/tasks/delayed/", "telegram/tasks/failed/",
    "second/tasks/pending/", "telegram/resume/",
]  # fmt: skip
API = "/api/admin/sync-queue/"


def page_codes(client: Client) -> dict[str, int]:
    return {page: client.get(f"/admin/syncqueue/queue/{page}").status_code for page in PAGES}


def test_figures_that_cannot_be_read_are_left_out_and_counted_by_the_doctor(admin_client: Client) -> None:
    keep_alive()
    fill("telegram", pending=1, delayed=1, failed=1)
    queue = queue_of("telegram")
    queue.hold(RATE, 10, "slow")
    assert queue.unreadable_count() == 0
    keys = queue.calls.keys
    queue.client.hset(keys["counters"], mapping={"processed": "many", "took 50": "7.5"})
    queue.client.hset(keys["reasons"], RATE, "since yesterday")
    queue.client.hset(keys["outages"], "breaker:x:1 since", "yesterday")
    queue.client.zadd(keys["failed"], {"of another version": float("inf")})
    assert services.unreadable_count("telegram") == 4
    (hold,) = queue.holds()
    assert (hold.reason, hold.since_at) == ("since yesterday", None)
    assert (queue.stats().total_processed, queue.stats().total_failed) == (0, 1)
    assert "[note]  telegram: 4 values of the queue's figures cannot be read and are left out." in call("doctor").out
    assert page_codes(admin_client) == dict.fromkeys(PAGES, 200)
    assert services.health().ok
    machine = Client(headers={"Authorization": f"Bearer {TOKEN}"})
    for path in ("stats", "stats/telegram", "health", "metrics", "telegram/tasks?state=failed"):
        assert machine.get(API + path).status_code == 200


@pytest.mark.parametrize("key", ORDER)
def test_a_key_of_another_kind_is_trouble_of_its_service_alone(admin_client: Client, key: str) -> None:
    keep_alive()
    fill("second", pending=1)
    queue = queue_of("telegram")
    value: dict[str, Any] = {"a": "person's"}
    queue.client.hset(queue.calls.keys[key], mapping=value) if key in ("site", "wake") else queue.client.set(
        queue.calls.keys[key], "a person's"
    )
    assert page_codes(admin_client) == dict.fromkeys(PAGES, 200)
    assert [one.name for one in services.health().services if not one.ok] in ([], ["telegram"])
    assert services.stats("second").pending_count == 1
    machine = Client(headers={"Authorization": f"Bearer {TOKEN}"})
    assert machine.get(API + "metrics").status_code == 200
    assert machine.get(API + "stats/second").status_code == 200
    said = call("doctor").out
    assert "[wrong] second" not in said.lower() and "Traceback" not in said
