"""What is away for a worker: told of once when it goes, and once, with its length, when it is back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from syncqueue.core.answer import words
from syncqueue.secrets import redact

logger = logging.getLogger("syncqueue.worker")

Say = Callable[[str], None]


def silent(_: str) -> None:
    """Say nothing: where nobody reads along."""


def database_away(error: Exception) -> str:
    """Why the database does not answer, for `Outage.begin`; drivers end their texts with a line of their own."""
    return f"The database does not answer: {redact(' '.join(words(error).split()))}"


class Outage:
    """A server that a worker needs. In a Redis Cluster it may be away for some services alone."""

    def __init__(self, what: str, say: Say = silent) -> None:
        """`what`: its name in sentences; `say`: one line for people when it goes, and when all have it back."""
        self._what = what
        self._say = say
        self._services: set[str] = set()
        self._since = 0.0

    def begin(self, service: str, reason: str) -> None:
        """A consumer was not answered. `reason`: a sentence that names the server."""
        if service in self._services:
            return
        # The others say the same a moment later.
        level = logging.INFO if self._services else logging.ERROR
        logger.log(level, "%s; waiting for it", reason, extra={"service": service})
        if not self._services:
            self._since = time.monotonic()
            self._say(f"{self._what} does not answer; waiting for it.")
        self._services.add(service)

    def end(self, service: str) -> None:
        """A consumer was answered."""
        if service not in self._services:
            return
        self._services.discard(service)
        if not self._services:
            away = time.monotonic() - self._since
            logger.warning("%s is back after %.0f s", self._what, away, extra={"service": service})
            self._say(f"{self._what} is back after {away:.0f} s.")
