"""The queues of this site for synchronous code, and the memory of a Redis that is away.

After a failure Redis is left alone for some seconds, so that not every save waits for it anew.
"""

from __future__ import annotations

import time

import redis
from django.core.signals import setting_changed

from syncqueue.conf import SETTING, Settings, get_settings
from syncqueue.queue import SyncQueue, make_queue
from syncqueue.queue.connection import sync_client
from syncqueue.site import site_id

# Long enough that a page of saves waits once, short enough that nobody notices the return of Redis late.
DOWN_SECONDS = 5.0

_client: tuple[Settings, redis.Redis] | None = None
_down_until = float("-inf")  # monotonic seconds


def get_queue(service: str) -> SyncQueue:
    """The queue of a service; connects when first used. Raises `ConfigurationError` when the service is not on."""
    global _client
    settings = get_settings()
    if _client is None or _client[0] is not settings:
        _client = (settings, sync_client(settings.redis))
    return make_queue(_client[1], settings, service, site_id())


def note_down() -> None:
    """Remember that Redis did not answer just now."""
    global _down_until
    _down_until = time.monotonic() + DOWN_SECONDS


def is_down() -> bool:
    """Whether Redis did not answer a moment ago."""
    return time.monotonic() < _down_until


def forget() -> None:
    """Forget the client and that Redis was away."""
    global _client, _down_until
    if _client is not None:
        _client[1].close()
    _client, _down_until = None, float("-inf")


def _forget(*, setting: str, **_: object) -> None:
    if setting in (SETTING, "CACHES"):
        forget()


setting_changed.connect(_forget, dispatch_uid="syncqueue.site_queues")
