"""Every path of the API, requested by every kind of user."""

import pytest
from django.test import Client

from syncqueue.api.urls import urlpatterns
from tests.integration.api.conftest import TOKEN
from tests.integration.api.people import ROLES, client_of

pytestmark = pytest.mark.django_db

BASE = "/api/admin/sync-queue/"
# Calls about one task are tried in test_tasks.py.
OF_A_TASK = [
    ("GET", "telegram/tasks/one"),
    ("DELETE", "telegram/tasks/one"),
    ("POST", "telegram/tasks/one/retry"),
    ("POST", "telegram/tasks/one/run-now"),
]
OF_ANYONE = ["health", "openapi.json"]
# Calls about one reason or destination are tried in test_calls.py and test_destinations.py.
OF_A_REASON = [
    ("DELETE", "telegram/failures/one"),
    ("POST", "telegram/failures/one/retry"),
    ("POST", "telegram/destinations/1/mend"),
]
# Calls about one worker too.
OF_A_WORKER = [("POST", "workers/one/quiet"), ("POST", "workers/one/stop")]
READS = ["stats", "stats/telegram", "metrics", "log", "workers", "failures", "broken-destinations", "telegram/tasks"]
CHANGES = [
    ("POST", "telegram/retry-failed"),
    ("DELETE", "telegram/clear"),
    ("POST", "telegram/recover"),
    ("POST", "telegram/pause"),
    ("POST", "telegram/resume"),
]
EXPECTED_READ = {"anonymous": 401, "member": 403, "staff": 403, "viewer": 200, "operator": 200}
EXPECTED_CHANGE = {"anonymous": 401, "member": 403, "staff": 403, "viewer": 403, "operator": 200}


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("role", ROLES)
def test_only_staff_with_the_view_permission_read_figures(role: str, path: str, slash: str) -> None:
    answer = client_of(role).get(BASE + path + slash)
    assert answer.status_code == EXPECTED_READ[role]
    assert answer.status_code == 200 or answer.json()["error"]


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("role", ROLES)
def test_only_staff_with_the_operate_permission_change_queues(role: str, method: str, path: str, slash: str) -> None:
    answer = client_of(role).generic(method, BASE + path + slash)
    assert answer.status_code == EXPECTED_CHANGE[role]
    assert ("error" in answer.json()) is (answer.status_code != 200)


def test_no_call_is_missing_here() -> None:
    calls = [*(("GET", path) for path in (*READS, *OF_ANYONE)), *CHANGES, *OF_A_TASK, *OF_A_REASON, *OF_A_WORKER]
    offered = set()
    for _, path in calls:
        allowed = Client().patch(BASE + path).headers["Allow"]
        offered |= {(method, _pattern_of(path)) for method in allowed.split(", ") if method != "HEAD"}
    assert {(method, _pattern_of(path)) for method, path in calls} == offered
    assert {pattern for _, pattern in offered} == {str(one.pattern) for one in urlpatterns[:-1]}


def _pattern_of(path: str) -> str:
    return next(str(one.pattern) for one in urlpatterns if one.resolve(path))


@pytest.mark.parametrize("role", ROLES)
def test_the_description_is_for_anyone(role: str) -> None:
    assert client_of(role).get(BASE + "openapi.json").status_code == 200


@pytest.mark.parametrize("role", ROLES)
def test_health_answers_anyone_but_with_figures_only_those_who_may_see_them(role: str) -> None:
    answer = client_of(role).get(BASE + "health")
    assert answer.status_code in (200, 503)
    assert ("services" in answer.json()) is (role in ("viewer", "operator"))


@pytest.mark.parametrize("path", READS)
def test_a_token_reads_without_a_session(path: str) -> None:
    answer = Client().get(BASE + path, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_a_token_changes_without_session_and_csrf(method: str, path: str) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.generic(method, BASE + path, headers={"Authorization": f"bearer {TOKEN}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "tökén"])
@pytest.mark.parametrize("path", [*READS, "health"])
def test_a_wrong_token_is_refused_even_with_a_good_session(path: str, token: str) -> None:
    answer = client_of("operator").get(BASE + path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert "invalid_token" in answer.headers["WWW-Authenticate"]


def test_a_token_in_the_address_is_not_looked_at() -> None:
    assert Client().get(f"{BASE}stats?token={TOKEN}&api_token={TOKEN}&access_token={TOKEN}").status_code == 401


def test_without_tokens_in_the_settings_none_is_accepted(settings: object) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "API_TOKENS": []}  # type: ignore[attr-defined]
    assert Client().get(BASE + "stats", headers={"Authorization": "Bearer "}).status_code == 401


def test_another_scheme_leaves_the_session_alone() -> None:
    answer = client_of("viewer").get(BASE + "stats", headers={"Authorization": "Basic cHJveHk6cHJveHk="})
    assert answer.status_code == 200


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_a_session_needs_the_csrf_token_for_changes(method: str, path: str) -> None:
    client = client_of("operator", csrf=True)
    refused = client.generic(method, BASE + path)
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["error"]
    client.get("/admin/")
    token = client.cookies["csrftoken"].value if "csrftoken" in client.cookies else ""
    assert client.generic(method, BASE + path, headers={"X-CSRFToken": token}).status_code == 200


def test_a_user_who_is_no_longer_active_is_not_known() -> None:
    client = client_of("operator")
    from django.contrib.auth.models import User

    User.objects.update(is_active=False)
    assert client.get(BASE + "stats").status_code == 401
