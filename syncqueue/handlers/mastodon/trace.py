"""The trace of a create, by which a status is known again whose response was lost. Pure.

A trace is stored as a remote part of its own kind, before the request. Once the status has its id, the trace goes. So
a trace that a later attempt finds says exactly what may be out there, since when, and under which idempotency key:
whatever has become of the object meanwhile, the status can be found by it, and edited or deleted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from syncqueue.handlers.base import TRACE, RemotePart
from syncqueue.handlers.mastodon.post import Post, bare, pictures_of, reply_of, said, shown_text

MOST_TRACES = 4  # of one status; each attempt whose response was lost leaves one
# Between the request and the time that the instance gives its status: a gateway may hold a request back, and the clocks
# of two of our machines may differ. The instance's own clock is accounted for.
EARLIEST_SECONDS, LATEST_SECONDS = -120.0, 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A status that was sent and may be out there."""

    sent_at: int  # seconds since 1970, by our clock
    digest: str  # of what it shows, in the form that servers leave alone
    length: int  # of its bare text
    is_public: bool  # seen by everybody: every server lists it
    key: str  # the idempotency key that it was sent with

    @classmethod
    def of(cls, post: Post, key: str, sent_at: float) -> Self:
        """The trace of a status that is about to be sent."""
        text = bare(f"{post.spoiler}\n{post.text}")
        return cls(
            sent_at=int(sent_at),
            digest=_digest(text, post.reply_to, len(post.media_ids)),
            length=len(text),
            is_public=post.visibility in ("public", "unlisted"),
            key=key,
        )

    @classmethod
    def read(cls, part: RemotePart) -> Self | None:
        """The trace that a part holds; None for a part that cannot be read."""
        try:
            sent_at, digest, length, seen, key = part.id.split(".")
            return cls(sent_at=int(sent_at), digest=digest, length=int(length), is_public=seen == "open", key=key)
        except ValueError:
            return None

    def part(self, address: str, identity: str) -> RemotePart:
        """The part to store."""
        seen = "open" if self.is_public else "closed"
        number = f"{self.sent_at}.{self.digest}.{self.length}.{seen}.{self.key}"
        return RemotePart(kind=TRACE, id=number, address=address, identity=identity)

    def is_settled(self, now: float) -> bool:
        """Whether it would have arrived by now if it ever will."""
        return now > self.sent_at + LATEST_SECONDS

    def may_be(self, status: Mapping[str, Any], offset: float) -> bool:
        """Whether a status was made about when this one was sent. `offset`: of the instance's clock, in seconds."""
        made_at = created_at(status)
        return made_at is not None and EARLIEST_SECONDS <= made_at - offset - self.sent_at <= LATEST_SECONDS

    def is_shown_by(self, status: Mapping[str, Any]) -> bool:
        """Whether a status shows what was sent, going by its HTML."""
        return self.digest == _digest(shown_text(status), reply_of(status), len(pictures_of(status)))

    def is_source_of(self, status: Mapping[str, Any], source: Mapping[str, Any]) -> bool:
        """Whether a status shows what was sent, going by the text that its author entered."""
        text = bare(f"{said(source, 'spoiler_text')}\n{said(source, 'text')}")
        return self.digest == _digest(text, reply_of(status), len(pictures_of(status)))

    def is_like(self, status: Mapping[str, Any]) -> bool:
        """Whether the source of a status is worth a request: its length is about that of what was sent."""
        return abs(len(shown_text(status)) - self.length) <= 20 + self.length // 4


def traces_in(parts: Iterable[RemotePart]) -> list[Trace]:
    """The traces among a record's parts."""
    found = (Trace.read(part) for part in parts if part.kind == TRACE)
    return [trace for trace in found if trace is not None]


def earliest(traces: Sequence[Trace], offset: float) -> float:
    """The earliest time, by the instance's clock, at which one of them can have been posted."""
    return min(trace.sent_at for trace in traces) + offset + EARLIEST_SECONDS


def created_at(status: Mapping[str, Any]) -> float | None:
    """When a status was posted, in seconds since 1970 by the instance's clock; None where it does not say."""
    try:
        found = datetime.fromisoformat(str(status.get("created_at")))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _digest(text: str, reply_to: str, picture_count: int) -> str:
    return hashlib.sha256(f"{text}\0{reply_to}\0{picture_count}".encode(errors="replace")).hexdigest()[:20]
