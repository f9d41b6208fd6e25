"""Who may do what: every page that the app brings into the admin, tried by every kind of visitor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from django.contrib import admin
from django.urls import URLPattern, reverse

from project.notes.models import Note
from syncqueue import services
from syncqueue.core.task import TaskState
from syncqueue.models import Clearing, Destination, ServicePolicy, SyncRecord, Verification
from tests.integration.api.people import ROLES, client_of
from tests.integration.api.seeds import fill, queue_of

pytestmark = pytest.mark.django_db


class Row(NamedTuple):
    """One page, one method, and what staff get: without a right, with "view", with "operate"."""

    name: str
    method: str
    staff: int
    viewer: int
    operator: int
    arguments: tuple[str, ...] = ()


QUEUE, DESTINATION, RECORD, POLICY = (
    f"syncqueue_{model}_" for model in ("queue", "destination", "syncrecord", "servicepolicy")
)
OPERATIONS = ("retry-failed", "recover", "pause", "resume", "clear")
REASON_ACTIONS = ("retry", "delete")
ACTIONS = (("failed", "retry"), ("delayed", "run-now"), ("pending", "delete"))
# Destinations and policies have Django's own rights, which the queue's two do not bring along.
PAGES = [
    Row(QUEUE + "changelist", "GET", 403, 200, 200),
    Row(QUEUE + "live", "GET", 403, 200, 200),
    Row(QUEUE + "workers", "GET", 403, 200, 200),
    *(Row(QUEUE + "worker_request", "GET", 403, 403, 200, ("worker", name)) for name in ("quiet", "stop")),
    *(Row(QUEUE + "worker_request", "POST", 403, 403, 302, ("worker", name)) for name in ("quiet", "stop")),
    Row(QUEUE + "cleared", "GET", 403, 200, 200),
    Row(QUEUE + "restore", "GET", 403, 403, 200, ("clearing",)),
    Row(QUEUE + "restore", "POST", 403, 403, 302, ("clearing",)),
    Row(QUEUE + "failures", "GET", 403, 200, 200),
    Row(QUEUE + "findings", "GET", 403, 200, 200, ("destination",)),
    Row(QUEUE + "findings", "POST", 403, 403, 302, ("destination",)),
    Row(QUEUE + "refused", "GET", 403, 200, 200),
    Row(QUEUE + "refused", "POST", 403, 403, 302),
    *(
        Row(QUEUE + "failure_action", "GET", 403, 403, 200, ("destination", "failed", "a", name))
        for name in REASON_ACTIONS
    ),
    *(
        Row(QUEUE + "failure_action", "POST", 403, 403, 302, ("destination", "failed", "a", name))
        for name in REASON_ACTIONS
    ),
    *(Row(QUEUE + "tasks", "GET", 403, 200, 200, ("telegram", state.value)) for state in TaskState),
    Row(QUEUE + "task", "GET", 403, 200, 200, ("telegram", "task")),
    *(Row(QUEUE + "task_action", "GET", 403, 403, 302, ("telegram", *action)) for action in ACTIONS),
    *(Row(QUEUE + "task_action", "POST", 403, 403, 302, ("telegram", *action)) for action in ACTIONS),
    *(Row(QUEUE + "operation", "GET", 403, 403, 200, ("telegram", name)) for name in OPERATIONS),
    *(Row(QUEUE + "operation", "POST", 403, 403, 302, ("telegram", name)) for name in OPERATIONS[:-1]),
    Row(QUEUE + "operation", "POST", 403, 403, 200, ("telegram", "clear")),  # asks for the states
    Row(DESTINATION + "changelist", "GET", 403, 403, 403),
    Row(DESTINATION + "add", "POST", 403, 403, 403),
    Row(DESTINATION + "change", "POST", 403, 403, 403, ("destination",)),
    Row(DESTINATION + "delete", "POST", 403, 403, 403, ("destination",)),
    Row(DESTINATION + "history", "GET", 403, 403, 403, ("destination",)),
    Row(DESTINATION + "check", "POST", 403, 403, 403, ("destination",)),
    Row(DESTINATION + "test", "POST", 403, 403, 403, ("destination",)),
    Row(DESTINATION + "refill", "GET", 403, 403, 302, ("destination",)),  # nothing is missing there
    Row(DESTINATION + "refill", "POST", 403, 403, 302, ("destination",)),
    Row(DESTINATION + "mend", "POST", 403, 403, 302, ("destination",)),  # lets work go that waits in a queue
    Row(DESTINATION + "connect_new", "POST", 403, 403, 403),
    Row(DESTINATION + "connect", "GET", 403, 403, 403, ("destination",)),
    Row(DESTINATION + "connect", "POST", 403, 403, 403, ("destination",)),
    Row(DESTINATION + "connected", "GET", 403, 403, 403),
    Row(RECORD + "changelist", "GET", 403, 200, 200),
    Row(RECORD + "sync_now", "GET", 403, 403, 200),
    Row(RECORD + "change", "GET", 403, 200, 200, ("record",)),
    Row(RECORD + "change", "POST", 403, 403, 403, ("record",)),
    Row(RECORD + "history", "GET", 403, 200, 200, ("record",)),
    Row(RECORD + "add", "POST", 403, 403, 403),
    Row(RECORD + "delete", "POST", 403, 403, 403, ("record",)),
    Row("syncqueue_sententry_changelist", "GET", 403, 200, 200),
    Row(POLICY + "changelist", "GET", 403, 403, 403),
    Row(POLICY + "add", "POST", 403, 403, 403),
    Row(POLICY + "change", "POST", 403, 403, 403, ("policy",)),
    Row(POLICY + "delete", "POST", 403, 403, 403, ("policy",)),
    Row(POLICY + "history", "GET", 403, 403, 403, ("policy",)),
    # An object's page belongs to the site: whoever may not see the object may not sync it either.
    Row("notes_note_sync_now", "POST", 403, 403, 403, ("note",)),
]


@pytest.fixture
def things(destination: Destination, record: SyncRecord, note: Note) -> dict[str, str]:
    """What the addresses name, by the word that stands for it in a row."""
    fill("telegram", pending=1, delayed=1, failed=1)
    services.clear("telegram", states=[TaskState.DELAYED], actor="a person")
    (dead,) = services.task_page("telegram", TaskState.FAILED).tasks
    Verification.objects.create(destination=destination)
    policy, _ = ServicePolicy.objects.get_or_create(service="telegram")
    clearing = Clearing.objects.get()
    rows = {"destination": destination, "record": record, "note": note, "clearing": clearing, "policy": policy}
    return {"task": dead.id} | {word: str(row.pk) for word, row in rows.items()}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("row", PAGES, ids=lambda row: "-".join((row.name, *row.arguments, row.method)))
def test_a_page_is_for_those_who_have_its_right(row: Row, role: str, things: dict[str, str]) -> None:
    address = reverse(f"admin:{row.name}", args=[things.get(word, word) for word in row.arguments])
    answer = client_of(role).generic(row.method, address)
    assert answer.status_code == getattr(row, role, 302)
    if role in ("anonymous", "member"):
        assert "/login/" in answer.headers["Location"]
    if row.method == "POST" and role != "operator":
        assert _untouched()


def test_no_page_is_missing_here() -> None:
    assert {row.name for row in PAGES} == set(_names())


def _names() -> Iterator[str]:
    for model, page in admin.site._registry.items():
        for pattern in page.get_urls():
            is_ours = model._meta.app_label == "syncqueue" or (pattern.name or "").endswith("_sync_now")
            if is_ours and isinstance(pattern, URLPattern) and pattern.name:
                yield pattern.name


def _untouched() -> bool:
    stats = queue_of("telegram").stats()
    rows = (Destination.objects.count(), SyncRecord.objects.count(), Clearing.objects.count())
    return (stats.pending_count, stats.failed_count, stats.paused, *rows) == (1, 1, False, 1, 1, 1)
