"""Clears what a process has cached of a site, so that no test sees data of the previous one."""

from __future__ import annotations

from syncqueue import site
from syncqueue.dispatch import immediate, site_queues
from syncqueue.execution import policies
from syncqueue.sources import destinations


def forget_all() -> None:
    """End the immediate loop, and clear what this process has cached of settings, tables and Redis."""
    immediate.close()
    site_queues.forget()
    policies.forget()
    site.forget()
    destinations.forget_declared()
