"""The floor: what redis-py can do at all on this machine, with the fewest commands possible."""

from __future__ import annotations

import time

import redis

from bench.jobs import PADDING


def floor(url: str, count: int = 3000) -> dict[str, float]:
    """Per second: pushing one text after another, calling a script that does next to nothing, popping one by one."""
    body = PADDING.ljust(500, "x")
    with redis.Redis.from_url(url) as client:
        client.flushall()
        push = _rate(count, lambda: client.lpush("floor", body))
        sha = client.script_load("return redis.call('LPUSH', KEYS[1], ARGV[1])")
        script = _rate(count, lambda: client.evalsha(sha, 1, "floor", body))
        pop = _rate(count, lambda: client.rpop("floor"))
        client.flushall()
    return {"push": push, "script": script, "pop": pop}


def _rate(count: int, call: object) -> float:
    began = time.monotonic()
    for _ in range(count):
        call()  # type: ignore[operator]
    return count / (time.monotonic() - began)
