"""Any value at all for SYNCQUEUE: it is used, or its problems are named; nothing else is raised, no secret shown."""

from __future__ import annotations

from typing import Any

from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from syncqueue import checks
from syncqueue.conf import (
    ALERT_RULES,
    BREAKER_RULES,
    DESTINATION_RULES,
    HANDLER_RULES,
    IMMEDIATE_RULES,
    PROCESSING_RULES,
    TOP_RULES,
    Settings,
    get_settings,
    problems,
)
from syncqueue.core.errors import ConfigurationError

SECRET = "a-secret-that-is-shown-nowhere"
QUICK = settings(max_examples=150, deadline=None)

TEXTS = st.sampled_from(["", "telegram", "redis://127.0.0.1:1/0", "memory://", "[::1", "redis://:x@[::1", "\0", "hold"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.text(max_size=8) | st.binary(max_size=4)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.integers(), inner, max_size=3),
    max_leaves=6,
)


def dicts_of(rules: dict[str, Any], *, more: dict[str, Any] | None = None) -> Any:
    """Dicts with some of the right keys and any values, now and then a wrong key."""
    known = {name: ANYTHING for name in rules} | (more or {})
    return st.fixed_dictionaries({}, optional=known) | st.dictionaries(st.text(max_size=10), ANYTHING, max_size=2)


NAMES = st.sampled_from(["telegram", "mine", "Wrong Name", ""]) | st.integers()
PARTS = {
    "IMMEDIATE": dicts_of(IMMEDIATE_RULES),
    "PROCESSING": dicts_of(PROCESSING_RULES),
    "BREAKER": dicts_of(BREAKER_RULES),
    "ALERTS": dicts_of(ALERT_RULES),
    "HANDLERS": st.dictionaries(NAMES, dicts_of(HANDLER_RULES) | ANYTHING, max_size=3) | ANYTHING,
    "DESTINATIONS": st.dictionaries(NAMES, dicts_of(DESTINATION_RULES) | ANYTHING, max_size=3) | ANYTHING,
}
GIVEN = dicts_of(TOP_RULES, more=PARTS) | ANYTHING


@QUICK
@given(GIVEN)
def test_settings_are_used_or_their_problems_named(given: Any) -> None:
    found = problems(given)
    assert all(problem.text and problem.kind in ("missing", "unknown", "type") for problem in found)
    with override_settings(SYNCQUEUE=given):
        try:
            assert isinstance(get_settings(), Settings) and not found
        except ConfigurationError:
            assert found


@QUICK
@given(GIVEN)
def test_the_system_check_has_words_for_everything(given: Any) -> None:
    with override_settings(SYNCQUEUE=given):
        for message in checks.check_settings():
            assert message.msg and str(message.id).startswith("syncqueue.")


@QUICK
@given(wrong=ANYTHING, at=st.sampled_from(["API_TOKENS", "ENCRYPTION_KEYS", "SECRET", "OPTIONS"]))
def test_no_check_shows_a_secret_that_stands_in_the_wrong_place(wrong: Any, at: str) -> None:
    secret = [SECRET, wrong] if at.endswith("S") else {"token": SECRET, "x": wrong}
    entry = {"SERVICE": "telegram", at: secret} if at in ("SECRET", "OPTIONS") else {"SERVICE": "telegram"}
    given = {"REDIS": "redis://127.0.0.1:1/0", "HANDLERS": {"telegram": {}}, "DESTINATIONS": {"news": entry}}
    given |= {at: secret} if at not in ("SECRET", "OPTIONS") else {}
    assert SECRET not in " ".join(problem.text for problem in problems(given))
