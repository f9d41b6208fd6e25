"""API calls on tasks: pages, one task, and its operations, by every permitted user."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from syncqueue import services, site
from syncqueue.core.task import AttemptNote, SyncTask, TaskState
from syncqueue.dispatch.site_queues import get_queue
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.sources.intents import record_task
from tests.integration.api.conftest import TOKEN
from tests.integration.api.people import ROLES, client_of
from tests.integration.api.seeds import fill

pytestmark = pytest.mark.django_db

BASE = "/api/admin/sync-queue/telegram/tasks"
STATUS_READ = {"anonymous": 401, "member": 403, "staff": 403, "viewer": 200, "operator": 200}
STATUS_CHANGE = {"anonymous": 401, "member": 403, "staff": 403, "viewer": 403, "operator": 200}
CHANGES = [("DELETE", "", "failed"), ("POST", "/retry", "failed"), ("POST", "/run-now", "delayed")]


@pytest.fixture
def machine() -> Client:
    return Client(headers={"Authorization": f"Bearer {TOKEN}"})


def only(state: str) -> str:
    """Return the id of the only task in a state."""
    [view] = services.task_page("telegram", TaskState(state)).tasks
    return view.id


def failing_record() -> SyncRecord:
    """A failed record whose task is a dead letter."""
    place = Destination.objects.create(name="News", service="telegram", address="@news")
    record = SyncRecord.objects.create(
        source="notes.note", object_pk="7", destination=place, service="telegram", state=RecordState.FAILED, error="no"
    )
    queue = get_queue("telegram")
    queue.enqueue(record_task("telegram", record.pk, "notes.note:7"))
    [claimed] = queue.claim(1).tasks
    queue.fail(claimed, AttemptNote(at=timezone.now(), seconds=0.1, outcome="failure", error="no"))
    return record


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("role", ROLES)
def test_only_staff_with_the_view_permission_read_a_task(role: str, slash: str) -> None:
    fill("telegram", failed=1)
    assert client_of(role).get(f"{BASE}/{only('failed')}{slash}").status_code == STATUS_READ[role]


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(("method", "path", "state"), CHANGES)
@pytest.mark.parametrize("role", ROLES)
def test_only_staff_with_the_operate_permission_change_a_task(
    role: str, method: str, path: str, state: str, slash: str
) -> None:
    fill("telegram", **{state: 1})
    id_ = only(state)
    answer = client_of(role).generic(method, f"{BASE}/{id_}{path}{slash}")
    assert answer.status_code == STATUS_CHANGE[role]
    moved = all(view.id != id_ for view in services.task_page("telegram", TaskState(state)).tasks)
    assert moved is (answer.status_code == 200)


@pytest.mark.parametrize(("method", "path", "state"), CHANGES)
def test_a_session_needs_the_csrf_token(method: str, path: str, state: str) -> None:
    fill("telegram", **{state: 1})
    answer = client_of("operator", csrf=True).generic(method, f"{BASE}/{only(state)}{path}")
    assert answer.status_code == 403 and "CSRF" in answer.json()["error"]


@pytest.mark.parametrize(("method", "path", "state"), CHANGES)
def test_a_token_needs_neither_session_nor_csrf_and_a_wrong_one_changes_nothing(
    method: str, path: str, state: str
) -> None:
    fill("telegram", **{state: 1})
    id_, client = only(state), Client(enforce_csrf_checks=True)
    assert client.generic(method, f"{BASE}/{id_}{path}", headers={"Authorization": "Bearer no"}).status_code == 401
    answer = client.generic(method, f"{BASE}/{id_}{path}", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.json()) == (200, {"service": "telegram", "id": id_, "count": 1})


@pytest.mark.parametrize(("method", "path", "state"), CHANGES)
def test_a_change_by_a_person_is_in_the_admin_log(method: str, path: str, state: str) -> None:
    fill("telegram", **{state: 1})
    id_ = only(state)
    client_of("operator").generic(method, f"{BASE}/{id_}{path}")
    entry = LogEntry.objects.get()
    assert entry.user.username == "operator"
    assert "1 task" in entry.object_repr and id_ in entry.change_message


def test_pages_go_through_a_state_and_end_without_a_cursor(machine: Client) -> None:
    fill("telegram", failed=5)
    first = machine.get(BASE, {"state": "failed", "limit": "3"}).json()
    assert (len(first["tasks"]), first["total_count"], first["searched_count"]) == (3, 5, 3)
    second = machine.get(BASE, {"state": "failed", "limit": "3", "cursor": first["next_cursor"]}).json()
    assert (len(second["tasks"]), second["next_cursor"]) == (2, None)
    assert len({task["id"] for task in first["tasks"] + second["tasks"]}) == 5


def test_without_parameters_the_pending_ones_are_answered(machine: Client) -> None:
    fill("telegram", pending=1, failed=1)
    answer = machine.get(BASE).json()
    assert (answer["state"], [task["entity"] for task in answer["tasks"]]) == ("pending", ["notes.note:3"])


def test_a_search_looks_at_what_people_know_a_task_by(machine: Client) -> None:
    fill("telegram", pending=2, failed=1)
    assert len(machine.get(BASE, {"search": "NOTE:3"}).json()["tasks"]) == 2
    assert len(machine.get(BASE, {"search": "refused", "state": "failed"}).json()["tasks"]) == 1
    assert machine.get(BASE, {"search": "nothing like it"}).json()["tasks"] == []


@pytest.mark.parametrize(
    "query",
    [
        "state=nonsense", "state=", "limit=0", "limit=201", "limit=x", "limit=-1", "limit=", "limit=1e1", "limit=٣",
        "cursor=x", "cursor=%00", "cursor=" + "A" * 700, "search=" + "a" * 201, "page=2",
        "state=failed&state=pending", "limit=5&limit=6",
    ],
)  # fmt: skip
def test_parameters_that_are_not_understood_are_400_in_words(machine: Client, query: str) -> None:
    answer = machine.get(f"{BASE}?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_task_is_shown_with_payload_attempts_and_times(machine: Client) -> None:
    get_queue("telegram").enqueue(SyncTask("telegram", "publish", "feeds:1", {"feed": 1}, key="feed-1"))
    [claimed] = get_queue("telegram").claim(1).tasks
    note = AttemptNote(at=timezone.now(), seconds=1.5, outcome="failure", error="away", traceback="line 1")
    get_queue("telegram").fail(claimed, note)
    shown = machine.get(f"{BASE}/key:feed-1").json()
    assert (shown["state"], shown["action"], shown["key"], shown["payload"]) == (
        "failed", "publish", "feed-1", {"feed": 1},
    )  # fmt: skip
    [attempt] = shown["attempts"]
    assert (attempt["seconds"], attempt["outcome"], attempt["error"]) == (1.5, "failure", "away")


def test_tokens_in_errors_and_tracebacks_are_taken_out(machine: Client) -> None:
    secret = "123456789:AAFabcdefghijklmnopqrstuvwxyz012345"
    get_queue("telegram").enqueue(SyncTask("telegram", "x", "e:1", key="leaky"))
    [claimed] = get_queue("telegram").claim(1).tasks
    note = AttemptNote(at=timezone.now(), seconds=1, outcome="failure", error=f"/bot{secret}", traceback=secret)
    get_queue("telegram").fail(claimed, note)
    for path in ("/key:leaky", "?state=failed"):
        answer = machine.get(BASE + path)
        assert answer.status_code == 200 and "AAFabc" not in answer.content.decode()


def test_a_task_that_cannot_be_read_is_shown_and_can_be_deleted(machine: Client) -> None:
    queue = get_queue("telegram")
    queue.enqueue(SyncTask("telegram", "x", "e:1", key="odd"))
    queue.client.hset(queue.calls.keys["bodies"], "key:odd", "91{not json")
    shown = machine.get(f"{BASE}/key:odd").json()
    assert shown["unreadable"] and shown["raw"] == "91{not json" and shown["entity"] is None
    assert machine.get(BASE).json()["tasks"][0]["unreadable"]
    assert machine.delete(f"{BASE}/key:odd").status_code == 200
    assert machine.get(f"{BASE}/key:odd").status_code == 404


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", ""), ("POST", "/retry"), ("POST", "/run-now")])
def test_an_unknown_task_is_404(machine: Client, method: str, path: str) -> None:
    answer = machine.generic(method, f"{BASE}/no-such-task{path}")
    assert answer.status_code == 404 and answer.json()["error"]


def test_a_task_in_processing_is_not_touched(machine: Client) -> None:
    fill("telegram", processing=1)
    id_ = only("processing")
    for method, path in (("DELETE", ""), ("POST", "/retry"), ("POST", "/run-now")):
        assert machine.generic(method, f"{BASE}/{id_}{path}").status_code == 409
    assert only("processing") == id_


@pytest.mark.parametrize(("state", "path"), [("pending", "/retry"), ("failed", "/run-now"), ("pending", "/run-now")])
def test_a_move_that_makes_no_sense_in_the_state_is_409_naming_both(machine: Client, state: str, path: str) -> None:
    fill("telegram", **{state: 1})
    answer = machine.post(f"{BASE}/{only(state)}{path}")
    assert answer.status_code == 409 and state in answer.json()["error"]


def test_retrying_a_task_lets_its_record_wait_again(machine: Client) -> None:
    record = failing_record()
    assert machine.post(f"{BASE}/key:record-{record.pk}/retry").status_code == 200
    record.refresh_from_db()
    assert record.state == RecordState.WAITING
    assert only("pending") == f"key:record-{record.pk}"


def test_deleting_a_task_abandons_its_record_and_says_who_did_it(machine: Client) -> None:
    record = failing_record()
    assert machine.get(f"{BASE}/key:record-{record.pk}").json()["record_id"] == record.pk
    machine.delete(f"{BASE}/key:record-{record.pk}")
    record.refresh_from_db()
    assert record.state == RecordState.ABANDONED and "API token" in record.error


def test_a_database_that_is_away_is_503_in_json(machine: Client) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("could not connect to db.internal:5432")

    site.forget()
    with connection.execute_wrapper(away):
        answer, health = machine.get("/api/admin/sync-queue/stats"), Client().get("/api/admin/sync-queue/health")
    assert answer.status_code == 503
    assert "database" in answer.json()["error"] and "internal" not in answer.json()["error"]
    assert (health.status_code, health.json()) == (503, {"status": "failing"})


def test_markup_in_a_task_is_answered_as_json_that_no_browser_shows_as_a_page(machine: Client) -> None:
    html = "<script>alert('x')</script>"
    get_queue("telegram").enqueue(SyncTask("telegram", html, f"{html}:1", {html: html}))
    for path in ("", f"/{only('pending')}"):
        answer = machine.get(BASE + path)
        assert html in str(answer.json())
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
