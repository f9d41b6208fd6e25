"""The trace of a create, with which a status whose response was lost is recognized. Pure.

A trace is stored as a remote part of a separate kind before the request, and removed when the id is stored. So
a trace that a later attempt finds says exactly what may exist, since when, and with which idempotency key:
even if the object has changed or was deleted meanwhile, the status can be found and edited or deleted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from syncqueue.handlers.base import TRACE, RemotePart
from syncqueue.handlers.mastodon.post import Post, bare, pictures_of, reply_of, said, shown_text

MOST_TRACES = 4  # per status; each attempt whose response was lost leaves one
# Maximum difference between the request and the creation time of the status: a gateway may delay a request, and clocks
# of our machines may differ. The offset of the instance's clock is taken into account.
EARLIEST_SECONDS, LATEST_SECONDS = -120.0, 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A status that was sent and may exist."""

    sent_at: int  # seconds since 1970, by our clock
    digest: str  # hash of its content, in a form that servers do not change
    length: int  # length of its bare text
    is_public: bool  # public statuses are listed by every server
    key: str  # the idempotency key with which it was sent

    @classmethod
    def of(cls, post: Post, key: str, sent_at: float) -> Self:
        """Return the trace of a status that is about to be sent."""
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
        """Parse the trace in a part; None if it cannot be read."""
        try:
            sent_at, digest, length, seen, key = part.id.split(".")
            return cls(sent_at=int(sent_at), digest=digest, length=int(length), is_public=seen == "open", key=key)
        except ValueError:
            return None

    def part(self, address: str, identity: str) -> RemotePart:
        """Return the part to store."""
        seen = "open" if self.is_public else "closed"
        number = f"{self.sent_at}.{self.digest}.{self.length}.{seen}.{self.key}"
        return RemotePart(kind=TRACE, id=number, address=address, identity=identity)

    def is_settled(self, now: float) -> bool:
        """Return whether it must have arrived by now if it ever does."""
        return now > self.sent_at + LATEST_SECONDS

    def may_be(self, status: Mapping[str, Any], offset: float) -> bool:
        """Return whether a status was created when this was sent. `offset`: of the instance's clock, in seconds."""
        made_at = created_at(status)
        return made_at is not None and EARLIEST_SECONDS <= made_at - offset - self.sent_at <= LATEST_SECONDS

    def is_shown_by(self, status: Mapping[str, Any]) -> bool:
        """Return whether the HTML of a status matches what was sent."""
        return self.digest == _digest(shown_text(status), reply_of(status), len(pictures_of(status)))

    def is_source_of(self, status: Mapping[str, Any], source: Mapping[str, Any]) -> bool:
        """Return whether the source text of a status matches what was sent."""
        text = bare(f"{said(source, 'spoiler_text')}\n{said(source, 'text')}")
        return self.digest == _digest(text, reply_of(status), len(pictures_of(status)))

    def is_like(self, status: Mapping[str, Any]) -> bool:
        """Return whether reading the source of a status is worth a request, by its approximate length."""
        return abs(len(shown_text(status)) - self.length) <= 20 + self.length // 4


def traces_in(parts: Iterable[RemotePart]) -> list[Trace]:
    """Return the traces among a record's parts."""
    found = (Trace.read(part) for part in parts if part.kind == TRACE)
    return [trace for trace in found if trace is not None]


def earliest(traces: Sequence[Trace], offset: float) -> float:
    """Return the earliest time, by the instance's clock, at which one of them can have been posted."""
    return min(trace.sent_at for trace in traces) + offset + EARLIEST_SECONDS


def created_at(status: Mapping[str, Any]) -> float | None:
    """Return when a status was posted, in seconds since 1970 by the instance's clock; None if unknown."""
    try:
        found = datetime.fromisoformat(str(status.get("created_at")))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _digest(text: str, reply_to: str, picture_count: int) -> str:
    return hashlib.sha256(f"{text}\0{reply_to}\0{picture_count}".encode(errors="replace")).hexdigest()[:20]
