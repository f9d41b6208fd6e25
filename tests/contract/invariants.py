"""What must be true of a queue's keys at every moment, read from the keys themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis

from syncqueue.queue.keys import QueueKeys

PARKED = 10**15  # scripts/_prelude.lua
PRIORITY = 10**15
READERS: dict[str, Callable[[Any, str], Any]] = {
    "string": lambda pipe, key: pipe.get(key),
    "hash": lambda pipe, key: pipe.hgetall(key),
    "zset": lambda pipe, key: pipe.zrange(key, 0, -1, withscores=True),
    "list": lambda pipe, key: pipe.lrange(key, 0, -1),
}


def dump(raw: redis.Redis) -> dict[str, Any]:
    """Every key of the database with its whole value; without expiries."""
    keys = list(raw.scan_iter(count=1000))
    with raw.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.type(key)
        kinds = dict(zip(keys, pipe.execute(), strict=True))
        for key, kind in kinds.items():
            READERS[kind](pipe, key)
        found = zip(keys, pipe.execute(), strict=True)
    return {key: dict(value) if kinds[key] == "zset" else value for key, value in found}


def assert_each_task_in_one_place(raw: redis.Redis, keys: QueueKeys) -> dict[str, Any]:
    """I1: each id in one state; beside it what belongs to that state and nothing else; nothing left over.

    Answers the keys it has looked at, as `dump` does.
    """
    found = dump(raw)

    def at(name: str) -> Any:
        return found.get(keys[name], ())

    pending, delayed, processing, failed = (dict(at(name)) for name in ("queue", "delayed", "processing", "failed"))
    states = [set(pending), set(delayed), set(processing), set(failed)]
    live = set().union(*states)
    assert sum(map(len, states)) == len(live), f"in two states: {states}"
    assert set(at("bodies")) == live, "bodies do not match the states"
    assert set(at("progress")) <= live, "progress of a task that is gone"
    assert set(at("behind")) <= set(processing), "behind something that is not in processing"
    leases = dict(at("leases"))
    assert set(leases) == set(processing), "leases do not match processing"
    assert all(lease[0] in "0123" and len(lease) > 1 for lease in leases.values())
    assert all(0 <= score < 3 * PRIORITY for score in pending.values())
    assert len(at("wake")) <= 1, "more than one wake token"

    lanes, holds = dict(at("lanes")), dict(at("holds"))
    assert set(lanes) == {id_ for id_, score in delayed.items() if score >= PARKED}, "lanes do not match delayed"
    members = {f"{hold} {delayed[id_] - PARKED:013.0f} {id_}" for id_, hold in lanes.items()}
    assert set(dict(at("parked"))) == members, "parked does not match lanes"
    assert set(lanes.values()) <= set(holds), "a lane without its hold never leaves"
    assert set(at("reasons")) <= set(holds), "a reason without its hold"
    probes = {value[13:]: hold for hold, value in dict(at("probes")).items()}
    assert set(probes) <= set(processing), "a probe that is not in processing"
    assert set(probes.values()) <= set(holds), "a probe of a breaker that is not open"
    return found
