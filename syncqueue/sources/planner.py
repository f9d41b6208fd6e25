"""The plan of an attempt: compares the desired with the present state. Pure: no database, no clock, no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncqueue.handlers.base import Document, RemotePart


class Step(StrEnum):
    """What an attempt does at the service."""

    NOTHING = "nothing"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Reason(StrEnum):
    """The reason of a step. Each has a sentence in presentation/records.py."""

    ABSENT = "absent"  # a copy is wanted, and there is none
    CHANGED = "changed"  # content, format or visibility of the copy differ, or are unknown
    EQUAL = "equal"
    GONE = "gone"  # the object was deleted
    NOT_LIVE = "not_live"  # a draft, or soft-deleted
    LEFT_OUT = "left_out"  # ModelSync.at returned None
    PRIVATE = "private"  # it is private, and everybody can see what is at the service
    NOT_YET = "not_yet"  # its time has not come
    EXPIRED = "expired"  # its time is over
    HANDED_OVER = "handed_over"  # object and destination have different owners, or the site owns it no more
    RULE = "rule"  # the destination's rule does not accept it
    SHOWN = "shown"  # another destination shows it at the same place
    TOO_OLD = "too_old"  # created before the destination's start
    RETIRING = "retiring"  # the destination is being removed, with its copies


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredState:
    """The desired state of an object at a destination."""

    exists: bool  # the object is in the database
    live: bool = False
    document: Document | None = None  # None: it does not exist, is not live, or is not wanted at this destination
    fingerprint: str = ""
    created_at: datetime | None = None
    live_from: datetime | None = None  # None: always
    live_until: datetime | None = None
    is_owners: bool = True  # the destination belongs to an owner of the object, or to the site if that is one
    rule: str = "all"
    rule_value: str = ""
    start_at: datetime | None = None
    retiring: bool = False
    takes_private: bool = True  # the service can keep what is private from the public
    shown_by: str = ""  # the name of another destination that shows it at the same place


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The step of an attempt, its reason, and its parts."""

    step: Step
    reason: Reason
    parts: tuple[RemotePart, ...] = ()  # the parts at the destination's place, for the step
    removals: tuple[RemotePart, ...] = ()  # parts at other places that are not wanted any more
    keeps: tuple[RemotePart, ...] = ()  # parts at other places that stay with the record until they are not wanted
    next_at: datetime | None = None  # when the plan changes without a change of the object

    @property
    def sends(self) -> bool:
        """Whether there is anything to send."""
        return self.step is not Step.NOTHING or bool(self.removals)


def rule_takes(rule: str, rule_value: str, document: Document) -> bool:
    """Return whether a destination's rule accepts a document. `rule_value`: one tag, or several with commas."""
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
    """Return why no copy should exist at `now`; None if one should."""
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
    """Return when the object appears or disappears because of the time; None: never."""
    if desired.retiring or not desired.exists or not desired.live or desired.document is None:
        return None
    if desired.live_until is not None and desired.live_until <= now:
        return None
    if desired.live_from is not None and desired.live_from > now:
        return desired.live_from
    return desired.live_until


def is_too_old(created_at: datetime | None, start_at: datetime | None) -> bool:
    """Return whether an object was created before the destination's start."""
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
    """Return the plan.

    `here`: the parts at the destination's place; `elsewhere`: those at its former places. `lost`: a copy that an
    earlier attempt may have left. Unwanted copies are removed wherever they are, even if they are only suspected.
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
