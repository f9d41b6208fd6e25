"""The settings: valid values, messages for invalid ones, and reading at the time of use."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from syncqueue.conf import get_settings, problems
from syncqueue.core.backoff import RetryPolicy
from syncqueue.core.errors import ConfigurationError

SHORTEST = {"REDIS": "redis://127.0.0.1:6379/0", "HANDLERS": {"telegram": {}}}
TOKEN = "123456:a-token-that-must-not-be-shown-anywhere"


def kinds(given: Any) -> list[str]:
    """Return the kinds of all problems of a setting."""
    return [problem.kind for problem in problems(given)]


def text(given: Any) -> str:
    """Return the text of the only problem of a setting."""
    (problem,) = problems(given)
    return problem.text


def test_the_shortest_setting_is_valid_and_has_the_defaults_of_the_documentation() -> None:
    assert problems(SHORTEST) == []
    with override_settings(SYNCQUEUE=SHORTEST):
        found = get_settings()
    assert (found.enabled, found.key_prefix, found.environment, found.sources_module) == (
        True, "sync", "", "sync_sources",
    )  # fmt: skip
    assert (found.immediate.enabled, found.immediate.timeout_seconds, found.immediate.max_records) == (True, 2.0, 10)
    times = found.processing
    assert (times.lease_seconds, times.attempt_timeout_seconds, times.shutdown_seconds) == (60, 20, 25)
    assert (times.recovery_interval_seconds, times.reconcile_interval_seconds) == (15, 30)
    assert times.failed_retention_days == 30
    assert (found.breaker.failures, found.breaker.open_seconds) == (5, 30)
    assert (found.alerts.enabled, found.alerts.every_minutes) == (False, 60)
    telegram = found.service("telegram")
    assert telegram.retry == RetryPolicy(
        max_retries=3, base_delay_seconds=60, backoff_multiplier=2.0, max_delay_seconds=3600
    )
    assert (telegram.concurrency, telegram.batch_size, telegram.force_ipv4, telegram.hold_unknown) == (
        20, None, False, False,
    )  # fmt: skip
    assert (found.api_tokens, found.allowed_private_hosts, found.encryption_keys) == ((), (), ())
    assert found.max_destinations_per_owner == 20


def test_no_setting_at_all_says_what_the_shortest_is() -> None:
    assert kinds(None) == ["missing"]
    assert '{"REDIS": "redis://127.0.0.1:6379/0", "HANDLERS": {"telegram": {}}}' in text(None)


def test_without_redis_it_is_named() -> None:
    assert text({"HANDLERS": {}}).startswith("SYNCQUEUE['REDIS'] is missing")


@pytest.mark.parametrize(
    ("given", "path", "near"),
    [
        ({"REDS": 1}, "SYNCQUEUE['REDS']", "REDIS"),
        ({"handlers": {}}, "SYNCQUEUE['handlers']", "HANDLERS"),
        ({"IMMEDIATE": {"TIMEOUT": 1}}, "SYNCQUEUE['IMMEDIATE']['TIMEOUT']", "TIMEOUT_SECONDS"),
        ({"PROCESSING": {"LEASE": 1}}, "SYNCQUEUE['PROCESSING']['LEASE']", "LEASE_SECONDS"),
        ({"BREAKER": {"FAILURE": 1}}, "SYNCQUEUE['BREAKER']['FAILURE']", "FAILURES"),
        ({"ALERTS": {"EVERY_MINUTE": 1}}, "SYNCQUEUE['ALERTS']['EVERY_MINUTE']", "EVERY_MINUTES"),
        (
            {"HANDLERS": {"telegram": {"MAX_RETRY": 1}}},
            "SYNCQUEUE['HANDLERS']['telegram']['MAX_RETRY']",
            "MAX_RETRIES",
        ),
        (
            {"DESTINATIONS": {"news": {"SERVICE": "telegram", "ADRESS": "@news"}}},
            "SYNCQUEUE['DESTINATIONS']['news']['ADRESS']",
            "ADDRESS",
        ),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_right_one(given: dict[str, Any], path: str, near: str) -> None:
    (problem,) = problems({**SHORTEST, **given})
    assert problem.kind == "unknown"
    assert problem.text == f"{path} is unknown; did you mean {near!r}?"


def test_an_unknown_key_that_is_near_none_is_named_with_all_there_are() -> None:
    found = text({**SHORTEST, "XYZ": 1})
    assert "known: ENABLED, REDIS, KEY_PREFIX" in found


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"ENABLED": "yes"}, "['ENABLED']"),
        ({"REDIS": 5}, "['REDIS']"),
        ({"REDIS": ""}, "['REDIS']"),
        ({"REDIS": {}}, "['REDIS']"),
        ({"KEY_PREFIX": "a{b}"}, "['KEY_PREFIX']"),
        ({"API_TOKENS": "one"}, "['API_TOKENS']"),
        ({"ENCRYPTION_KEYS": [""]}, "['ENCRYPTION_KEYS']"),
        ({"IMMEDIATE": []}, "['IMMEDIATE']"),
        ({"IMMEDIATE": {"ENABLED": 1}}, "['IMMEDIATE']['ENABLED']"),
        ({"IMMEDIATE": {"TIMEOUT_SECONDS": -1}}, "['IMMEDIATE']['TIMEOUT_SECONDS']"),
        ({"IMMEDIATE": {"MAX_RECORDS": 1.5}}, "['IMMEDIATE']['MAX_RECORDS']"),
        ({"PROCESSING": {"LEASE_SECONDS": 0}}, "['PROCESSING']['LEASE_SECONDS']"),
        ({"PROCESSING": {"LEASE_SECONDS": float("inf")}}, "['PROCESSING']['LEASE_SECONDS']"),
        ({"PROCESSING": {"LEASE_SECONDS": True}}, "['PROCESSING']['LEASE_SECONDS']"),
        ({"BREAKER": {"FAILURES": 0}}, "['BREAKER']['FAILURES']"),
        ({"HANDLERS": []}, "['HANDLERS']"),
        ({"HANDLERS": {"telegram": None}}, "['HANDLERS']['telegram']"),
        ({"HANDLERS": {"Tele gram": {}}}, "['HANDLERS']['Tele gram']"),
        ({"HANDLERS": {"telegram": {"MAX_RETRIES": -1}}}, "['HANDLERS']['telegram']['MAX_RETRIES']"),
        ({"HANDLERS": {"telegram": {"CONCURRENCY": 0}}}, "['HANDLERS']['telegram']['CONCURRENCY']"),
        ({"HANDLERS": {"telegram": {"BACKOFF_MULTIPLIER": 0.5}}}, "['HANDLERS']['telegram']['BACKOFF_MULTIPLIER']"),
        ({"HANDLERS": {"telegram": {"ON_UNKNOWN_OUTCOME": "drop"}}}, "['HANDLERS']['telegram']['ON_UNKNOWN_OUTCOME']"),
        ({"HANDLERS": {"telegram": {"OPTIONS": "x"}}}, "['HANDLERS']['telegram']['OPTIONS']"),
        ({"DESTINATIONS": {"news": "x"}}, "['DESTINATIONS']['news']"),
        ({"DESTINATIONS": {"news": {"SERVICE": "mastodon"}}}, "['DESTINATIONS']['news']['SERVICE']"),
        (
            {"DESTINATIONS": {"news": {"SERVICE": "telegram", "RULE": "some"}}},
            "['DESTINATIONS']['news']['RULE']",
        ),
        (
            {"DESTINATIONS": {"news": {"SERVICE": "telegram", "SECRET": {"token": 5}}}},
            "['DESTINATIONS']['news']['SECRET']",
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(given: dict[str, Any], path: str) -> None:
    (problem,) = problems({**SHORTEST, **given})
    assert problem.kind == "type"
    assert problem.text.startswith(f"SYNCQUEUE{path}:")


def test_all_problems_are_found_at_once() -> None:
    found = kinds({"NOPE": 1, "ENABLED": "yes", "HANDLERS": {"telegram": {"NOPE": 1}}})
    assert sorted(found) == ["missing", "type", "unknown", "unknown"]


@pytest.mark.parametrize(
    "given",
    [
        {"API_TOKENS": TOKEN},
        {"ENCRYPTION_KEYS": TOKEN},
        {"DESTINATIONS": {"news": {"SERVICE": "telegram", "SECRET": TOKEN}}},
        {"DESTINATIONS": {"news": TOKEN}},
        {"REDIS": [TOKEN]},
    ],
)
def test_no_value_of_a_secret_is_printed(given: dict[str, Any]) -> None:
    assert TOKEN not in text({**SHORTEST, **given})


def test_settings_show_no_secret() -> None:
    given = {
        **SHORTEST,
        "API_TOKENS": [TOKEN],
        "ENCRYPTION_KEYS": [TOKEN],
        "DESTINATIONS": {"news": {"SERVICE": "telegram", "SECRET": {"token": TOKEN}}},
    }
    with override_settings(SYNCQUEUE=given):
        assert TOKEN not in repr(get_settings())


def test_wrong_settings_raise_with_every_problem() -> None:
    with override_settings(SYNCQUEUE={"ENABLED": "yes", "NOPE": 1}), pytest.raises(ConfigurationError) as caught:
        get_settings()
    for word in ("'ENABLED'", "'NOPE'", "'REDIS'"):
        assert word in str(caught.value)


def test_an_override_is_taken_up_and_taken_back() -> None:
    before = get_settings()
    with override_settings(SYNCQUEUE={**SHORTEST, "KEY_PREFIX": "other"}):
        assert get_settings().key_prefix == "other"
    assert get_settings().key_prefix == before.key_prefix


def test_settings_are_remembered_while_they_stay_the_same() -> None:
    assert get_settings() is get_settings()


def test_the_policy_of_a_service_comes_from_its_entry() -> None:
    entry = {
        "MAX_RETRIES": 7,
        "BASE_DELAY_SECONDS": 1,
        "BACKOFF_MULTIPLIER": 3,
        "MAX_DELAY_MINUTES": 2,
        "ON_UNKNOWN_OUTCOME": "hold",
        "OPTIONS": {"API_BASE_URL": "http://127.0.0.1:1"},
    }
    with override_settings(SYNCQUEUE={**SHORTEST, "HANDLERS": {"telegram": entry}}):
        found = get_settings().service("telegram")
    assert found.retry == RetryPolicy(max_retries=7, base_delay_seconds=1, backoff_multiplier=3, max_delay_seconds=120)
    assert found.hold_unknown
    assert found.options == {"API_BASE_URL": "http://127.0.0.1:1"}


def test_a_service_that_is_not_on_is_refused_naming_those_that_are() -> None:
    with override_settings(SYNCQUEUE=SHORTEST), pytest.raises(ConfigurationError, match="enabled: telegram"):
        get_settings().service("mastodon")


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ({"DESTINATIONS": {"news": {"SERVICE": "telegram", "RULE": "pubic"}}}, "did you mean 'public'?"),
        ({"DESTINATIONS": {"news": {"SERVICE": "telegram", "RULE": "Public"}}}, "did you mean 'public'?"),
        ({"HANDLERS": {"telegram": {"ON_UNKNOWN_OUTCOME": "holds"}}}, "did you mean 'hold'?"),
        ({"HANDLERS": {"telegram": {"ON_UNKNOWN_OUTCOME": 7}}}, "expected 'retry' or 'hold', got 7."),
        ({"DESTINATIONS": {"news": {"SERVICE": "telegram", "RULE": "everything"}}}, "'private' or 'tag', got a str."),
    ],
)
def test_of_a_few_words_the_nearest_is_named(given: dict[str, Any], near: str) -> None:
    (problem,) = problems({"REDIS": "redis://127.0.0.1:6379/0", "HANDLERS": {"telegram": {}}, **given})
    assert problem.text.endswith(near)
