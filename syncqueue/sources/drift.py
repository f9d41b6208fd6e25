"""What is found where a record and the service do not agree."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from syncqueue.handlers.base import RemotePart


class Drift(StrEnum):
    """What is not as it should be. The counts of `Verification` have these names."""

    GONE = "gone"  # wanted, and not there
    CHANGED = "changed"  # there, and shows something else than the object, or to other people
    UNWANTED = "unwanted"  # there, though it is not wanted
    UNKNOWN = "unknown"  # there, and no record knows it
    UNTOLD = "untold"  # no drift: it could not be told


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that a verification has found."""

    destination_id: int
    drift: Drift
    entity: str = ""  # the object, "notes.note:42"; "" where none is known
    part: RemotePart | None = None  # where to look
    reason: str = ""  # UNTOLD: why
