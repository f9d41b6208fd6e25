"""Records whose messages were lost together take them in any order, and none is left over."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from syncqueue.handlers.telegram.claims import claimable
from syncqueue.handlers.telegram.trace import Trace

# Of each record: the highest id that it knew, and how much later its message came.
SENT = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 12)), min_size=1, max_size=12)


def trace(after: int, before: int = 0) -> Trace:
    return Trace(sent_at=0, after=after, before=before)


@given(SENT, st.randoms(use_true_random=False))
def test_whoever_takes_first_every_message_is_taken(sent: list[tuple[int, int]], chance: Random) -> None:
    records = [trace(after) for after, _ in sent]
    messages = {after + later for after, later in sent}  # two with one id: one of them has never arrived
    chance.shuffle(records)
    while records:
        own = records.pop()
        there = sorted(number for number in messages if number > own.after)
        if there:
            may = sorted(claimable(there, own, records))
            messages.remove(chance.choice(may or there))
    assert not messages


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
