"""The page of failures by reason: what happened to many objects is one line, with one button."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from project.notes.models import Note
from syncqueue import services
from syncqueue.core.error_kind import kind_of
from syncqueue.models import Clearing, Destination, SyncRecord
from syncqueue.services import failure_groups
from tests.integration.admin.conftest import HTML
from tests.integration.api.people import ROLES, client_of
from tests.integration.api.seeds import queue_of

pytestmark = pytest.mark.django_db

PAGE = "/admin/syncqueue/queue/failures/"
EXPECTED = {"anonymous": 302, "member": 302, "staff": 403, "viewer": 200, "operator": 200}


def fail(
    destination: Destination, count: int, error: str, state: str = "failed", *, has_kind: bool = True
) -> list[SyncRecord]:
    """Records that failed for a reason, in which {n} is the number of the object. Old ones have no kind."""
    owner, _ = User.objects.get_or_create(username="author")
    notes = Note.objects.bulk_create(Note(owner=owner, text="A note") for _ in range(count))
    return SyncRecord.objects.bulk_create(
        SyncRecord(
            source="notes.note",
            object_pk=str(note.pk),
            destination=destination,
            service=destination.service,
            state=state,
            error=error.format(n=note.pk),
            error_at=timezone.now(),
            error_kind=kind_of(error.format(n=note.pk)) if has_kind else None,
        )
        for note in notes
    )


def states() -> dict[str, int]:
    rows = SyncRecord.objects.values_list("state", flat=True)
    return {state: list(rows).count(state) for state in set(rows)}


def action(destination: Destination, name: str, reason: str, state: str = "failed") -> str:
    return f"{PAGE}{destination.pk}/{state}/{kind_of(reason)}/{name}/"


@pytest.mark.parametrize("role", ROLES)
def test_only_staff_with_the_view_permission_see_the_reasons(role: str, destination: Destination) -> None:
    assert client_of(role).get(PAGE).status_code == EXPECTED[role]


@pytest.mark.parametrize("name", ["retry", "delete"])
def test_only_an_operator_acts_and_only_by_post(name: str, destination: Destination) -> None:
    fail(destination, 2, "Chat not found.")
    address = action(destination, name, "Chat not found.")
    assert client_of("viewer").post(address).status_code == 403
    assert client_of("operator").get(address).status_code == 200
    assert states() == {"failed": 2}


def test_reasons_that_differ_in_ids_and_addresses_alone_are_one(destination: Destination) -> None:
    fail(destination, 3, "Message {n} at https://t.me/news/{n} was not found.")
    fail(destination, 1, "The text is empty.")
    fail(destination, 2, "No response.", "unknown")
    assert [(group.count, group.state.value) for group in services.failures().groups] == [
        (3, "failed"), (2, "unknown"), (1, "failed"),
    ]  # fmt: skip
    page = client_of("viewer").get(PAGE).content.decode()
    assert "was not found" in page and "The text is empty." in page and "may already exist" in page


def test_a_reason_is_shown_as_text(record: SyncRecord) -> None:
    client = client_of("operator")
    page = client.get(PAGE).content.decode()
    assert "Refused: &lt;script&gt;" in page and HTML not in page
    question = client.get(action(record.destination, "retry", record.error)).content.decode()
    assert "Refused: &lt;script&gt;" in question and HTML not in question


@pytest.mark.django_db(transaction=True)
def test_retry_syncs_all_objects_of_the_reason_at_this_destination_and_no_other(destination: Destination) -> None:
    other = Destination.objects.create(name="@other", service="telegram", address="@other")
    fail(destination, 3, "Chat not found.")
    fail(destination, 1, "The text is empty.")
    fail(other, 1, "Chat not found.")
    client = client_of("operator")
    address = action(destination, "retry", "Chat not found.")
    assert "3 objects" in client.get(address).content.decode()
    answer = client.post(address, follow=True).content.decode()
    assert "3 objects are being synced." in answer
    assert states() == {"waiting": 3, "failed": 2}
    assert queue_of("telegram").stats().pending_count == 3


def test_what_is_deleted_rests_and_can_be_restored_as_failed(destination: Destination) -> None:
    fail(destination, 2, "Chat not found.")
    client = client_of("operator")
    client.post(action(destination, "delete", "Chat not found."))
    assert states() == {"abandoned": 2}
    clearing = Clearing.objects.get()
    assert clearing.task_count == 2
    client.post(f"/admin/syncqueue/queue/cleared/{clearing.pk}/restore/")
    assert states() == {"failed": 2}


@pytest.mark.parametrize("has_kind", [True, False])
def test_retry_reaches_those_beyond_the_newest_that_are_counted(
    destination: Destination, monkeypatch: pytest.MonkeyPatch, has_kind: bool
) -> None:
    monkeypatch.setattr(failure_groups, "MOST_COUNTED", 2)
    fail(destination, 5, "Chat not found.", has_kind=has_kind)
    client = client_of("operator")
    assert "Not all failures are counted here." in client.get(PAGE).content.decode()
    client.post(action(destination, "retry", "Chat not found."))
    assert states() == {"waiting": 5}


def test_the_most_frequent_reasons_are_shown_where_there_are_too_many(
    destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failure_groups, "MOST_SHOWN", 1)
    fail(destination, 1, "The text is empty.")
    fail(destination, 2, "Chat not found.")
    found = services.failures()
    assert ([group.count for group in found.groups], found.is_whole) == ([2], False)
    assert "Not all failures are counted here." in client_of("viewer").get(PAGE).content.decode()


@pytest.mark.django_db(transaction=True)
def test_failures_that_an_earlier_version_stored_belong_to_the_same_reasons(destination: Destination) -> None:
    (oldest, *_) = fail(destination, 2, "Chat {n} not found.", has_kind=False)
    *_, newest = fail(destination, 3, "Chat {n} not found.")
    fail(destination, 1, "The text is empty.", has_kind=False)
    first, second = services.failures().groups
    assert (first.count, first.since, first.newest) == (5, oldest.error_at, newest.error_at)
    assert first.reason == newest.error
    assert second.count == 1
    assert services.retry_failure_group(first, actor="somebody") == 5
    assert [group.count for group in services.failures().groups] == [1]


@pytest.mark.parametrize("path", ["0/failed/abc/retry/", "{pk}/synced/abc/retry/", "{pk}/failed/abc/shout/"])
def test_what_is_no_group_or_no_action_is_not_found(destination: Destination, path: str) -> None:
    assert client_of("operator").post(PAGE + path.format(pk=destination.pk)).status_code == 404


def test_the_dashboard_leads_to_the_reasons(destination: Destination) -> None:
    fail(destination, 2, "Chat not found.")
    assert PAGE in client_of("operator").get("/admin/syncqueue/queue/").content.decode()
