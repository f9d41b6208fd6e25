"""Names of holds, built and read."""

from __future__ import annotations

import pytest

from syncqueue.core.hold import (
    KINDS,
    PAUSED,
    Hold,
    breaker_of,
    holds_of_destination,
    holds_of_service,
    rate_of,
    rate_of_service,
    resumed,
    stopped,
    stopped_service,
)

HOLDS = {
    "pause": PAUSED,
    "breaker:mastodon.example:443": breaker_of("mastodon.example:443"),
    "rate:destination:7": rate_of(7),
    "rate:credential:1f": rate_of(7, "1f"),
    "rate:telegram": rate_of_service("telegram"),
    "stopped:destination:7": stopped(7),
    "stopped:service:telegram": stopped_service("telegram"),
}


@pytest.mark.parametrize("name", HOLDS)
def test_a_name_is_built_and_read_alike(name: str) -> None:
    assert (HOLDS[name].name, str(HOLDS[name])) == (name, name)
    assert Hold.parse(name) == HOLDS[name]
    assert HOLDS[name].kind in KINDS and not HOLDS[name].is_former


def test_a_hold_of_a_destination_names_its_key_and_others_none() -> None:
    assert [Hold.parse(name).destination_id for name in HOLDS] == [None, None, 7, None, None, 7, None]
    assert Hold.parse("stopped:destination:x").destination_id is None


@pytest.mark.parametrize("name", ["broken:destination:7", "disabled:destination:7"])
def test_holds_of_earlier_releases_are_known(name: str) -> None:
    assert Hold.parse(name).is_former
    assert Hold.parse(name).destination_id == 7


def test_the_breaker_is_asked_last() -> None:
    assert holds_of_destination(7, "host:443", "1f") == (
        "stopped:destination:7",
        "rate:destination:7",
        "rate:credential:1f",
        "share:destination:7",
        "breaker:host:443",
    )
    names = holds_of_destination(7, "host:443", owner="an n")  # a name has no blanks
    assert names[1:] == ("rate:destination:7", "share:owner:an%20n", "breaker:host:443")
    assert holds_of_service("x") == ("rate:x", "stopped:service:x", "breaker:x")
    assert resumed("x") == ("pause", "stopped:service:x", "broken:x")
