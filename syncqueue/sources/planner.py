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
    ADOPTED = "adopted"  # wanted, and a copy from before syncqueue is there
    CHANGED = "changed"  # other content, format or visibility is there, or it is not known what is
    EQUAL = "equal"
    GONE = "gone"  # the object was deleted
    NOT_LIVE = "not_live"  # a draft, or soft-deleted
    RULE = "rule"  # the destination's rule does not take it
    TOO_OLD = "too_old"  # created before the destination's start
    RETIRING = "retiring"  # the destination is being removed, with its copies


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredState:
    """What the object and the destination say."""

    exists: bool  # the object is in the database
    live: bool = False
    document: Document | None = None  # None when it does not exist or is not live
    fingerprint: str = ""
    created_at: datetime | None = None
    rule: str = "all"
    rule_value: str = ""
    start_at: datetime | None = None
    retiring: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do, why, and with which parts as present."""

    step: Step
    reason: Reason
    parts: tuple[RemotePart, ...] = ()


def rule_takes(rule: str, rule_value: str, document: Document) -> bool:
    """Whether a destination's rule takes a document."""
    match rule:
        case "public":
            return not document.is_private
        case "private":
            return document.is_private
        case "tag":
            wanted = rule_value.strip().lstrip("#").casefold()
            return wanted in {tag.lstrip("#").casefold() for tag in document.tags}
    return True


def refusal(desired: DesiredState) -> Reason | None:
    """Why nothing should be out there; None when something should."""
    if desired.retiring:
        return Reason.RETIRING
    if not desired.exists:
        return Reason.GONE
    if not desired.live or desired.document is None:
        return Reason.NOT_LIVE
    return None if rule_takes(desired.rule, desired.rule_value, desired.document) else Reason.RULE


def is_too_old(created_at: datetime | None, start_at: datetime | None) -> bool:
    """Whether an object was created before the destination began to take any."""
    return created_at is not None and start_at is not None and created_at < start_at


def plan(
    desired: DesiredState,
    *,
    parts: Sequence[RemotePart],
    address: str,
    content_hash: str,
    existing: RemotePart | None = None,
    lost: RemotePart | None = None,
) -> Plan:
    """Decide. Parts at another address are another place's affair: here they count as absent.

    `lost`: a copy that an earlier attempt may have left behind. What is not wanted is taken away on the suspicion.
    """
    here = tuple(part for part in parts if part.address == address)
    refused = refusal(desired)
    if refused is not None:
        unwanted = here or ((lost,) if lost else ())
        return Plan(step=Step.DELETE if unwanted else Step.NOTHING, reason=refused, parts=unwanted)
    if not here and existing is not None:
        return Plan(step=Step.UPDATE, reason=Reason.ADOPTED, parts=(existing,))
    if not here and not parts and is_too_old(desired.created_at, desired.start_at):
        return Plan(step=Step.NOTHING, reason=Reason.TOO_OLD)
    if not here:
        return Plan(step=Step.CREATE, reason=Reason.ABSENT)
    if content_hash and content_hash == desired.fingerprint:
        return Plan(step=Step.NOTHING, reason=Reason.EQUAL, parts=here)
    return Plan(step=Step.UPDATE, reason=Reason.CHANGED, parts=here)
