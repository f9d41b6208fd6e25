"""What is away for a worker: told of once when it goes, and once, with its length, when it is back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from syncqueue.core.errors import QueueUnavailable

logger = logging.getLogger("syncqueue.worker")

Say = Callable[[str], None]


def silent(_: str) -> None:
    """Say nothing: where nobody reads along."""


class RedisOutage:
    """The Redis of all consumers of a worker. In a cluster it may be away for some services alone."""

    def __init__(self, say: Say = silent) -> None:
        """`say`: one line for people when it goes, and when it is back for all services."""
        self._say = say
        self._services: set[str] = set()
        self._since = 0.0

    @property
    def is_known(self) -> bool:
        """Whether a consumer has told of it already."""
        return bool(self._services)

    def begin(self, service: str, error: Exception) -> None:
        """A consumer was not answered."""
        if service in self._services:
            return
        # The others say the same a moment later.
        level = logging.INFO if self._services else logging.ERROR
        logger.log(level, "%s; waiting for it", error, extra={"service": service})
        if not self._services:
            self._since = time.monotonic()
            self._say("Redis does not answer; waiting for it.")
        self._services.add(service)

    def end(self, service: str) -> None:
        """A consumer was answered."""
        if service not in self._services:
            return
        self._services.discard(service)
        if not self._services:
            away = time.monotonic() - self._since
            logger.warning("Redis is back after %.0f s", away, extra={"service": service})
            self._say(f"Redis is back after {away:.0f} s.")


class Postponed:
    """A duty that cannot be done now."""

    def __init__(self, redis: RedisOutage) -> None:
        """`redis`: what the consumers have told of need not be told again."""
        self._redis = redis
        self._since: float | None = None
        self._is_told = False

    def begin(self, error: Exception) -> None:
        """It could not be done."""
        if self._since is None:
            self._since = time.monotonic()
        if not self._is_told and not (isinstance(error, QueueUnavailable) and self._redis.is_known):
            logger.warning("Put off: %s", error)
            self._is_told = True

    def end(self) -> None:
        """It was done."""
        if self._since is not None and self._is_told:
            logger.warning("What was put off is done, after %.0f s", time.monotonic() - self._since)
        self._since, self._is_told = None, False
