"""The state of a worker's duty, as the heartbeat stores it and the workers page and `health` show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from syncqueue.core.task import from_ms, to_ms

_ERROR_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyState:
    """A duty that is failing. A duty that works has no state."""

    name: str  # "sweep notes.note", "reconcile telegram"
    since: datetime  # the first failure since the duty last worked, aware
    error: str  # the last failure, for people

    def as_json(self, ahead_ms: int = 0) -> dict[str, Any]:
        """Return the state as the heartbeat stores it. `ahead_ms`: how far the Redis clock is ahead of this host's."""
        return {"name": self.name, "since": to_ms(self.since) + ahead_ms, "error": self.error[:_ERROR_CHARACTERS]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> DutyState:
        """Read a stored state. Raises `KeyError`, `TypeError` or `ValueError` if the value has another form."""
        return cls(name=str(value["name"]), since=from_ms(int(value["since"])), error=str(value["error"]))
