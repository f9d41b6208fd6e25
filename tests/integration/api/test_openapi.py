"""The OpenAPI description matches the paths, and every response to any request."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from django.test import Client
from django.urls import URLPattern
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import integers
from schemathesis.generation import GenerationMode

from syncqueue.api.openapi import PATHS
from syncqueue.api.urls import urlpatterns
from tests.integration.api.conftest import TOKEN
from tests.integration.api.seeds import fill, keep_alive

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "/api/admin/sync-queue/openapi.json"
MACHINE = {"Authorization": f"Bearer {TOKEN}"}
# Bounded, and the same calls each time: a failure here is to be the fault of the change that was made.
BOUNDED = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
GOOD, BAD = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
OPERATIONS = [(path, method) for path, item in PATHS.items() for method in item if method != "parameters"]
# Where nothing can be given, nothing bad can.
ASKED = [(path, method, GOOD) for path, method in OPERATIONS] + [
    (path, method, BAD) for path, method in OPERATIONS if "{" in path or PATHS[path][method].get("parameters")
]


@pytest.fixture
def schema(live_server: Any) -> Any:
    """The description from a real server, to which the calls go too."""
    return schemathesis.openapi.from_url(f"{live_server.url}{ADDRESS}")


def tasks_in_every_state() -> list[str]:
    fill("telegram", pending=2, delayed=1, failed=2, processing=1)
    fill("second", pending=1)
    client = Client(headers=MACHINE)
    states = ("pending", "delayed", "failed", "processing")
    pages = [client.get(f"/api/admin/sync-queue/telegram/tasks?state={state}").json() for state in states]
    return [task["id"] for page in pages for task in page["tasks"]]


@pytest.mark.parametrize(("path", "method", "mode"), ASKED)
def test_every_answer_is_as_described(schema: Any, path: str, method: str, mode: GenerationMode) -> None:
    ids = tasks_in_every_state()
    keep_alive()
    operation = schema[f"/{path}"][method.upper()]

    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode), number=integers(0, 999))
    def ask(case: Any, number: int) -> None:
        # Names that exist, three times out of four: otherwise nearly all answers would be 404.
        if number % 4 and case.path_parameters.get("service"):
            case.path_parameters["service"] = "telegram"
        if number % 4 and case.path_parameters.get("task_id"):
            case.path_parameters["task_id"] = ids[number % len(ids)]
        if mode is GOOD and case.query:  # only a page can give a cursor that is good
            case.query.pop("cursor", None)
        case.call_and_validate(headers=MACHINE)

    ask()


def test_the_description_names_every_path_and_method_there_is() -> None:
    served = [str(entry.name) for entry in urlpatterns if isinstance(entry, URLPattern) and entry.name]
    described = ["-".join(part for part in path.split("/") if "{" not in part) for path in PATHS]
    assert sorted(described) == sorted(served)


def test_a_method_that_is_not_described_is_refused(schema: Any) -> None:
    client = Client(headers=MACHINE)
    for path, item in PATHS.items():
        names = {"service": "telegram", "task_id": "x", "reason": "x", "worker": "x", "destination_id": "x"}
        address = ADDRESS.replace("openapi.json", path.format_map(names))
        allowed = client.generic("TRACE", address).headers["Allow"].lower().split(", ")
        assert set(allowed) - {"head"} == set(item) - {"parameters"}, path
