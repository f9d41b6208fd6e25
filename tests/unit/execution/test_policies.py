"""The figures in force: the settings, and what a person has set over them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from syncqueue.core.backoff import RetryPolicy
from syncqueue.core.errors import ConfigurationError
from syncqueue.execution import policies
from syncqueue.models import ServicePolicy

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh(settings: Any) -> Iterator[None]:
    """Settings of this test's own, and no memory of other tests' rows."""
    settings.SYNCQUEUE = {"REDIS": "redis://127.0.0.1:1/0", "HANDLERS": {"telegram": {"CONCURRENCY": 7}}}
    policies.forget()
    yield
    policies.forget()


def test_without_a_row_the_settings_count() -> None:
    found = policies.in_force("telegram")
    assert (found.retry, found.concurrency) == (RetryPolicy(), 7)
    assert not policies.is_paused("telegram")


def test_a_row_overrides_each_figure_it_holds() -> None:
    ServicePolicy.objects.create(
        service="telegram",
        max_retries=0,
        base_delay_seconds=0.5,
        backoff_multiplier=3,
        max_delay_minutes=2,
        concurrency=1,
    )
    found = policies.in_force("telegram")
    assert found.retry == RetryPolicy(
        max_retries=0, base_delay_seconds=0.5, backoff_multiplier=3, max_delay_seconds=120
    )
    assert found.concurrency == 1


def test_what_a_row_leaves_empty_comes_from_the_settings() -> None:
    ServicePolicy.objects.create(service="telegram", max_retries=9)
    found = policies.in_force("telegram")
    assert found.retry == RetryPolicy(max_retries=9)
    assert found.concurrency == 7


def test_a_row_of_another_service_changes_nothing() -> None:
    ServicePolicy.objects.create(service="mastodon", max_retries=9, paused=True)
    assert policies.in_force("telegram").retry == RetryPolicy()
    assert not policies.is_paused("telegram")


def test_a_pause_is_seen() -> None:
    ServicePolicy.objects.create(service="telegram", paused=True)
    assert policies.is_paused("telegram")


def test_the_table_is_read_once_in_some_seconds() -> None:
    policies.in_force("telegram")
    with CaptureQueriesContext(connection) as captured:
        for _ in range(100):
            policies.in_force("telegram")
            policies.is_paused("telegram")
    assert len(captured) == 0
    assert policies.FRESH_SECONDS < 5


def test_a_service_that_is_not_on_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="mastodon"):
        policies.in_force("mastodon")


def test_what_was_read_a_moment_ago_is_at_hand_without_the_database() -> None:
    ServicePolicy.objects.create(service="telegram", concurrency=3)
    assert policies.at_hand("telegram") is None
    policies.in_force("telegram")
    with CaptureQueriesContext(connection) as queries:
        found = policies.at_hand("telegram")
    assert found is not None
    assert (found.concurrency, len(queries)) == (3, 0)
