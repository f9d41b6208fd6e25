"""Each owner's share of the attempts that a worker makes at one time.

An owner's service may hang, and its notes would take up all of a service's CONCURRENCY. So nobody is given the last
free attempts: whoever has some under way may have at most FACTOR times as many as are left free. One owner alone comes
to four fifths, two to four ninths each; who has none under way always gets the next. What is above a share is parked
behind a hold (core/hold.py), which lets one through each time that an attempt of this owner ends.

The party is the owner, with all of their destinations, or a site-wide destination.
"""

from __future__ import annotations

from collections import Counter

FACTOR = 4


class Shares:
    """The attempts under way of one service, by the name of their party's hold. For one event loop."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self._counts: Counter[str] = Counter()
        self._parked: set[str] = set()  # whose hold is to be lifted

    def has_room(self, party: str, seats: int) -> bool:
        """Whether a party may begin one more attempt, of `seats` that all of them have."""
        own, free = self._counts[party], seats - self._counts.total()
        return own == 0 or own < FACTOR * (free - 1)

    def begin(self, party: str) -> None:
        """An attempt begins."""
        self._counts[party] += 1

    def end(self, party: str) -> None:
        """An attempt ends."""
        self._counts[party] -= 1
        if not self._counts[party]:
            del self._counts[party]

    def note_parked(self, party: str) -> None:
        """Somebody of the party waits behind its hold."""
        self._parked.add(party)

    def to_lift(self, party: str) -> bool:
        """Whether its hold is to be lifted now; it is asked once for each note."""
        is_parked = party in self._parked
        self._parked.discard(party)
        return is_parked
