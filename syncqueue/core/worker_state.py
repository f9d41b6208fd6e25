"""What a worker does as a whole, and what a person may ask of it."""

from __future__ import annotations

from enum import StrEnum


class WorkerState(StrEnum):
    """Written with each heartbeat."""

    WORKING = "working"
    QUIET = "quiet"  # claims nothing more, until it is started anew
    STOPPING = "stopping"  # ends once what it has begun has ended, or its time is over


class WorkerRequest(StrEnum):
    """Read at each heartbeat."""

    QUIET = "quiet"
    STOP = "stop"  # as SIGTERM
