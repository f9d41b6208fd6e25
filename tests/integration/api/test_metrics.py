"""Prometheus metrics in both formats, also with missing parts."""

from __future__ import annotations

import builtins
import math
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as plain_families

from syncqueue.core.task import AttemptNote, SyncTask
from syncqueue.dispatch.site_queues import get_queue
from tests.integration.api.conftest import TOKEN
from tests.integration.api.seeds import fill

pytestmark = pytest.mark.django_db

ADDRESS = "/api/admin/sync-queue/metrics"
MACHINE = {"Authorization": f"Bearer {TOKEN}"}


def samples(accept: str = "") -> dict[tuple[str, ...], float]:
    """Return every sample of telegram by name and labels, without the service."""
    answer = Client(headers=MACHINE).get(ADDRESS, headers={"Accept": accept})
    assert answer.status_code == 200
    parse = open_families if "openmetrics" in answer.headers["Content-Type"] else plain_families
    found = [one for family in parse(answer.content.decode()) for one in family.samples]
    return {(one.name, *_more(one.labels)): one.value for one in found if one.labels["service"] == "telegram"}


def _more(labels: Mapping[str, str]) -> list[str]:
    return [value for name, value in labels.items() if name != "service"]


def end_one(how: str, seconds: float = 0.2) -> None:
    queue = get_queue("telegram")
    queue.enqueue(SyncTask("telegram", "update", "notes.note:1"))
    [claimed] = queue.claim(1).tasks
    note = AttemptNote(at=timezone.now(), seconds=seconds, outcome="retry", error="away")
    if how == "done":
        queue.ack(claimed, seconds=[seconds])
    elif how == "again":
        queue.retry(claimed, timedelta(hours=1), note)
    else:
        queue.fail(claimed, note)


@pytest.mark.parametrize("accept", ["", "text/plain", "application/openmetrics-text; version=1.0.0"])
def test_states_and_totals_are_counted_over_all_processes(accept: str) -> None:
    for how in ("done", "done", "again", "failed"):
        end_one(how)
    fill("telegram", pending=2, processing=1)
    found = samples(accept)
    states = {state: found["syncqueue_tasks", state] for state in ("pending", "delayed", "processing", "failed")}
    assert states == {"pending": 2, "delayed": 1, "processing": 1, "failed": 1}
    totals = [found[f"syncqueue_tasks_{what}_total",] for what in ("processed", "retried", "failed")]
    assert totals == [2, 1, 1]
    assert found["syncqueue_up",] == 1


def test_attempts_are_in_a_histogram_by_their_length() -> None:
    end_one("done", 0.04)
    end_one("again", 3)
    end_one("failed", 200)
    found = samples()
    name = "syncqueue_attempt_duration_seconds"
    assert (found[f"{name}_count",], found[f"{name}_sum",]) == (3, 203.04)
    at = {bound: found[f"{name}_bucket", bound] for bound in ("0.05", "2.5", "5.0", "60.0", "+Inf")}
    assert list(at.values()) == [1, 1, 2, 2, 3]


def test_percentiles_are_bounds_of_buckets_and_missing_where_nothing_was_counted() -> None:
    name = "syncqueue_attempt_duration_quantile_seconds"
    assert not [key for key in samples() if "quantile" in key[0]]
    for _ in range(18):
        end_one("done", 0.2)
    end_one("again", 200)
    end_one("failed", 200)
    found = samples()
    assert (found[name, "0.5"], found[name, "0.95"]) == (0.25, math.inf)
    assert found["syncqueue_waiting_duration_seconds_count",] == 18
    assert found["syncqueue_waiting_duration_quantile_seconds", "0.5"] >= 0.05


def test_holds_are_counted_by_kind_with_what_waits_behind_them() -> None:
    queue = get_queue("telegram")
    queue.hold("breaker:api.telegram.org:443", None, "away")
    queue.hold("rate:destination:7", 60, "slow")
    queue.enqueue(SyncTask("telegram", "update", "notes.note:1"))
    [claimed] = queue.claim(1).tasks
    queue.retry(
        claimed,
        timedelta(0),
        AttemptNote(at=timezone.now(), seconds=1, outcome="unreachable"),
        hold="breaker:api.telegram.org:443",
    )
    found = samples()
    assert [found["syncqueue_holds", kind] for kind in ("breaker", "rate", "stopped", "pause")] == [1, 1, 0, 0]
    assert (found["syncqueue_held_tasks", "breaker"], found["syncqueue_held_tasks", "rate"]) == (1, 0)


def test_pause_age_and_workers_are_there() -> None:
    fill("telegram", pending=1)
    get_queue("telegram").hold("pause", None, "")
    found = samples()
    assert (found["syncqueue_paused",], found["syncqueue_workers",]) == (1, 0)
    assert found["syncqueue_oldest_pending_seconds",] >= 0


@pytest.mark.usefixtures("redis_away")
def test_without_redis_up_is_zero_and_nothing_is_made_up() -> None:
    assert samples() == {("syncqueue_up",): 0}


def test_without_the_library_the_answer_is_501_saying_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *args: Any, **named: Any) -> Any:
        if name.startswith("prometheus_client"):
            raise ImportError(name)
        return real(name, *args, **named)

    for name in [name for name in sys.modules if name.startswith("prometheus_client")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", absent)
    answer = Client(headers=MACHINE).get(ADDRESS)
    assert answer.status_code == 501
    assert "django-syncqueue[metrics]" in answer.json()["error"]


@pytest.mark.parametrize("accept", ["*/*", "text/plain; version=x", "application/openmetrics-text; version=", "\x7f"])
def test_any_accept_header_is_answered(accept: str) -> None:
    assert Client(headers=MACHINE).get(ADDRESS, headers={"Accept": accept}).status_code == 200
