"""The queue: the only package that talks to Redis."""

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
    settings.service(service)  # raises for a service that is not enabled
    return Calls(QueueKeys(settings.key_prefix, service), site_id, clock.now_ms)


def make_queue(
    client: redis.Redis, settings: Settings, service: str, site_id: str, clock: Clock = SYSTEM_CLOCK
) -> SyncQueue:
    """Return the queue of a service for sync code; raises `ConfigurationError` if the service is not enabled."""
    return SyncQueue(
        client,
        _calls(settings, service, site_id, clock),
        lease_seconds=settings.processing.lease_seconds,
        probe_seconds=settings.processing.lease_seconds,
    )


def make_async_queue(
    client: redis.asyncio.Redis, settings: Settings, service: str, site_id: str, clock: Clock = SYSTEM_CLOCK
) -> AsyncSyncQueue:
    """Return the queue of a service for the worker; raises `ConfigurationError` if the service is not enabled."""
    return AsyncSyncQueue(
        client,
        _calls(settings, service, site_id, clock),
        lease_seconds=settings.processing.lease_seconds,
        probe_seconds=settings.processing.lease_seconds,
    )
