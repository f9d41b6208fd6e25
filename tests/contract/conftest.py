"""Every test of this folder runs four times: sync and async, on fakeredis and on a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from syncqueue.core.clock import ManualClock
from tests.contract.drive import Backend, Face
from tests.redis_server import *  # noqa: F403
from tests.redis_server import RedisServer

KINDS = ("fakeredis-sync", "fakeredis-async", "valkey-sync", "valkey-async")


@pytest.fixture(params=KINDS)
def backend(request: pytest.FixtureRequest, redis_server: RedisServer) -> Iterator[Backend]:
    """An empty Redis of each kind."""
    found = Backend(request.param, redis_server.fresh_url())
    yield found
    found.close()


@pytest.fixture
def queue(backend: Backend) -> Face:
    """The queue of telegram, of site-1."""
    return backend.queue()


@pytest.fixture
def clock(backend: Backend) -> ManualClock:
    """The time of the queue."""
    return backend.clock


@pytest.fixture
def raw(backend: Backend) -> redis.Redis:
    """A client to look and to write past the queue."""
    return backend.raw
