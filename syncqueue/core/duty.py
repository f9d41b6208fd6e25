"""How a duty of a worker stands: what the heartbeat says, and the workers page and `health` show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from syncqueue.core.task import from_ms, to_ms

_ERROR_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyState:
    """A duty that fails; a duty that works has no state to speak of."""

    name: str  # "sweep notes.note", "reconcile telegram"
    since: datetime  # of the first failure in a row
    error: str  # of the last one, for people

    def as_json(self, ahead_ms: int = 0) -> dict[str, Any]:
        """As the heartbeat holds it, by the clock of Redis, which is so much ahead of this host's."""
        return {"name": self.name, "since": to_ms(self.since) + ahead_ms, "error": self.error[:_ERROR_CHARACTERS]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> DutyState:
        """Raises `KeyError`, `TypeError` or `ValueError` for a value of another form."""
        return cls(name=str(value["name"]), since=from_ms(int(value["since"])), error=str(value["error"]))
