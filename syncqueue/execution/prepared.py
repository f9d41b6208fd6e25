"""The result of the first half of an attempt: a record that is ready for delivery, or the reason why it is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from syncqueue.core.hold import holds_of_destination, share_of
from syncqueue.core.result import SyncResult
from syncqueue.handlers.base import Document, Place, RemotePart
from syncqueue.models import SyncRecord
from syncqueue.sources.planner import Plan


class Verdict(StrEnum):
    """Why a record is not ready."""

    ABSENT = "absent"  # the record does not exist any more
    SETTLED = "settled"  # the record is not waiting: there is nothing to do
    SENDING = "sending"  # another attempt may be sending now
    STOPPED = "stopped"  # its destination is broken or switched off
    FAILED = "failed"  # it could not be prepared
    UNIDENTIFIED = "unidentified"  # the identity of an address is unknown, so two addresses may be the same place
    UNCERTAIN = "uncertain"  # an earlier attempt was cut off, and the policy holds such records
    ELSEWHERE = "elsewhere"  # its destination is declared only in the settings of another process


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A record with everything that its delivery needs."""

    record: SyncRecord
    plan: Plan
    place: Place
    document: Document | None  # None: the object is gone or not live
    fingerprint: str
    endpoint: str
    credential: str
    orphans: tuple[RemotePart, ...]
    uncertain: bool  # an earlier attempt may have created a part that the record does not have

    @property
    def record_id(self) -> int:
        """The primary key of the record."""
        return self.record.pk

    @property
    def destination_id(self) -> int:
        """The primary key of the destination."""
        return self.place.id

    @property
    def sends(self) -> bool:
        """Whether there is anything to send."""
        return self.plan.sends or bool(self.orphans)

    @property
    def holds(self) -> tuple[str, ...]:
        """The holds that apply to it."""
        owner = self.record.destination.owner_id
        return holds_of_destination(self.place.id, self.endpoint, self.credential, owner=owner)

    @property
    def share(self) -> str:
        """The name of the share hold of its owner, or of its site-wide destination."""
        return share_of(self.place.id, self.record.destination.owner_id).name


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReady:
    """A record for which nothing is sent now."""

    verdict: Verdict
    record_id: int
    record: SyncRecord | None = None  # None: ABSENT
    endpoint: str = ""
    stop_hold: str = ""  # STOPPED: the hold to park it behind
    places: tuple[Place, ...] = ()  # UNIDENTIFIED: the places to identify
    asked: frozenset[int] = frozenset()  # UNIDENTIFIED: destinations that are not identified again
    wake: SyncRecord | None = None  # SENDING: the record that must be attempted first
    result: SyncResult = field(default_factory=SyncResult.success)  # FAILED and STOPPED: the reason

    @property
    def destination_id(self) -> int | None:
        """The primary key of the destination; None if the record does not exist any more."""
        return self.record.destination_id if self.record else None

    @property
    def place(self) -> Place | None:
        """The destination's present place, if it was to be identified."""
        own = (place for place in self.places if place.id == self.destination_id)
        return next((place for place in own if self.record and place.address == self.record.destination.address), None)


Prepared: TypeAlias = Ready | NotReady
