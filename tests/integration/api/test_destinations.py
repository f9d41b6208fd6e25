"""Destinations that are refused, over HTTP: found, and tried again once they are mended."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from syncqueue.models import Destination
from tests.integration.api.conftest import TOKEN
from tests.integration.api.people import ROLES, client_of
from tests.integration.api.seeds import queue_of

pytestmark = pytest.mark.django_db

BASE = "/api/admin/sync-queue/"
EXPECTED = {"anonymous": 401, "member": 403, "staff": 403, "viewer": 403, "operator": 200}


@pytest.fixture
def machine() -> Client:
    return Client(headers={"Authorization": f"Bearer {TOKEN}"})


@pytest.fixture
def refused() -> Destination:
    """A destination that is refused, and the hold of its tasks."""
    row = Destination.objects.create(
        name="@news", service="telegram", address="@news", broken_reason="Unauthorized", broken_at=timezone.now()
    )
    queue_of("telegram").hold(f"stopped:destination:{row.pk}", None, "Unauthorized")
    return row


def test_those_that_are_refused_are_listed_with_the_reason(machine: Client, refused: Destination) -> None:
    Destination.objects.create(name="@fine", service="telegram", address="@fine")
    answer = machine.get(BASE + "broken-destinations").json()
    (one,) = answer["destinations"]
    assert (one["id"], one["name"], one["service"], one["why"]) == (refused.pk, "@news", "telegram", "Unauthorized")
    assert one["since"] and answer["is_whole"] is True


def test_one_that_was_mended_is_tried_again(machine: Client, refused: Destination) -> None:
    answer = machine.post(f"{BASE}telegram/destinations/{refused.pk}/mend")
    assert answer.status_code == 200 and answer.json()["why"] == "Unauthorized"
    refused.refresh_from_db()
    assert refused.broken_reason == "" and refused.broken_at is None
    assert [hold for hold in queue_of("telegram").holds() if not hold.lifted] == []
    assert machine.get(BASE + "broken-destinations").json()["destinations"] == []


def test_what_a_person_mends_is_in_the_log_of_the_admin(refused: Destination) -> None:
    assert client_of("operator").post(f"{BASE}telegram/destinations/{refused.pk}/mend").status_code == 200
    entry = LogEntry.objects.get()
    assert "mend" in entry.change_message and entry.object_id == str(refused.pk)


@pytest.mark.parametrize("role", ROLES)
def test_only_those_who_may_operate_mend(role: str, refused: Destination) -> None:
    address = f"{BASE}telegram/destinations/{refused.pk}/mend"
    assert client_of(role).post(address).status_code == EXPECTED[role]
    refused.refresh_from_db()
    assert (refused.broken_reason == "") is (role == "operator")


@pytest.mark.parametrize(
    "path", ["telegram/destinations/0/mend", "telegram/destinations/x/mend", "second/destinations/{pk}/mend"]
)
def test_one_that_does_not_exist_is_404(path: str, machine: Client, refused: Destination) -> None:
    answer = machine.post(BASE + path.format(pk=refused.pk))
    assert answer.status_code == 404 and "no destination with the id" in answer.json()["error"]
