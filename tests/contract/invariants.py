"""What must be true of a queue's keys at every moment, read from the keys themselves."""

from __future__ import annotations

from typing import Any

import redis

from syncqueue.queue.keys import QueueKeys

PARKED = 10**15  # scripts/_prelude.lua
BAND = 10**15
READERS = {
    "string": lambda raw, key: raw.get(key),
    "hash": lambda raw, key: raw.hgetall(key),
    "zset": lambda raw, key: dict(raw.zrange(key, 0, -1, withscores=True)),
    "list": lambda raw, key: raw.lrange(key, 0, -1),
}


def dump(raw: redis.Redis) -> dict[str, Any]:
    """Every key of the database with its whole value; without expiries."""
    return {key: READERS[raw.type(key)](raw, key) for key in raw.scan_iter(count=1000)}


def assert_each_task_in_one_place(raw: redis.Redis, keys: QueueKeys) -> None:
    """I1: each id in one state; beside it what belongs to that state and nothing else; nothing left over."""
    pending, delayed, processing, failed = (_zset(raw, keys, n) for n in ("queue", "delayed", "processing", "failed"))
    states = [set(pending), set(delayed), set(processing), set(failed)]
    live = set().union(*states)
    assert sum(map(len, states)) == len(live), f"in two states: {states}"
    assert set(raw.hkeys(keys["bodies"])) == live, "bodies do not match the states"
    assert set(raw.hkeys(keys["progress"])) <= live, "progress of a task that is gone"
    assert set(raw.hkeys(keys["behind"])) <= set(processing), "behind something that is not in processing"
    assert set(raw.hkeys(keys["waited"])) <= live, "a task that is gone is still followed"
    leases = raw.hgetall(keys["leases"])
    assert set(leases) == set(processing), "leases do not match processing"
    assert all(lease[0] in "0123" and len(lease) > 1 for lease in leases.values())
    assert all(0 <= score < 3 * BAND for score in pending.values())
    assert raw.llen(keys["wake"]) <= 1, "more than one wake token"
    _assert_lanes(raw, keys, delayed)


def _assert_lanes(raw: redis.Redis, keys: QueueKeys, delayed: dict[str, float]) -> None:
    lanes = raw.hgetall(keys["lanes"])
    assert set(lanes) == {id_ for id_, score in delayed.items() if score >= PARKED}, "lanes do not match delayed"
    members = {f"{hold} {delayed[id_] - PARKED:013.0f} {id_}" for id_, hold in lanes.items()}
    assert set(_zset(raw, keys, "parked")) == members, "parked does not match lanes"
    holds = _zset(raw, keys, "holds")
    assert set(lanes.values()) <= set(holds), "a lane without its hold never leaves"
    assert set(raw.hkeys(keys["reasons"])) <= set(holds), "a reason without its hold"


def _zset(raw: redis.Redis, keys: QueueKeys, name: str) -> dict[str, float]:
    return dict(raw.zrange(keys[name], 0, -1, withscores=True))
