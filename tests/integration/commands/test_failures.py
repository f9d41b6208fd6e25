"""`failures`: the reasons as a table and as JSON, and retrying one of them."""

from __future__ import annotations

import pytest

from syncqueue.models import Clearing, Destination, SyncRecord
from tests.integration.admin.test_failures import fail, states
from tests.integration.commands.calling import call

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel() -> Destination:
    return Destination.objects.create(name="@news", service="telegram", address="@news")


def test_without_failures_it_says_so() -> None:
    assert call("failures").out.strip() == "Nothing has failed."


def test_the_most_frequent_reason_comes_first(channel: Destination) -> None:
    fail(channel, 1, "The text is empty.")
    fail(channel, 3, "Message {n} was not found.")
    head, first, second = call("failures").out.splitlines()
    assert head.split() == ["reason", "objects", "service", "destination", "first", "time", "why"]
    assert first.split()[1:4] == ["3", "telegram", "@news"] and "was not found." in first
    assert second.split()[1] == "1"


def test_the_objects_of_a_reason_are_synced_again(channel: Destination) -> None:
    fail(channel, 1, "The text is empty.")
    fail(channel, 3, "Message {n} was not found.")
    reason = call("failures", "--json").data["failures"][0]["reason"]
    assert call("failures", "--retry", reason, "--dry-run", "--json").data["would"] == 3
    assert states() == {"failed": 4}
    assert call("failures", "--retry", reason, "--noinput", "--json").data["count"] == 3
    assert states() == {"waiting": 3, "failed": 1}


def test_the_failures_of_a_reason_are_deleted(channel: Destination) -> None:
    fail(channel, 1, "The text is empty.")
    fail(channel, 3, "Message {n} was not found.")
    reason = call("failures", "--json").data["failures"][0]["reason"]
    assert call("failures", "--delete", reason, "--dry-run", "--json").data["would"] == 3
    assert states() == {"failed": 4}
    assert call("failures", "--delete", reason, "--noinput", "--json").data["count"] == 3
    assert states() == {"abandoned": 3, "failed": 1}
    assert Clearing.objects.get().task_count == 3


def test_a_reason_that_does_not_exist_is_refused_with_those_that_do(channel: Destination) -> None:
    fail(channel, 1, "The text is empty.")
    answer = call("failures", "--retry", "nonsense", "--noinput")
    assert answer.code == 1 and "nonsense" in answer.err
    assert SyncRecord.objects.get().state == "failed"
