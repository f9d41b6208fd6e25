"""Decides which of several lost messages a record may take, so that none of them is left over. Pure.

A record can only take a message that is newer than the highest id that it knew when it sent its own. If it took the
only one that another record can take, an older message would be left over, and no record would search for it again.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from syncqueue.handlers.telegram.trace import Trace


def claimable(numbers: Sequence[int], own: Trace, others: Iterable[Trace | None]) -> frozenset[int]:
    """Return those of the found message ids that the records with the range of ids of `own` may take.

    `others`: the traces of the other records with lost messages; None: one whose range is unknown.

    From the oldest message on, each goes to a record with the lowest upper end (earliest deadline first, which leaves
    none over), and among equal ones to the highest lower end: that record can take the fewest others.
    """
    room = Counter({_claim(own): own.message_count})
    for other in others:
        room[_claim(other)] += count_of(other)
    found = []
    for number in sorted(numbers):
        able = [claim for claim, left in room.items() if left and -claim[1] < number < claim[0]]
        if able:
            first = min(able)
            room[first] -= 1
            if first == _claim(own):
                found.append(number)
    return frozenset(found)


def count_of(trace: Trace | None) -> int:
    """Return how many lost messages a record may have."""
    return trace.message_count if trace is not None else 1


def _claim(trace: Trace | None) -> tuple[float, int]:
    """Return the upper end of the range in which a record's message is, and the negative lower end."""
    return (trace.before or math.inf, -trace.after) if trace is not None else (math.inf, 0)
