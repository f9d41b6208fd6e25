"""Differences between records and services, as a verification finds them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from syncqueue.handlers.base import RemotePart


class Drift(StrEnum):
    """The kind of a difference. The counts of `Verification` have these names."""

    GONE = "gone"  # a wanted copy does not exist
    CHANGED = "changed"  # the content or visibility of a copy differs from its object
    UNWANTED = "unwanted"  # a copy exists that is not wanted
    UNKNOWN = "unknown"  # a copy exists that no record has
    UNTOLD = "untold"  # not a difference: the copy could not be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One finding of a verification."""

    destination_id: int
    drift: Drift
    entity: str = ""  # the object, "notes.note:42"; "" if it is unknown
    part: RemotePart | None = None  # the copy
    reason: str = ""  # UNTOLD: why
