"""Outages of the servers that a worker needs: logged once when they begin, and once, with their length, at the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from syncqueue.core.answer import words
from syncqueue.secrets import redact

logger = logging.getLogger("syncqueue.worker")

Say = Callable[[str], None]


def silent(_: str) -> None:
    """Print nothing."""


def database_away(error: Exception) -> str:
    """Return the reason for `Outage.begin`, on one line: the messages of database drivers have several."""
    return f"The database does not answer: {redact(' '.join(words(error).split()))}"


class Outage:
    """The outage of a server. In a Redis Cluster it may affect some services only."""

    def __init__(self, what: str, say: Say = silent) -> None:
        """`what`: the server's name in sentences; `say` prints a line when the outage begins and when it is over."""
        self._what = what
        self._say = say
        self._services: set[str] = set()
        self._since = 0.0

    def begin(self, service: str, reason: str) -> None:
        """Note that a consumer got no response. `reason`: a sentence that names the server."""
        if service in self._services:
            return
        # The other consumers report the same outage a moment later.
        level = logging.INFO if self._services else logging.ERROR
        logger.log(level, "%s; waiting for it", reason, extra={"service": service})
        if not self._services:
            self._since = time.monotonic()
            self._say(f"{self._what} does not answer; waiting for it.")
        self._services.add(service)

    def end(self, service: str) -> None:
        """Note that a consumer got a response."""
        if service not in self._services:
            return
        self._services.discard(service)
        if not self._services:
            away = time.monotonic() - self._since
            logger.warning("%s is back after %.0f s", self._what, away, extra={"service": service})
            self._say(f"{self._what} is back after {away:.0f} s.")
