"""Records whose messages were lost together take them in any order, and none is left over."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from syncqueue.handlers.telegram.claims import claimable
from syncqueue.handlers.telegram.trace import Trace

# Of each record: the highest id that it knew, how much later its message came, and how far its search looked behind it.
SENT = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 12), st.integers(0, 6)), min_size=1, max_size=12)


def trace(after: int, before: int = 0, found: Iterable[int] = ()) -> Trace:
    """One whose search has found these; none: it is not over."""
    candidates = tuple((str(number), "text", "") for number in found)
    return Trace(sent_at=0, after=after, before=before, found=candidates, searched_at=bool(candidates))


@given(SENT, st.randoms(use_true_random=False))
def test_whoever_takes_first_every_message_is_taken(sent: list[tuple[int, int, int]], chance: Random) -> None:
    messages = {after + later for after, later, _ in sent}  # two with one id: one of them has never arrived
    records = [
        trace(after, found=sorted(number for number in messages if after < number <= after + later + further))
        for after, later, further in sent
    ]
    chance.shuffle(records)
    while records:
        own = records.pop()
        there = sorted(messages & {int(number) for number, _, _ in own.found})
        if there:
            may = sorted(claimable(there, own, records))
            messages.remove(chance.choice(may or there))
    assert not messages


def test_a_message_that_came_after_a_search_is_for_a_record_that_searched_later() -> None:
    early, late = trace(30, found=[31, 32]), trace(30, found=[31, 32, 43])
    assert claimable([31, 32, 43], late, [early, early]) == {43}
    assert claimable([31, 32], early, [early, late]) == {31, 32}


def test_an_older_record_leaves_the_only_message_of_a_younger_one() -> None:
    old, young = trace(85), trace(100)
    assert claimable([86, 101], old, [young]) == {86}
    assert claimable([101], young, [old]) == {101}


def test_a_message_before_a_repetition_is_for_the_record_that_was_repeated() -> None:
    assert claimable([86, 91], trace(85), [trace(85, before=90)]) == {91}
    assert claimable([86], trace(85, before=90), [trace(85)]) == {86}


def test_a_record_with_an_unknown_range_may_have_any_message() -> None:
    assert claimable([5, 9], trace(7), [None]) == {9}
    assert claimable([8, 9], trace(7), [None, trace(7)]) == {8, 9}
