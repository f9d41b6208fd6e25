"""The data of receivers: objects by id, and the ids of received events."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

EVENTS_KEPT_COUNT = 50_000  # of each receiver


@dataclass(slots=True, kw_only=True)
class Thing:
    """An object as of its last event."""

    id: str
    data: dict[str, Any]
    event_count: int = 1


@dataclass(slots=True, kw_only=True)
class Receiver:
    """One URL."""

    name: str
    things: dict[str, Thing] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)  # type by webhook-id

    def take(self, event_id: str, kind: str, data: dict[str, Any]) -> bool:
        """Process an event. Returns False if it was received before or has no object."""
        if event_id in self.events:
            return False
        self.events[event_id] = kind
        if len(self.events) > EVENTS_KEPT_COUNT:
            del self.events[next(iter(self.events))]
        thing_id = str(data.get("id", ""))
        if not thing_id:
            return False
        if kind.endswith(".deleted"):
            return self.things.pop(thing_id, None) is not None
        known = self.things.get(thing_id)
        if known:
            known.data, known.event_count = data, known.event_count + 1
        else:
            self.things[thing_id] = Thing(id=thing_id, data=data)
        return True

    def as_json(self) -> dict[str, Any]:
        """Return the receiver as shown."""
        return {"name": self.name, "objects": [asdict(one) for one in self.things.values()]}

    def dump(self) -> dict[str, Any]:
        """Return all data."""
        return {**self.as_json(), "events": self.events}

    @classmethod
    def of(cls, dumped: dict[str, Any]) -> Receiver:
        """Restore the output of `dump`."""
        things = {one["id"]: Thing(**one) for one in dumped["objects"]}
        return cls(name=dumped["name"], things=things, events=dict(dumped["events"]))
