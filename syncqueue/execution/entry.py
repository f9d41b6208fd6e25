"""One record during its delivery: the parts that it has, what was sent, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncqueue.core.result import SyncResult
from syncqueue.execution.prepared import Ready
from syncqueue.handlers.base import TRACE, DocumentJob, RemotePart
from syncqueue.models import SentAction
from syncqueue.secrets import mask
from syncqueue.sources import records
from syncqueue.sources.planner import Reason, Step

_ACTIONS = {Step.CREATE: SentAction.CREATED, Step.UPDATE: SentAction.EDITED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What an attempt did at the service and stored with the record."""

    action: SentAction
    url: str = ""
    is_partial: bool = False  # the attempt failed before it was complete


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The outcome of a delivery for one record."""

    result: SyncResult
    contacted: bool = False  # the service responded to a request
    fenced: bool = False  # another attempt has taken over the record; this one stored nothing
    sent: Sent | None = None  # None: nothing was sent and stored


class Entry:
    """The state of one record during the delivery."""

    def __init__(self, ready: Ready) -> None:
        """Start before anything is sent."""
        self.ready = ready
        self.record = ready.record
        self.plan = ready.plan
        self.place = ready.place
        self.stored_before = records.read_parts(self.record)
        self.stored = self.stored_before  # the parts that the record has
        self.away = (*self.plan.keeps, *self.plan.removals)  # those of them at former places of the destination
        self.was_fenced = False
        self.job: DocumentJob | None = None  # the job that the handler received
        self.trace: tuple[RemotePart, ...] = ()  # the trace of the create that is about to be sent
        self.ended = Delivered(result=SyncResult.success())

    @property
    def stored_here(self) -> list[RemotePart]:
        """The parts of the record at the destination's present place."""
        return [part for part in self.stored if part not in self.away]

    def fence(self, error: str, *, contacted: bool) -> None:
        """End it because another attempt has taken over."""
        self.ended = Delivered(result=SyncResult.retry(error), contacted=contacted, fenced=True)

    def sent(self, here: Sequence[RemotePart]) -> Sent | None:
        """Return what a completed attempt did. `here`: the parts at the destination's place now."""
        if action := _ACTIONS.get(self.plan.step):
            return Sent(action=action, url=self._link(here))
        # Without copies that were only suspected: they may never have existed.
        gone = [*(part for part in self.stored_before if part not in (*here, *self.away)), *self.ready.orphans]
        return Sent(action=SentAction.REMOVED, url=self._link(gone)) if gone else None

    def sent_in_part(self) -> Sent | None:
        """Return what a failed attempt did and stored: parts that it posted or removed before it failed."""
        before = self.stored_before
        new = [part for part in self.stored if part not in before and part.kind != TRACE]
        gone = [part for part in before if part not in self.stored and part.kind != TRACE]
        if new:
            return Sent(action=_ACTIONS.get(self.plan.step, SentAction.EDITED), url=self._link(new), is_partial=True)
        return Sent(action=SentAction.REMOVED, url=self._link(gone), is_partial=True) if gone else None

    def _link(self, parts: Sequence[RemotePart]) -> str:
        url = next((part.url for part in parts if part.url and part.kind != TRACE), "")
        return mask(url, self.place.secret) if url else ""

    @property
    def former_addresses(self) -> list[str]:
        """The former addresses of the destination at which a copy may be left."""
        record = self.record
        suspected = self.ready.uncertain or record.twin_possible
        if suspected and record.sending_address not in ("", self.place.address, *record.lost_at):
            return [*record.lost_at, record.sending_address]
        return list(record.lost_at)

    @property
    def is_lost_elsewhere(self) -> bool:
        """Whether a lost copy may be at a former address, where the handler does not look for it."""
        return self.ready.uncertain and bool(self.former_addresses)

    @property
    def where_lost(self) -> str:
        """The destination with the addresses that it had when responses were lost."""
        addresses = dict.fromkeys([*self.former_addresses, self.record.sending_address or self.place.address])
        return f"{self.place.name} ({', '.join(addresses)})"

    @property
    def may_have_left_a_copy(self) -> bool:
        """Whether an unwanted copy may be left that cannot be found (see `DocumentHandler.lost_part`)."""
        suspected = self.ready.uncertain or self.record.twin_possible
        return suspected and not self.stored_here and self.plan.reason is not Reason.TOO_OLD

    @property
    def has_lost_twin(self) -> bool:
        """Whether an unwanted copy may be left besides those that this attempt removes."""
        match self.plan.step:
            case Step.DELETE:
                return self.record.twin_possible or self.is_lost_elsewhere
            case Step.NOTHING:
                # A copy that was stored late is the lost one, unless two were lost.
                is_open = self.record.twin_possible or not self.ready.orphans
                return is_open and self.may_have_left_a_copy
        return False
