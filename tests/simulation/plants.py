"""Faults that are put into the system on purpose: the simulation must find each of them.

The first are lines of scripts that are left out, the others are mends of faults that the system once had, taken out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha1
from math import inf
from typing import Any

from django.db.models import Q

from syncqueue.dispatch import gathering
from syncqueue.execution import entry, prepare
from syncqueue.models import Destination, SyncRecord
from syncqueue.queue import calls
from syncqueue.queue.calls import Script
from syncqueue.sources import destinations, records
from syncqueue.worker import housekeeping, leases, reconciler

PLANTS: dict[str, Callable[[], None]] = {}


def _plant(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def keep(put: Callable[[], None]) -> Callable[[], None]:
        PLANTS[name] = put
        return put

    return keep


def _rewrite(old: str, new: str, only: str = "") -> None:
    """Put `new` in place of `old` in all scripts, or in one."""
    real = calls.script
    assert old in real(only or "ack").text, f"{old!r} is not in the scripts any more"

    @cache
    def rewritten(name: str) -> Script:
        text = real(name).text
        if only in ("", name):
            text = text.replace(old, new)
        return Script(name, text, sha1(text.encode(), usedforsecurity=False).hexdigest())

    calls.script = rewritten


@_plant("ack forgets what waits behind")
def _ack() -> None:
    _rewrite(
        "  if not (has_successors and start_successor(id)) then",
        "  if take_successor(id) or true then",
        "ack",
    )


@_plant("nobody is woken")
def _wake() -> None:
    _rewrite(
        "    redis.call('HSET', counters, 'tick', whole(sequence))\n    wake_up()",
        "    redis.call('HSET', counters, 'tick', whole(sequence))",
    )


@_plant("a claimed task stays pending")
def _claim() -> None:
    _rewrite(
        "redis.call('ZPOPMIN', pending, limit - #ids)",
        "redis.call('ZRANGE', pending, 0, limit - #ids - 1, 'WITHSCORES')",
        "claim",
    )


@_plant("retry compares no token")
def _retry() -> None:
    _rewrite("if not owns_lease(id, ARGV[3]) then", "if not redis.call('HGET', leases, id) then", "retry")


@_plant("ack compares no token")
def _ack_stale() -> None:
    _rewrite("local owned = lease_of[id] and string.sub(lease_of[id], 2) == token", "local owned = true", "ack")


@_plant("a lifted hold wakes nobody")
def _lifted() -> None:
    _rewrite("    redis.call('ZADD', holds, 0, hold)\n    wake_up()", "    redis.call('ZADD', holds, 0, hold)")
    _rewrite("  end\nend\nwake_up()\nreturn lifted", "  end\nend\nreturn lifted", "lift")


@_plant("recover forgets what waits behind")
def _recover() -> None:
    _rewrite(
        "  if not start_successor(id) then",
        "  if redis.call('HDEL', successors, id) then",
        "recover",
    )


# Mends taken out


@_plant("mend: a probe that asked nothing is given back")
def _probe() -> None:
    """Tasks with nothing to send keep a half-open breaker."""
    _rewrite(
        "local probed = probed_breakers()[id]\n  if probed then",
        "local probed = probed_breakers()[id]\n  if false then",
    )
    _rewrite(
        "  if probed[id] then\n    give_back_probe(probed[id])",
        "  if false then\n    give_back_probe(probed[id])",
        "ack",
    )


@_plant("mend: a dead letter is compared with the last save")
def _dead_letter() -> None:
    """It fails a newer save."""
    reconciler._decided_at = lambda view: view.due_at.max.replace(tzinfo=view.due_at.tzinfo)  # type: ignore[assignment,union-attr]


@_plant("mend: retiring looks at marks, lost answers and orphans")
def _retire() -> None:
    """It forgets records without parts whose copy is just being made."""
    real = destinations.Q

    def forgetful(*given: Any, **named: Any) -> Q:
        return real(parts=[]) if "twin_possible" in named else real(*given, **named)

    destinations.Q = forgetful  # type: ignore[assignment,misc]


@_plant("mend: a refused record of a deletion is tried again")
def _deletion() -> None:
    """The object is gone, and no sweep would find it."""
    gathering._try_again = lambda work, using: None
    housekeeping.LookForGone.run = lambda self: 0  # type: ignore[method-assign]


@_plant("mend: a stale claim is not begun")
def _stale_claim() -> None:
    """A worker that stood still after a claim begins what is not its own any more, and nothing ends it."""
    _rewrite("local owned = lease and string.sub(lease, 2) == tokens[i]", "local owned = true", "extend")
    leases.LeaseKeeper.beat = lambda self: setattr(self, "_beat_at", inf)  # type: ignore[method-assign]


@_plant("mend: what is stored too late is noted for removal")
def _late_store() -> None:
    """Who stood still beyond its lease has made a copy that no record knows."""
    records.note_orphans = lambda record, parts: None


@_plant("mend: a copy lost at a former place is named")
def _lost_elsewhere() -> None:
    """A copy whose answer was lost before its destination got another address stays when its note goes."""
    entry.Entry.is_lost_elsewhere = property(lambda self: False)  # type: ignore[method-assign,assignment]


@_plant("mend: what was changed in the future is enqueued too")
def _future() -> None:
    """A record that a clock an hour ahead has written waits for an hour."""
    real = reconciler.Q

    def past(**named: Any) -> Q:
        return real(pk=-1) if "changed_at__gt" in named else real(**named)

    reconciler.Q = past  # type: ignore[assignment,misc]


@_plant("mend: who rests is woken when another destination retires")
def _resting() -> None:
    """What a retired destination would have shown, nobody shows."""
    destinations._sleeping = lambda destination, rows: []


@_plant("mend: a copy that is taken over keeps its identity")
def _identity() -> None:
    """Who takes a copy over does not recognise it, and posts another one."""
    records.identified = lambda part, destination: part


@_plant("mend: the copies of a stopped destination are taken over")
def _stopped() -> None:
    """Who shares a place with a destination that is broken or switched off posts its own copies there."""
    real = prepare.sharing
    prepare.sharing = lambda destination: tuple(one for one in real(destination) if not one.is_stopped)


@_plant("mend: who takes a copy over remembers its own lost one")
def _lost_beside() -> None:
    """Whoever has lost a copy and takes another one over forgets the lost one."""
    real = prepare.take_over
    prepare.take_over = lambda record, other, **_: real(record, other)


# Invariants that docs/reliability.md names


@_plant("a newer generation counts as synced")
def _generation() -> None:
    real = records._synced

    def synced(given: Any) -> dict[str, Any]:
        return {**real(given), "state": "synced"}

    records._synced = synced


@_plant("a destination is forgotten with its copies")
def _forget() -> None:
    def finish() -> int:
        rows = Destination.objects.filter(state="retiring")
        SyncRecord.objects.filter(destination__in=rows).delete()
        return rows.delete()[0]

    destinations.finish_retirements = finish
