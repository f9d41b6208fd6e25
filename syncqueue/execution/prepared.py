"""What the first half of an attempt at a record returns: a record that is ready for its delivery, or why it is not."""

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
    SETTLED = "settled"  # the record does not wait: nothing is to be done
    SENDING = "sending"  # another attempt may be sending right now
    STOPPED = "stopped"  # its destination is broken or switched off
    FAILED = "failed"  # it could not be prepared
    UNIDENTIFIED = "unidentified"  # it is not known which place an address means, or whether two are one
    UNCERTAIN = "uncertain"  # an earlier attempt was never heard of again, and the policy holds such records
    ELSEWHERE = "elsewhere"  # another process's settings declare its destination: this process cannot post there


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
    uncertain: bool  # an earlier attempt may have created something that the record does not know

    @property
    def record_id(self) -> int:
        """The record's key."""
        return self.record.pk

    @property
    def destination_id(self) -> int:
        """The destination's key."""
        return self.place.id

    @property
    def sends(self) -> bool:
        """Whether anything is to be sent."""
        return self.plan.sends or bool(self.orphans)

    @property
    def holds(self) -> tuple[str, ...]:
        """The holds that apply to it."""
        owner = self.record.destination.owner_id
        return holds_of_destination(self.place.id, self.endpoint, self.credential, owner=owner)

    @property
    def share(self) -> str:
        """The name of the hold for when its owner, or its site-wide destination, has its share of the attempts."""
        return share_of(self.place.id, self.record.destination.owner_id).name


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReady:
    """A record that nothing is sent for now."""

    verdict: Verdict
    record_id: int
    record: SyncRecord | None = None  # None: ABSENT
    endpoint: str = ""
    stop_hold: str = ""  # STOPPED: the hold to park it behind
    places: tuple[Place, ...] = ()  # UNIDENTIFIED: what to look up
    asked: frozenset[int] = frozenset()  # UNIDENTIFIED: the destinations that are not to be looked up once more
    wake: SyncRecord | None = None  # SENDING: this record has to be attempted first
    result: SyncResult = field(default_factory=SyncResult.success)  # FAILED and STOPPED: why

    @property
    def destination_id(self) -> int | None:
        """The destination's key; None where the record does not exist any more."""
        return self.record.destination_id if self.record else None


Prepared: TypeAlias = Ready | NotReady
