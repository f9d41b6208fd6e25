"""What a process remembers of a site, forgotten: a test has nothing of the one before it."""

from __future__ import annotations

from syncqueue import site
from syncqueue.dispatch import immediate, site_queues
from syncqueue.execution import policies
from syncqueue.sources import destinations


def forget_all() -> None:
    """End the immediate loop, and forget what this process remembers of settings, tables and Redis."""
    immediate.close()
    site_queues.forget()
    policies.forget()
    site.forget()
    destinations.forget_declared()
