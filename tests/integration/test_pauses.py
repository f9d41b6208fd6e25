"""A pause of a service, as the workers that remember its policy for some seconds take it up."""

from __future__ import annotations

import pytest

from syncqueue.conf import get_settings
from syncqueue.execution import policies
from syncqueue.models import ServicePolicy
from syncqueue.worker.reconciler import Reconciler
from tests.integration.api.conftest import own_queue  # noqa: F401
from tests.integration.api.seeds import queue_of

pytestmark = pytest.mark.django_db


def set_elsewhere(paused: bool) -> None:
    """Another process writes the row; this one has just read the table."""
    policies.forget()
    policies.is_paused("telegram")
    ServicePolicy.objects.update_or_create(service="telegram", defaults={"paused": paused})


def reasons() -> list[str]:
    return [hold.reason for hold in queue_of("telegram").holds() if not hold.lifted]


def test_a_pause_of_this_moment_is_not_lifted_by_a_worker_that_remembers_none() -> None:
    set_elsewhere(paused=True)
    queue_of("telegram").hold("pause", None, "Paused by ann.")
    Reconciler(queue_of("telegram"), get_settings()).run()
    assert reasons() == ["Paused by ann."]


def test_a_pause_that_has_just_ended_is_not_set_again_by_a_worker_that_remembers_it() -> None:
    ServicePolicy.objects.create(service="telegram", paused=True)
    set_elsewhere(paused=False)
    Reconciler(queue_of("telegram"), get_settings()).run()
    assert reasons() == []


def test_a_pause_that_redis_has_lost_is_set_again() -> None:
    ServicePolicy.objects.create(service="telegram", paused=True)
    policies.forget()
    Reconciler(queue_of("telegram"), get_settings()).run()
    assert reasons() == ["Paused."]
