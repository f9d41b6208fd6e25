"""The state of a worker process, and the requests that a person can make of it."""

from __future__ import annotations

from enum import StrEnum


class WorkerState(StrEnum):
    """The state of a worker; it is written with each heartbeat."""

    WORKING = "working"
    QUIET = "quiet"  # claims nothing more until it is restarted
    STOPPING = "stopping"  # ends when its running attempts have ended, or SHUTDOWN_SECONDS are over


class WorkerRequest(StrEnum):
    """A request to a worker; the worker reads it at each heartbeat."""

    QUIET = "quiet"
    STOP = "stop"  # as SIGTERM
