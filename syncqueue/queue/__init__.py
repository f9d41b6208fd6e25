"""The queue: everything that talks to Redis, and nothing else does."""

from __future__ import annotations

import redis
import redis.asyncio

from syncqueue.conf import Settings
from syncqueue.core.clock import SYSTEM_CLOCK, Clock
from syncqueue.queue.aio import AsyncSyncQueue
from syncqueue.queue.calls import Calls
from syncqueue.queue.keys import QueueKeys
from syncqueue.queue.sync import SyncQueue

__all__ = ["AsyncSyncQueue", "SyncQueue", "make_async_queue", "make_queue"]


def _calls(settings: Settings, service: str, site_id: str, clock: Clock) -> Calls:
    settings.service(service)  # a service that is not on has no queue
    return Calls(QueueKeys(settings.key_prefix, service), site_id, clock.now_ms)


def make_queue(
    client: redis.Redis, settings: Settings, service: str, site_id: str, clock: Clock = SYSTEM_CLOCK
) -> SyncQueue:
    """The queue of a service for sync code; raises `ConfigurationError` when the service is not on."""
    return SyncQueue(
        client,
        _calls(settings, service, site_id, clock),
        lease_seconds=settings.processing.lease_seconds,
        probe_seconds=settings.processing.lease_seconds,
    )


def make_async_queue(
    client: redis.asyncio.Redis, settings: Settings, service: str, site_id: str, clock: Clock = SYSTEM_CLOCK
) -> AsyncSyncQueue:
    """The queue of a service for the worker; raises `ConfigurationError` when the service is not on."""
    return AsyncSyncQueue(
        client,
        _calls(settings, service, site_id, clock),
        lease_seconds=settings.processing.lease_seconds,
        probe_seconds=settings.processing.lease_seconds,
    )
