"""The trace of a post: the key and the exact record that are about to be sent. Pure.

It is stored as a remote part of a separate kind. Whatever the result of the request, the next attempt can repeat it
exactly, which changes nothing if it has arrived, or delete what it left.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from syncqueue import RemotePart
from syncqueue.handlers.bluesky.tid import microseconds_of
from syncqueue.handlers.public import TRACE


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A post that may exist."""

    rkey: str
    record: Mapping[str, Any] | None = None  # None: nothing was sent yet

    @classmethod
    def read(cls, part: RemotePart) -> Self | None:
        """Parse the trace in a part; None if it cannot be read."""
        try:
            found = json.loads(part.id)
            rkey, record = found["rkey"], found.get("record")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        is_trace = isinstance(rkey, str) and microseconds_of(rkey) is not None
        return cls(rkey=rkey, record=record) if is_trace and (record is None or isinstance(record, dict)) else None

    def part(self, address: str, identity: str = "") -> RemotePart:
        """Return the part to store."""
        content = {"rkey": self.rkey} | ({"record": self.record} if self.record is not None else {})
        return RemotePart(kind=TRACE, id=json.dumps(content), address=address, identity=identity)


def traces_in(parts: Iterable[RemotePart]) -> list[Trace]:
    """Return the traces among a record's parts."""
    found = (Trace.read(part) for part in parts if part.kind == TRACE)
    return [trace for trace in found if trace is not None]
