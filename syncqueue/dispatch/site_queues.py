"""The queues of this site for synchronous code, and a note of when Redis was unavailable.

After a failure, Redis is not called for some seconds, so that not every save waits for its timeout.
"""

from __future__ import annotations

import time

import redis
from django.core.signals import setting_changed

from syncqueue.conf import SETTING, Settings, get_settings
from syncqueue.queue import SyncQueue, make_queue
from syncqueue.queue.connection import sync_client
from syncqueue.site import site_id

# Long enough that a request with many saves waits once, short enough that Redis is soon used again.
DOWN_SECONDS = 5.0

_client: tuple[Settings, redis.Redis] | None = None
_down_until = float("-inf")  # monotonic seconds


def get_queue(service: str) -> SyncQueue:
    """Return the queue of a service; it connects at first use. Raises `ConfigurationError` if it is not enabled."""
    global _client
    settings = get_settings()
    if _client is None or _client[0] is not settings:
        _client = (settings, sync_client(settings.redis))
    return make_queue(_client[1], settings, service, site_id())


def note_down() -> None:
    """Note that Redis is unavailable now."""
    global _down_until
    _down_until = time.monotonic() + DOWN_SECONDS


def is_down() -> bool:
    """Return whether Redis was unavailable within the last seconds."""
    return time.monotonic() < _down_until


def forget() -> None:
    """Forget the client and the last failure of Redis."""
    global _client, _down_until
    if _client is not None:
        _client[1].close()
    _client, _down_until = None, float("-inf")


def _forget(*, setting: str, **_: object) -> None:
    if setting in (SETTING, "CACHES"):
        forget()


setting_changed.connect(_forget, dispatch_uid="syncqueue.site_queues")
