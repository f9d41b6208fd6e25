"""Effect and response of each call of the API."""

import json
import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from syncqueue import services
from syncqueue.core.duty import DutyState
from syncqueue.core.task import TaskState
from syncqueue.models import Destination, SyncRecord
from tests.integration.admin.test_sent_log import DAY, at, enter
from tests.integration.admin.test_workers import asked
from tests.integration.api.conftest import TOKEN
from tests.integration.api.people import client_of
from tests.integration.api.seeds import fill, keep_alive

pytestmark = pytest.mark.django_db

BASE = "/api/admin/sync-queue/"
MACHINE = {"Authorization": f"Bearer {TOKEN}"}
FIELDS = {
    "service", "pending_count", "delayed_count", "processing_count", "failed_count", "total_processed", "total_failed",
    "last_processed_at", "last_failed_at", "oldest_pending_seconds", "paused", "breaker",
}  # fmt: skip


@pytest.fixture
def machine() -> Client:
    return Client(headers=MACHINE)


def test_stats_of_all_services_carry_every_figure(machine: Client) -> None:
    services = machine.get(BASE + "stats").json()["services"]
    assert [figures["service"] for figures in services] == ["telegram", "second"]
    assert all(set(figures) == FIELDS for figures in services)


def test_stats_of_one_service_count_its_tasks_and_give_times_in_iso(machine: Client) -> None:
    fill("telegram", pending=3, failed=2)
    figures = machine.get(BASE + "stats/telegram").json()
    assert (figures["pending_count"], figures["failed_count"], figures["processing_count"]) == (3, 2, 0)
    assert datetime.fromisoformat(figures["last_failed_at"]).tzinfo is not None
    assert figures["oldest_pending_seconds"] >= 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "stats/nowhere"),
        ("POST", "nowhere/retry-failed"),
        ("POST", "nowhere/recover"),
        ("POST", "nowhere/pause"),
        ("POST", "nowhere/resume"),
        ("DELETE", "nowhere/clear"),
        ("GET", "nowhere/tasks"),
        ("GET", "nowhere/tasks/x"),
        ("DELETE", "nowhere/tasks/x"),
        ("POST", "nowhere/tasks/x/retry"),
        ("POST", "nowhere/tasks/x/run-now"),
    ],
)
def test_an_unknown_service_is_404_and_the_known_ones_are_named(machine: Client, method: str, path: str) -> None:
    answer = machine.generic(method, BASE + path)
    assert answer.status_code == 404
    assert "nowhere" in answer.json()["error"] and "telegram, second" in answer.json()["error"]


def test_a_path_that_is_none_is_404_in_json(machine: Client) -> None:
    answer = machine.get(BASE + "telegram/no-such-thing")
    assert answer.status_code == 404
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "stats", "GET, HEAD"),
        ("DELETE", "health", "GET, HEAD"),
        ("GET", "telegram/retry-failed", "POST"),
        ("POST", "telegram/clear", "DELETE"),
        ("PUT", "telegram/pause", "POST"),
        ("OPTIONS", "telegram/resume", "POST"),
        ("POST", "metrics", "GET, HEAD"),
        ("PATCH", "openapi.json", "GET, HEAD"),
        ("DELETE", "telegram/tasks", "GET, HEAD"),
        ("POST", "telegram/tasks/some-id", "GET, DELETE, HEAD"),
        ("GET", "telegram/tasks/some-id/retry", "POST"),
        ("GET", "telegram/tasks/some-id/run-now", "POST"),
    ],
)
def test_a_wrong_method_is_405_and_the_right_one_is_named(
    machine: Client, method: str, path: str, allowed: str
) -> None:
    answer = machine.generic(method, BASE + path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert allowed in answer.json()["error"]


def test_failed_tasks_go_back_and_the_count_is_answered(machine: Client) -> None:
    fill("telegram", failed=3)
    assert machine.post(BASE + "telegram/retry-failed").json() == {"service": "telegram", "count": 3}
    figures = machine.get(BASE + "stats/telegram").json()
    assert (figures["failed_count"], figures["pending_count"]) == (0, 3)


def test_clear_takes_all_but_processing_out_and_answers_the_counts(machine: Client) -> None:
    fill("telegram", pending=2, delayed=1, failed=3, processing=1)
    answer = machine.delete(BASE + "telegram/clear").json()
    assert answer == {"service": "telegram", "count": 6, "counts": {"pending": 2, "delayed": 1, "failed": 3}}
    assert machine.get(BASE + "stats/telegram").json()["processing_count"] == 1


def test_clear_takes_only_the_state_named(machine: Client) -> None:
    fill("telegram", pending=2, failed=3)
    assert machine.delete(BASE + "telegram/clear?state=failed").json()["counts"] == {"failed": 3}
    assert machine.get(BASE + "stats/telegram").json()["pending_count"] == 2


def test_clear_of_processing_is_409_and_touches_nothing(machine: Client) -> None:
    fill("telegram", pending=1, processing=1)
    answer = machine.delete(BASE + "telegram/clear?state=processing&state=pending")
    assert answer.status_code == 409
    figures = machine.get(BASE + "stats/telegram").json()
    assert (figures["pending_count"], figures["processing_count"]) == (1, 1)


@pytest.mark.parametrize("query", ["state=nonsense", "state=", "states=failed", "state=failed&x=1"])
def test_clear_refuses_what_it_does_not_understand_instead_of_clearing_all(machine: Client, query: str) -> None:
    fill("telegram", pending=1)
    answer = machine.delete(f"{BASE}telegram/clear?{query}")
    assert answer.status_code == 400
    assert "failed" in answer.json()["error"]
    assert machine.get(BASE + "stats/telegram").json()["pending_count"] == 1


def test_recover_leaves_living_leases_alone(machine: Client) -> None:
    fill("telegram", processing=1)
    assert machine.post(BASE + "telegram/recover").json() == {"service": "telegram", "count": 0}


def test_pause_and_resume_switch_what_stats_say(machine: Client) -> None:
    assert machine.post(BASE + "telegram/pause").json() == {"service": "telegram", "paused": True}
    assert machine.get(BASE + "stats/telegram").json()["paused"] is True
    assert machine.post(BASE + "telegram/resume").json() == {"service": "telegram", "paused": False}
    assert machine.get(BASE + "stats/telegram").json()["paused"] is False


def test_one_service_is_changed_and_not_the_other(machine: Client) -> None:
    fill("telegram", pending=1)
    fill("second", pending=1)
    machine.delete(BASE + "telegram/clear")
    assert machine.get(BASE + "stats/second").json()["pending_count"] == 1


@pytest.mark.usefixtures("redis_away")
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "stats"), ("GET", "stats/telegram"), ("POST", "telegram/retry-failed"), ("DELETE", "telegram/clear"),
     ("GET", "telegram/tasks"), ("GET", "telegram/tasks/x"), ("DELETE", "telegram/tasks/x"),
     ("POST", "telegram/tasks/x/retry"), ("POST", "telegram/tasks/x/run-now")],
)  # fmt: skip
def test_without_redis_the_answer_is_503_in_words(machine: Client, method: str, path: str) -> None:
    answer = machine.generic(method, BASE + path)
    assert answer.status_code == 503
    assert "Redis" in answer.json()["error"]


@pytest.mark.usefixtures("redis_away")
def test_without_redis_health_is_503_and_says_so_to_those_who_may_know(machine: Client) -> None:
    answer = machine.get(BASE + "health")
    assert (answer.status_code, answer.json()["status"], answer.json()["redis"]) == (503, "failing", False)
    anonymous = Client().get(BASE + "health")
    assert (anonymous.status_code, anonymous.json()) == (503, {"status": "failing"})


def test_health_names_the_duties_that_fail_to_those_who_may_know(machine: Client) -> None:
    keep_alive(DutyState(name="reconcile telegram", since=timezone.now() - timedelta(hours=1), error="no table"))
    answer = machine.get(BASE + "health")
    (duty,) = answer.json()["duties"]
    assert (answer.status_code, duty["name"], duty["error"]) == (503, "reconcile telegram", "no table")
    assert Client().get(BASE + "health").json() == {"status": "failing"}


def test_health_answers_head_without_a_body() -> None:
    answer = Client().head(BASE + "health")
    assert answer.status_code in (200, 503)
    assert answer.content == b""


def test_broken_settings_make_health_failing_and_not_a_crash(settings: Any) -> None:
    settings.SYNCQUEUE = {"REDIS": "redis://127.0.0.1:1/0", "HANDLERZ": {}}
    answer = Client().get(BASE + "health")
    assert (answer.status_code, answer.json()) == (503, {"status": "failing"})


def test_answers_are_not_kept_by_caches(machine: Client) -> None:
    assert "no-store" in machine.get(BASE + "stats").headers["Cache-Control"]


def test_a_change_by_a_person_is_in_the_admin_log_with_who_what_and_how_many() -> None:
    fill("telegram", failed=2)
    client_of("operator").post(BASE + "telegram/retry-failed")
    entry = LogEntry.objects.get()
    assert entry.user.username == "operator"
    assert entry.object_repr == "telegram: retry-failed: 2 tasks"


def test_a_change_by_a_token_is_in_the_audit_log_without_the_token(
    machine: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="syncqueue.audit"):
        machine.post(BASE + "telegram/pause")
    lines = [record.getMessage() for record in caplog.records if record.name == "syncqueue.audit"]
    assert lines == ["telegram: pause, by API token 2"]
    assert TOKEN not in caplog.text
    assert not LogEntry.objects.exists()


def test_paths_can_be_reversed() -> None:
    assert reverse("syncqueue-api:clear", args=["telegram"]) == BASE + "telegram/clear"
    assert reverse("syncqueue-api:stats") == BASE + "stats"


def test_every_state_that_can_be_cleared_is_accepted(machine: Client) -> None:
    for state in set(TaskState) - {TaskState.PROCESSING}:
        answer = machine.delete(f"{BASE}telegram/clear?state={state}")
        assert json.loads(answer.content)["counts"] == {str(state): 0}


@pytest.mark.parametrize(("method", "path", "state"), [("POST", "/retry", "waiting"), ("DELETE", "", "abandoned")])
@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_the_objects_of_one_reason_are_synced_again_or_deleted_by_an_operator_alone(
    role: str, method: str, path: str, state: str
) -> None:
    place = Destination.objects.create(name="@news", service="telegram", address="@news")
    for pk in range(3):
        error = "The text is empty." if pk == 0 else f"Message {pk} was not found."
        SyncRecord.objects.create(
            source="notes.note", object_pk=str(pk), destination=place, service="telegram", state="failed", error=error
        )
    client = client_of(role)
    first, second = client.get(f"{BASE}failures").json()["failures"]
    assert (first["count"], second["count"]) == (2, 1) and "was not found" in first["why"]

    answer = client.generic(method, f"{BASE}telegram/failures/{first['reason']}{path}")

    is_allowed = role == "operator"
    assert answer.status_code == (200 if is_allowed else 403)
    assert SyncRecord.objects.filter(state=state).count() == (2 if is_allowed else 0)


def test_a_reason_that_no_failure_has_is_not_found() -> None:
    answer = client_of("operator").post(f"{BASE}telegram/failures/nonsense/retry")
    assert answer.status_code == 404 and "telegram" in answer.json()["error"]


@pytest.mark.parametrize("name", ["quiet", "stop"])
def test_a_worker_is_asked_and_it_is_written_down(name: str) -> None:
    keep_alive()
    (worker,) = client_of("viewer").get(f"{BASE}workers").json()["workers"]
    assert (worker["state"], worker["services"]) == ("working", ["telegram", "second"])
    address = f"{BASE}workers/{worker['id']}/{name}"
    assert Client().get(address).status_code == 405 and Client().post(address).status_code == 401
    assert Client().post(f"{BASE}workers/gone/{name}", headers=MACHINE).status_code == 404
    answer = client_of("operator").post(address)
    assert answer.json() == {"worker": worker["id"], "request": name}
    assert LogEntry.objects.get().object_repr == f"{worker['id']}: {name} worker"
    assert asked(services.workers()[0]) == name


def test_the_log_is_read_page_by_page_and_by_time() -> None:
    channel = Destination.objects.create(name="@news", service="telegram", address="@news")
    for pk, clock in ((1, "14:04:59"), (2, "14:05:00"), (3, "14:06:00")):
        enter(channel, at(clock), pk)
    client = client_of("viewer")
    first = client.get(f"{BASE}log?limit=2").json()
    assert [one["object"] for one in first["log"]] == ["notes.note:3", "notes.note:2"]
    second = client.get(f"{BASE}log?limit=2&cursor={first['next_cursor']}").json()
    assert [one["object"] for one in second["log"]] == ["notes.note:1"] and second["next_cursor"] is None
    (one,) = client.get(f"{BASE}log?since={DAY} 14:05&until={DAY} 14:06&destination={channel.pk}").json()["log"]
    assert one["url"] == "https://t.me/news/2" and one["attempt"] == 1 and one["action"] == "created"
    assert client.get(f"{BASE}log?object=notes.note:3").json()["log"][0]["object"] == "notes.note:3"
    assert client.get(f"{BASE}log?service=nothing").json()["log"] == []
