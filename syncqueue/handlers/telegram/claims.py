"""Which of several lost messages a record may take, so that none of them is left over. Pure.

A record can only take a message that is newer than the highest id that it knew when it sent its own, and that its
search has found. If it took the only one that another record can take, another message would be left over, and nobody
would look for it again.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from syncqueue.handlers.telegram.trace import Trace


@dataclass(frozen=True, slots=True)
class _Claim:
    """The messages that a record can take; equal for records that can take the same ones."""

    end: float  # above all of them
    after: int  # below all of them
    found: frozenset[int] | None  # those that a finished search has found; None: all between the two

    def covers(self, number: int) -> bool:
        return self.after < number < self.end and (self.found is None or number in self.found)


def claimable(numbers: Sequence[int], own: Trace, others: Iterable[Trace | None]) -> frozenset[int]:
    """Return those of the found message ids that the records with the same claim as `own` may take.

    `others`: the traces of the other records with lost messages; None: one whose range is unknown.

    From the oldest message on, each goes to a record with the lowest upper end (earliest deadline first, which leaves
    none over), and among equal ones to the highest lower end: that record can take the fewest others.
    """
    room = Counter({_claim(own): own.message_count})
    for other in others:
        room[_claim(other)] += count_of(other)
    found = []
    for number in sorted(numbers):
        able = [claim for claim, left in room.items() if left and claim.covers(number)]
        if able:
            first = min(able, key=lambda claim: (claim.end, -claim.after))
            room[first] -= 1
            if first == _claim(own):
                found.append(number)
    return frozenset(found)


def count_of(trace: Trace | None) -> int:
    """Return how many lost messages a record may have."""
    return trace.message_count if trace is not None else 1


def _claim(trace: Trace | None) -> _Claim:
    if trace is None:
        return _Claim(math.inf, 0, None)
    if trace.searched_at:  # what came after the search cannot be its own
        found = frozenset(int(number) for number, _, _ in trace.found)
        return _Claim(max(found, default=0) + 1, trace.after, found)
    return _Claim(trace.before or math.inf, trace.after, None)
