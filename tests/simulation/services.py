"""Services that exist in memory, and the handlers that talk to them by the contract of real ones.

A service takes requests, carries them out at the moment they arrive, whatever has become of the sender, and keeps what
it holds. How it answers depends on the windows of trouble that the plan has opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from syncqueue.core.errors import (
    AddressMoved,
    DestinationBroken,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    Unavailable,
    Unreachable,
)
from syncqueue.core.result import SyncResult
from syncqueue.core.task import ClaimedTask
from syncqueue.handlers.base import DocumentHandler, DocumentJob, Place, RemotePart, SyncHandler
from tests.simulation.kernel import Process, Simulation

FORBIDDEN, POISON, LONG = "forbidden", "poison", "long"  # words in a text
CREATE, UPDATE, DELETE, IDENTIFY = "create", "update", "delete", "identify"
# How long after an answer its receiver may need to store it, with the database refusing meanwhile.
STORE_SECONDS = 25.0


@dataclass(slots=True, kw_only=True)
class Copy:
    """What a service holds."""

    id: str
    address: str
    key: str  # of the object: "simulated.note:1"
    text: str
    made_at: float
    sender: Process
    heard_at: float | None = None  # when the sender had the answer to its creation


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """From when to when a service answers otherwise, and how often."""

    how: str  # down, out, proxy, lost, deaf, hang, limit, slow, refuse
    share: float = 1.0
    address: str = ""  # of one place; "": all


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One thing to do."""

    step: str
    address: str
    key: str = ""
    id: str = ""  # of the copy to edit or delete, or the one wanted
    text: str = ""
    idempotency_key: str = ""


@dataclass(slots=True)
class Service:
    """One service."""

    simulation: Simulation
    name: str
    chooses_ids: bool = True
    troubles: list[Trouble] = field(default_factory=list)
    # For how long processes stand still that have made a copy, one after the other, before they hear of it.
    traps: list[float] = field(default_factory=list)
    copies: dict[str, Copy] = field(default_factory=dict)
    by_idempotency_key: dict[tuple[str, str], str] = field(default_factory=dict)  # by address and key
    moves: dict[str, str] = field(default_factory=dict)  # the new addresses of places that have moved
    # By first address: when somebody was told so last.
    told_at: dict[str, float] = field(default_factory=dict)
    under_way: list[tuple[frozenset[tuple[str, str]], Process, float]] = field(default_factory=list)
    request_count: int = 0
    created_count: int = 0
    last_id: int = 0
    done_tasks: dict[str, int] = field(default_factory=dict)
    # When Redis' clock jumped, or it became an older copy: only leases keep two attempts at a site's own task apart.
    leases_lost_at: float = float("-inf")

    async def ask(self, process: Process, requests: Sequence[Request]) -> list[Any]:
        """Send requests in one call; returns the answers, or raises what a client library would be turned into."""
        simulation = self.simulation
        loop: Any = asyncio.get_running_loop()
        answer = loop.create_future()
        chance = simulation.random
        trouble = self._trouble(requests)
        how = trouble.how if trouble is not None else ""
        way = chance.uniform(0.5, 7.0) if how == "slow" else chance.uniform(0.005, 0.08)
        simulation.note(f"{self.name} <- {_words(requests)}{f' ({how})' if how else ''}")

        def back(value: Any) -> None:
            def hear() -> None:
                if not answer.done():
                    answer.set_result(value)

            simulation.after(chance.uniform(0.005, 0.05), lambda: simulation.after(0.0, hear, loop))

        def arrive() -> None:
            self.request_count += 1
            if any(POISON in one.text for one in requests) and how != "down":
                back(_out(requests, done=False))
                return
            match how:
                case "down":
                    back(Unreachable("Connection refused."))
                case "out":
                    back(Unavailable("503 Service Unavailable"))
                case "limit":
                    back(RateLimited("Too many requests.", after_seconds=chance.uniform(1.0, 10.0)))
                case "refuse":
                    back(DestinationBroken("401 Unauthorized"))
                case "deaf":
                    back(_out(requests, done=False))
                case "proxy" | "lost":
                    self._answer(process, requests)
                    back(_out(requests, done=True))
                case "hang":
                    if chance.random() < 0.5:
                        self._answer(process, requests)
                case _:
                    back(self._answer(process, requests))

        simulation.after(way, arrive)
        value = await answer
        if isinstance(value, Exception):
            raise value
        for copy, _ in value:
            if isinstance(copy, Copy) and copy.sender is process and copy.heard_at is None:
                copy.heard_at = simulation.now
        return [(answered.id if isinstance(answered, Copy) else answered, text) for answered, text in value]

    def _trouble(self, requests: Sequence[Request]) -> Trouble | None:
        for one in self.troubles:
            concerned = not one.address or any(request.address == one.address for request in requests)
            if concerned and self.simulation.random.random() < one.share:
                return one
        return None

    def _answer(self, process: Process, requests: Sequence[Request]) -> list[tuple[Any, str]] | Exception:
        """For each request: the copy (None: there is none; an error: refused), and the text that it shows."""
        new = next((self.moves[one.address] for one in requests if one.address in self.moves), "")
        if new:
            self.told_at[first_address(new)] = self.simulation.now
            return AddressMoved("The place has moved.", new_address=new)
        return [self._do(process, one) for one in requests]

    def _do(self, process: Process, request: Request) -> tuple[Any, str]:
        if request.step == IDENTIFY:
            return None, ""
        known = self.by_idempotency_key.get((request.address, request.idempotency_key), "")
        if request.step == DELETE:
            id_ = request.id or known
            if self._copy(request, id_) is not None:
                del self.copies[id_]
            self.simulation.note(f"{self.name} deletes {id_ or 'nothing'}")
            return None, ""
        if FORBIDDEN in request.text:
            return PermanentError("The text is forbidden."), ""
        is_known = request.step == CREATE and known != ""
        copy = self._copy(request, known if is_known else request.id)
        if copy is not None and is_known:
            return copy, copy.text
        if copy is not None:
            copy.text = request.text
            self.simulation.note(f"{self.name} edits {copy.id}: {request.text}")
            return copy, copy.text
        if request.step == UPDATE:
            return None, ""
        self.last_id += 1
        if self.traps:
            process.freeze(self.traps.pop(0))
        copy = Copy(
            id=request.id or str(self.last_id),
            address=request.address,
            key=request.key,
            text=request.text,
            made_at=self.simulation.now,
            sender=process,
        )
        self.copies[copy.id] = copy
        self.created_count += 1
        if request.idempotency_key:
            self.by_idempotency_key[request.address, request.idempotency_key] = copy.id
        self.simulation.note(f"{self.name} makes {copy.id} at {copy.address} of {copy.key}: {copy.text}")
        return copy, copy.text

    def move(self, address: str) -> None:
        """A place moves, and its copies can be reached no more."""
        old = self.newest(spelled(address))
        self.moves[old] = next_address(old)

    def newest(self, address: str) -> str:
        """Where a place is now."""
        address = spelled(address)
        while address in self.moves:
            address = self.moves[address]
        return address

    def _copy(self, request: Request, id_: str) -> Copy | None:
        """An id means something at its own address alone."""
        copy = self.copies.get(id_)
        return copy if copy is not None and copy.address == request.address else None

    def begin(self, process: Process, jobs: Sequence[tuple[str, str]]) -> Callable[[], None]:
        """Attempts begin to send, about these objects at these destinations; returns what to call when they have ended.

        Two at once on one object are found, unless one of their processes was killed or stood still.
        """
        about = frozenset(jobs)
        now = self.simulation.now
        for other_about, other, since in self.under_way:
            if since <= self.leases_lost_at:
                continue
            if about & other_about and other.alive and not _is_excused(other, process, since, now):
                self.simulation.found(f"{self.name}: two attempts at once on {sorted(about & other_about)}")
        entry = (about, process, now)
        self.under_way.append(entry)
        return lambda: self.under_way.remove(entry)


def _is_excused(one: Process, other: Process, since: float, now: float) -> bool:
    return one.was_stopped_between(since, now) or other.was_stopped_between(since - 30.0, now)


def _out(requests: Sequence[Request], *, done: bool) -> Exception:
    """What a client makes of a line that was cut: it cannot tell whether the service has heard."""
    if any(one.step == CREATE and not one.idempotency_key and not one.id for one in requests):
        return OutcomeUnknown("The answer was lost.")
    return Unavailable("502 Bad Gateway")


def _words(requests: Sequence[Request]) -> str:
    return ", ".join(f"{one.step} {one.key} {one.id}".strip() for one in requests)


# The services of the run under way, by name.
SERVICES: dict[str, Service] = {}
# The judge's look at a lease as its holder begins: id and token of the task, and the process.
LOOKS_AT_LEASE: list[Callable[[str, str, Process], None]] = []


def spelled(address: str) -> str:
    """How a service spells a place."""
    return address.lower()


def first_address(address: str) -> str:
    """The address that a place had first: "place-2" of "PLACE-2.1"."""
    return spelled(address).partition(".")[0]


def next_address(address: str) -> str:
    """One that a place had never before."""
    first, _, number = address.partition(".")
    return f"{first}.{int(number or 0) + 1}"


class SimulatedHandler(DocumentHandler):
    """What the three have in common."""

    secret_fields = {"token": "Token"}  # noqa: RUF012

    @property
    def service(self) -> Service:
        return SERVICES[self.config.service]

    @property
    def process_of_mine(self) -> Process:
        unit = self.service.simulation.current
        assert unit is not None
        return unit.process

    async def ask(self, *requests: Request) -> list[Any]:
        spelled_so = [replace(one, address=spelled(one.address)) for one in requests]
        return await self.service.ask(self.process_of_mine, spelled_so)

    def begin(self, jobs: Sequence[DocumentJob]) -> Callable[[], None]:
        return self.service.begin(self.process_of_mine, [(str(job.place.id), job.key) for job in jobs])

    async def check(self, place: Place) -> str:
        return "It is there."

    def endpoint(self, place: Place) -> str:
        return f"{self.config.service}.example:443"

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        ended = self.begin([job])
        try:
            return await self.bring_out(job)
        finally:
            ended()

    async def update(self, job: DocumentJob) -> Sequence[RemotePart]:
        ended = self.begin([job])
        try:
            return await self.edit(job)
        finally:
            ended()

    async def delete(self, job: DocumentJob) -> None:
        ended = self.begin([job])
        try:
            await self.take_away(job)
        finally:
            ended()

    async def bring_out(self, job: DocumentJob) -> Sequence[RemotePart]:
        raise NotImplementedError

    async def edit(self, job: DocumentJob) -> Sequence[RemotePart]:
        raise NotImplementedError

    async def take_away(self, job: DocumentJob) -> None:
        raise NotImplementedError


def pieces_of(text: str) -> list[str]:
    """A long text is posted in two."""
    return [f"{text} 1/2", f"{text} 2/2"] if LONG in text else [text]


def _value(answer: tuple[Any, str]) -> tuple[str | None, str]:
    if isinstance(answer[0], Exception):
        raise answer[0]
    return answer


class PlainHandler(SimulatedHandler):
    """The service gives the ids and knows no repetition; a long text takes two messages."""

    async def identify(self, place: Place) -> str:
        await self.ask(Request(step=IDENTIFY, address=place.address))
        return spelled(place.address)

    async def bring_out(self, job: DocumentJob) -> Sequence[RemotePart]:
        return await self._complete(job, [])

    async def edit(self, job: DocumentJob) -> Sequence[RemotePart]:
        pieces, parts = pieces_of(job.document.text), list(job.parts)
        for number, piece in enumerate(pieces[: len(parts)]):
            request = Request(step=UPDATE, address=job.place.address, key=job.key, id=parts[number].id, text=piece)
            found, _ = _value((await self.ask(request))[0])
            if found is None:
                # What is gone must not stand for the copy that is made now: its answer may be lost.
                await job.checkpoint([*parts[:number], *parts[number + 1 :]])
                parts[number] = await self._post(job, piece)
                await job.checkpoint(parts)
        while len(parts) > len(pieces):
            await self._delete(job, parts[-1])
            parts.pop()
            await job.checkpoint(parts)
        return await self._complete(job, parts)

    async def _complete(self, job: DocumentJob, parts: list[RemotePart]) -> list[RemotePart]:
        pieces = pieces_of(job.document.text)
        for piece in pieces[len(parts) :]:
            parts.append(await self._post(job, piece))
            if len(pieces) > 1:
                await job.checkpoint(parts)
        return parts

    async def _post(self, job: DocumentJob, text: str) -> RemotePart:
        request = Request(step=CREATE, address=job.place.address, key=job.key, text=text)
        found, _ = _value((await self.ask(request))[0])
        return RemotePart(kind="text", id=str(found), address=job.place.address)

    async def take_away(self, job: DocumentJob) -> None:
        for part in job.parts:
            await self._delete(job, part)

    async def _delete(self, job: DocumentJob, part: RemotePart) -> None:
        await self.ask(Request(step=DELETE, address=part.address, key=job.key, id=part.id))


class KeyedHandler(SimulatedHandler):
    """The service knows a repetition by its idempotency key, for ever; each place has an endpoint of its own."""

    address_names_place = False

    def endpoint(self, place: Place) -> str:
        return f"{spelled(place.address)}.keyed.example:443"

    async def identify(self, place: Place) -> str:
        await self.ask(Request(step=IDENTIFY, address=place.address))
        return spelled(place.address)

    async def bring_out(self, job: DocumentJob) -> Sequence[RemotePart]:
        request = Request(
            step=CREATE,
            address=job.place.address,
            key=job.key,
            text=job.document.text,
            idempotency_key=job.idempotency_key,
        )
        found, text = _value((await self.ask(request))[0])
        part = RemotePart(kind="status", id=str(found), address=job.place.address)
        if text != job.document.text:
            await job.checkpoint([part])
            return await self._edit(job, part)
        return [part]

    async def edit(self, job: DocumentJob) -> Sequence[RemotePart]:
        return await self._edit(job, job.parts[0])

    async def _edit(self, job: DocumentJob, part: RemotePart) -> Sequence[RemotePart]:
        request = Request(step=UPDATE, address=part.address, key=job.key, id=part.id, text=job.document.text)
        found, _ = _value((await self.ask(request))[0])
        if found is None:
            await job.checkpoint([])  # as in PlainHandler.edit
            return await self.bring_out(job)
        return [part]

    async def take_away(self, job: DocumentJob) -> None:
        for part in job.parts:
            key = job.idempotency_key if part.kind == "lost" else ""
            id_ = "" if part.kind == "lost" else part.id
            await self.ask(Request(step=DELETE, address=part.address, key=job.key, id=id_, idempotency_key=key))

    def lost_part(self, place: Place, source: str, object_pk: str) -> RemotePart | None:
        return RemotePart(kind="lost", id="", address=place.address)


class IndexHandler(SimulatedHandler):
    """The ids are ours, and one call does many jobs."""

    posts = False

    def _id(self, place: Place, key: str) -> str:
        return f"{spelled(place.address)}/{key}"

    def _request(self, job: DocumentJob) -> Request:
        step = DELETE if job.step == DELETE else CREATE
        id_ = self._id(job.place, job.key)
        return Request(step=step, address=job.place.address, key=job.key, id=id_, text=job.document.text)

    def _part(self, job: DocumentJob) -> RemotePart:
        return RemotePart(kind="row", id=self._id(job.place, job.key), address=job.place.address)

    async def bring_out(self, job: DocumentJob) -> Sequence[RemotePart]:
        _value((await self.ask(self._request(job)))[0])
        return [self._part(job)]

    async def edit(self, job: DocumentJob) -> Sequence[RemotePart]:
        return await self.bring_out(job)

    async def take_away(self, job: DocumentJob) -> None:
        await self.ask(self._request(job))

    async def apply_many(self, jobs: Sequence[DocumentJob]) -> Sequence[Sequence[RemotePart] | Exception]:
        ended = self.begin(jobs)
        try:
            answers = await self.ask(*(self._request(job) for job in jobs))
        finally:
            ended()
        return [
            found if isinstance(found, Exception) else [] if job.step == DELETE else [self._part(job)]
            for job, (found, _) in zip(jobs, answers, strict=True)
        ]

    def lost_part(self, place: Place, source: str, object_pk: str) -> RemotePart | None:
        return RemotePart(kind="row", id=self._id(place, f"{source}:{object_pk}"), address=place.address)


class JobsHandler(SyncHandler):
    """The site's own tasks."""

    async def process(self, task: ClaimedTask) -> SyncResult:
        service = SERVICES[self.config.service]
        unit = service.simulation.current
        assert unit is not None
        name = str(task.task.payload["name"])
        for look in LOOKS_AT_LEASE:
            look(task.task.id, task.token, unit.process)
        ended = service.begin(unit.process, [("", name)])
        try:
            await service.ask(unit.process, [Request(step=CREATE, address="", key=name, id=name, text=name)])
        finally:
            ended()
        return SyncResult.success()
