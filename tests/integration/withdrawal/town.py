"""A made-up posting service in memory: its places have several names and can be renamed, and it can lose answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from syncqueue.core.errors import DestinationBroken, OutcomeUnknown, RateLimited, RetryLater, Unavailable, Unreachable
from syncqueue.handlers.base import DocumentHandler, DocumentJob, Place, RemotePart

FAULTS = ("unreachable", "unavailable", "limited", "retry", "lost", "lost before")


@dataclass
class Town:
    """What is out there, and how the next calls go."""

    names: dict[str, str] = field(default_factory=dict)  # address -> identity of the place
    copies: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # id -> identity, key of the object, text
    faults: list[str] = field(default_factory=list)  # of the next calls that change something
    last_id: int = 0

    def add(self, identity: str, key: str, text: str) -> str:
        """Somebody's copy; returns its id."""
        self.last_id += 1
        self.copies[str(self.last_id)] = (identity, key, text)
        return str(self.last_id)

    def at(self, address: str) -> str:
        """The place with this name."""
        if address not in self.names:
            raise DestinationBroken(f"There is no {address}.")
        return self.names[address]


town = Town()


class TownHandler(DocumentHandler):
    """Posts to a place by name; edits and removes by the place's identity."""

    posts: ClassVar[bool] = True

    def endpoint(self, place: Place) -> str:
        return "town:1"

    async def check(self, place: Place) -> str:
        return town.at(place.address)

    async def identify(self, place: Place) -> str:
        return town.at(place.address)

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        fault = _fault()
        identity = town.at(job.place.address)
        id_ = town.add(identity, job.key, job.document.text)
        _lose(fault)
        return [_part(job, id_, identity)]

    async def update(self, job: DocumentJob) -> Sequence[RemotePart]:
        (part, *_) = job.parts
        if part.id not in town.copies:
            return await self.create(job)
        fault = _fault()
        identity, key, _ = town.copies[part.id]
        town.copies[part.id] = (identity, key, job.document.text)
        _lose(fault)
        return [_part(job, part.id, identity)]

    async def delete(self, job: DocumentJob) -> None:
        for part in job.parts:
            fault = _fault()
            town.copies.pop(part.id, None)
            _lose(fault)
            await job.checkpoint([one for one in job.parts if one != part])


def _part(job: DocumentJob, id_: str, identity: str) -> RemotePart:
    return RemotePart(kind="text", id=id_, url=f"town:{id_}", address=job.place.address, identity=identity)


def _fault() -> str:
    fault = town.faults.pop(0) if town.faults else ""
    match fault:
        case "unreachable":
            raise Unreachable("The town is cut off.")
        case "unavailable":
            raise Unavailable("The town is asleep.")
        case "limited":
            raise RateLimited("Slower.", after_seconds=1)
        case "retry":
            raise RetryLater("Not now.")
        case "lost before":
            raise OutcomeUnknown("Nothing was heard.")
    return fault


def _lose(fault: str) -> None:
    if fault == "lost":
        raise OutcomeUnknown("Nothing was heard.")
