"""How many attempts each party may have under way."""

from __future__ import annotations

import pytest

from syncqueue.execution.shares import Shares


def fill(shares: Shares, seats: int, *parties: str) -> dict[str, int]:
    """Begin attempts of the parties in turn until none of them may begin another."""
    counts = dict.fromkeys(parties, 0)
    while any([_try(shares, seats, party, counts) for party in parties]):
        pass
    return counts


def _try(shares: Shares, seats: int, party: str, counts: dict[str, int]) -> bool:
    has_room = sum(counts.values()) < seats and shares.has_room(party, seats)
    if has_room:
        shares.begin(party)
        counts[party] += 1
    return has_room


@pytest.mark.parametrize(("seats", "most"), [(1, 1), (2, 1), (4, 3), (10, 8), (20, 16), (1000, 800)])
def test_one_party_leaves_a_fifth_free(seats: int, most: int) -> None:
    assert fill(Shares(), seats, "a") == {"a": most}


def test_two_parties_leave_some_free_and_a_third_finds_room() -> None:
    shares = Shares()
    counts = fill(shares, 20, "a", "b")
    assert sum(counts.values()) == 17
    assert abs(counts["a"] - counts["b"]) <= 1
    assert shares.has_room("c", 20)


def test_what_ends_makes_room() -> None:
    shares = Shares()
    fill(shares, 10, "a")
    assert not shares.has_room("a", 10)
    shares.end("a")
    assert shares.has_room("a", 10)


def test_a_hold_is_lifted_once_for_what_was_parked() -> None:
    shares = Shares()
    assert not shares.to_lift("a")
    shares.note_parked("a")
    assert (shares.to_lift("a"), shares.to_lift("a")) == (True, False)
