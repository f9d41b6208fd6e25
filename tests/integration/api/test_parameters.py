"""Any parameters of a call get a JSON response or a JSON error, never a crash."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.integration.api.conftest import TOKEN
from tests.integration.api.seeds import fill

pytestmark = pytest.mark.django_db

BASE = "/api/admin/sync-queue/telegram/"
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
VALUES = st.text(max_size=30) | st.integers().map(str) | st.sampled_from(["pending", "failed", "0", "-1", "1e9", "\0"])
NAMES = st.sampled_from(["state", "search", "cursor", "limit", "STATE", "x"])


@QUICK
@given(st.lists(st.tuples(NAMES, VALUES), max_size=4))
def test_a_page_of_tasks_is_given_or_refused(asked: list[tuple[str, str]]) -> None:
    query = urlencode(asked, errors="replace")
    answer = Client(headers={"Authorization": f"Bearer {TOKEN}"}).get(f"{BASE}tasks?{query}")
    assert answer.status_code in (200, 400)
    assert ("error" in answer.json()) is (answer.status_code == 400)


LOG_NAMES = st.sampled_from(["service", "destination", "object", "since", "until", "cursor", "limit", "x"])
MOMENTS = st.sampled_from(["14:05", "2026-01-31", "0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00", "2026-13-01"])


@QUICK
@given(st.lists(st.tuples(LOG_NAMES, VALUES | MOMENTS), max_size=4))
def test_a_page_of_the_log_is_given_or_refused(asked: list[tuple[str, str]]) -> None:
    query = urlencode(asked, errors="replace")
    answer = Client(headers={"Authorization": f"Bearer {TOKEN}"}).get(f"/api/admin/sync-queue/log?{query}")
    assert answer.status_code in (200, 400)
    assert ("error" in answer.json()) is (answer.status_code == 400)


@QUICK
@given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=3))
def test_clear_does_what_was_clearly_said_or_nothing(asked: list[tuple[str, str]]) -> None:
    query = urlencode(asked, errors="replace")
    clear = all(name == "state" and value in ("pending", "delayed", "failed") for name, value in asked)
    answer = Client(headers={"Authorization": f"Bearer {TOKEN}"}).delete(f"{BASE}clear?{query}")
    assert answer.status_code == 200 if clear else answer.status_code in (400, 409)


@QUICK
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1, max_size=60))
@example("\t")
@example("?#")
def test_any_id_of_a_task_is_looked_up_or_refused(task_id: str) -> None:
    answer = Client(headers={"Authorization": f"Bearer {TOKEN}"}).get(f"{BASE}tasks/{quote(task_id)}")
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]


@pytest.mark.parametrize("header", ["Bearer", "Bearer \0", "Bearer " + "x" * 5000, "bearer é", "Basic x", ""])
def test_any_authorization_is_known_or_refused(header: str) -> None:
    fill("telegram", pending=1)
    answer = Client(headers={"Authorization": header}).get(f"{BASE}tasks")
    assert answer.status_code == 401
