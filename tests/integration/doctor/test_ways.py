"""Findings on connections to a host, on Redis and on the database. No network."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from syncqueue.doctor.database import examine_database, is_fit
from syncqueue.doctor.finding import Finding, Level
from syncqueue.doctor.outside import ways_findings
from syncqueue.doctor.queues import _fitness, _latency
from syncqueue.outbound.probe import Reach, Way
from syncqueue.queue.server_checks import RedisFacts


@pytest.fixture(autouse=True)
def own_site() -> None:
    """Override the fixture; these tests need no site."""


def way(family: str, problem: str = "", *, hangs: bool = False) -> Way:
    return Way(
        family=family, address="::1" if family == "IPv6" else "127.0.0.1", seconds=0.01, problem=problem, hangs=hangs
    )


NEW, OLD = way("IPv6"), way("IPv4")
NEW_HANGS = way("IPv6", "no answer within 3 s", hangs=True)
NEW_REFUSED, OLD_REFUSED = way("IPv6", "network is unreachable"), way("IPv4", "connection refused")


@pytest.mark.parametrize(
    ("ways", "force_ipv4", "level", "says"),
    [
        ([NEW, OLD], False, Level.OK, ""),
        ([NEW_HANGS, OLD], False, Level.WRONG, "['FORCE_IPV4'] = True"),
        ([NEW_REFUSED, OLD], False, Level.ADVICE, "['FORCE_IPV4'] = True"),
        ([NEW_HANGS, OLD], True, Level.OK, ""),
        ([NEW, OLD_REFUSED], False, Level.ADVICE, "IPv6 is used"),
        ([NEW, OLD_REFUSED], True, Level.WRONG, "['FORCE_IPV4'] = False"),
        ([NEW], True, Level.WRONG, "['FORCE_IPV4'] = False"),
        ([NEW_HANGS, OLD_REFUSED], False, Level.WRONG, "firewall"),
        ([OLD], False, Level.OK, ""),
    ],
)
def test_each_mixture_of_ways_has_its_verdict(ways: list[Way], force_ipv4: bool, level: Level, says: str) -> None:
    reach = Reach(resolved_seconds=0.01, ways=ways)
    (found,) = ways_findings("telegram", "api.test:443", reach, force_ipv4=force_ipv4)
    assert found.level is level
    assert says in found.advice
    assert all(one.address in found.text for one in ways)


def facts() -> RedisFacts:
    """Return the facts of a healthy Redis."""
    return RedisFacts(
        name="Redis 7.2.4", version=(7, 2), latency_seconds=0.001, now=timezone.now(), policy="noeviction",
        is_durable=True, broker_key=None, stamps={},
    )  # fmt: skip


def levels(found: list[Finding]) -> list[Level]:
    return [finding.level for finding in found]


def test_a_redis_that_is_well_gives_no_cause_for_words() -> None:
    assert list(_fitness(facts())) == []
    assert _latency(facts()).level is Level.OK


def test_a_redis_far_away_is_told_of() -> None:
    found = _latency(replace(facts(), latency_seconds=0.2))
    assert found.level is Level.ADVICE
    assert "closer" in found.advice


@pytest.mark.parametrize(
    ("change", "level", "says"),
    [
        ({"version": (5, 0)}, Level.WRONG, "6.2"),
        ({"policy": "allkeys-lru"}, Level.WRONG, "noeviction"),
        ({"is_durable": False}, Level.ADVICE, "appendonly yes"),
        ({"now": timezone.now() - timedelta(minutes=5)}, Level.ADVICE, "NTP"),
    ],
)
def test_what_is_unfit_about_a_redis_is_told_of(change: dict[str, object], level: Level, says: str) -> None:
    (found,) = _fitness(replace(facts(), **change))  # type: ignore[arg-type]
    assert found.level is level
    assert says in found.advice


@pytest.mark.django_db
def test_migrations_that_are_missing_are_named_and_the_rest_is_not_tried() -> None:
    MigrationRecorder.Migration.objects.filter(app="syncqueue").delete()
    found = list(examine_database())
    assert "0001_initial" in found[0].text
    assert "migrate syncqueue" in found[0].advice
    assert not is_fit(found)
