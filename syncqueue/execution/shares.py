"""Each owner's share of a worker's concurrent attempts.

If the server of one owner hangs, its tasks must not use up the whole CONCURRENCY of the service. So some attempts stay
free: a party with running attempts may have at most FACTOR times as many as are left free. One owner alone gets
four fifths, two owners get four ninths each; a party without running attempts always gets the next one. Tasks above a
share are parked behind a hold (core/hold.py), which lets one through each time that an attempt of this party ends.

A party is an owner with all of their destinations, or a site-wide destination.
"""

from __future__ import annotations

from collections import Counter

FACTOR = 4


class Shares:
    """Counts the running attempts of one service by party (the name of its hold), on one event loop."""

    def __init__(self) -> None:
        """No attempt is running."""
        self._counts: Counter[str] = Counter()
        self._parked: set[str] = set()  # parties whose hold must be lifted

    def has_room(self, party: str, seats: int) -> bool:
        """Return whether a party may begin another attempt. `seats`: the concurrent attempts of all parties."""
        own, free = self._counts[party], seats - self._counts.total()
        return own == 0 or own < FACTOR * (free - 1)

    def begin(self, party: str) -> None:
        """Count an attempt that begins."""
        self._counts[party] += 1

    def end(self, party: str) -> None:
        """Count an attempt that ends."""
        self._counts[party] -= 1
        if not self._counts[party]:
            del self._counts[party]

    def note_parked(self, party: str) -> None:
        """Note that tasks of the party are parked behind its hold."""
        self._parked.add(party)

    def to_lift(self, party: str) -> bool:
        """Return whether the hold of the party must be lifted now; clears the note."""
        is_parked = party in self._parked
        self._parked.discard(party)
        return is_parked
