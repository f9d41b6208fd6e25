"""What an attempt has to do: wanted against present. Pure: no database, no clock, no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncqueue.handlers.base import Document, RemotePart


class Step(StrEnum):
    """What is to be done at the service."""

    NOTHING = "nothing"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Reason(StrEnum):
    """Why. Each has its sentence in presentation/records.py."""

    ABSENT = "absent"  # wanted, and nothing is there
    CHANGED = "changed"  # other content, format or visibility is there, or it is not known what is
    EQUAL = "equal"
    GONE = "gone"  # the object was deleted
    NOT_LIVE = "not_live"  # a draft, or soft-deleted
    LEFT_OUT = "left_out"  # ModelSync.at does not send it there
    PRIVATE = "private"  # it is private, and everybody sees whatever is at the service
    NOT_YET = "not_yet"  # its time has not come
    EXPIRED = "expired"  # its time is over
    HANDED_OVER = "handed_over"  # it belongs to somebody else than the destination does
    RULE = "rule"  # the destination's rule does not take it
    SHOWN = "shown"  # another destination shows it at the same place
    TOO_OLD = "too_old"  # created before the destination's start
    RETIRING = "retiring"  # the destination is being removed, with its copies


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredState:
    """What the object and the destination ask for."""

    exists: bool  # the object is in the database
    live: bool = False
    document: Document | None = None  # None when it does not exist, is not live, or is not to be at this destination
    fingerprint: str = ""
    created_at: datetime | None = None
    live_from: datetime | None = None  # None: always
    live_until: datetime | None = None
    is_owners: bool = True  # the destination is site-wide, or belongs to an owner of the object
    rule: str = "all"
    rule_value: str = ""
    start_at: datetime | None = None
    retiring: bool = False
    takes_private: bool = True  # the service can keep what is private from the public
    shown_by: str = ""  # the name of another destination that shows it at the same place


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do, why, and with which parts."""

    step: Step
    reason: Reason
    parts: tuple[RemotePart, ...] = ()  # at the destination's place: what the step works on
    removals: tuple[RemotePart, ...] = ()  # at other places, and not wanted there any more
    keeps: tuple[RemotePart, ...] = ()  # at other places: they stay with the record until they are not wanted
    next_at: datetime | None = None  # when the plan will be another one because of the time alone

    @property
    def sends(self) -> bool:
        """Whether anything is to be sent."""
        return self.step is not Step.NOTHING or bool(self.removals)


def rule_takes(rule: str, rule_value: str, document: Document) -> bool:
    """Whether a destination's rule takes a document. `rule_value` names one tag, or several separated by commas."""
    match rule:
        case "public":
            return not document.is_private
        case "private":
            return document.is_private
        case "tag":
            wanted = {tag.strip().lstrip("#").casefold() for tag in rule_value.split(",")} - {""}
            return bool(wanted & {tag.lstrip("#").casefold() for tag in document.tags})
    return True


def refusal(desired: DesiredState, now: datetime) -> Reason | None:
    """Why nothing should be out there at `now`; None when something should."""
    if desired.retiring:
        return Reason.RETIRING
    if not desired.exists:
        return Reason.GONE
    if not desired.live:
        return Reason.NOT_LIVE
    if desired.document is None:
        return Reason.LEFT_OUT
    if desired.document.is_private and not desired.takes_private:
        return Reason.PRIVATE
    if desired.live_until is not None and desired.live_until <= now:
        return Reason.EXPIRED
    if desired.live_from is not None and desired.live_from > now:
        return Reason.NOT_YET
    if not desired.is_owners:
        return Reason.HANDED_OVER
    if not rule_takes(desired.rule, desired.rule_value, desired.document):
        return Reason.RULE
    return Reason.SHOWN if desired.shown_by else None


def next_change(desired: DesiredState, now: datetime) -> datetime | None:
    """When time alone will make the object appear or disappear; None when it will not."""
    if desired.retiring or not desired.exists or not desired.live or desired.document is None:
        return None
    if desired.live_until is not None and desired.live_until <= now:
        return None
    if desired.live_from is not None and desired.live_from > now:
        return desired.live_from
    return desired.live_until


def is_too_old(created_at: datetime | None, start_at: datetime | None) -> bool:
    """Whether an object was created before the destination began to take any."""
    return created_at is not None and start_at is not None and created_at < start_at


def plan(
    desired: DesiredState,
    *,
    now: datetime,
    here: Sequence[RemotePart],
    content_hash: str,
    elsewhere: Sequence[RemotePart] = (),
    lost: RemotePart | None = None,
) -> Plan:
    """Decide what to do.

    `here`: the parts at the destination's place; `elsewhere`: those at places it had before. `lost`: a copy that an
    earlier attempt may have left. What is not wanted is removed wherever it is, also on the suspicion.
    """
    next_at = next_change(desired, now)
    here, elsewhere = tuple(here), tuple(elsewhere)
    refused = refusal(desired, now)
    if refused is not None:
        unwanted = here or ((lost,) if lost is not None else ())
        step = Step.DELETE if unwanted else Step.NOTHING
        return Plan(step=step, reason=refused, parts=unwanted, removals=elsewhere, next_at=next_at)
    if not here and not elsewhere and is_too_old(desired.created_at, desired.start_at):
        return Plan(step=Step.NOTHING, reason=Reason.TOO_OLD, next_at=next_at)
    if not here:
        return Plan(step=Step.CREATE, reason=Reason.ABSENT, keeps=elsewhere, next_at=next_at)
    if content_hash and content_hash == desired.fingerprint:
        return Plan(step=Step.NOTHING, reason=Reason.EQUAL, parts=here, keeps=elsewhere, next_at=next_at)
    return Plan(step=Step.UPDATE, reason=Reason.CHANGED, parts=here, keeps=elsewhere, next_at=next_at)
