"""Verification: compares the copies at the services with the records and with the objects.

It changes nothing at a service; it stores the differences (services/findings.py). It reads the records of a destination
that are not waiting, in the order of their primary keys, and asks the handler for the copies of each. Then it reads the
service's own list, if there is one, for copies that no record has. The position is stored after each call, so that the
next run can continue a stopped one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NoReturn, TypeAlias, TypeVar

from django.db.models import Model, Q, QuerySet

from syncqueue.conf import get_settings
from syncqueue.core.answer import Answer, Asked, Refused
from syncqueue.core.chunks import chunks
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.errors import (
    ConfigurationError,
    HandlerError,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryLater,
    SecretError,
    Unavailable,
    Unreachable,
)
from syncqueue.execution.database import DatabaseThreads
from syncqueue.execution.prepare import Wanted, place_of, wanted_of
from syncqueue.execution.sending import uncancelled
from syncqueue.handlers import gate
from syncqueue.handlers.base import CopyPage, CopyState, Document, DocumentHandler, DocumentJob, Place, RemotePart
from syncqueue.handlers.registry import make_handler
from syncqueue.models import Destination, OrphanPart, SyncRecord, Verification, new_token
from syncqueue.services.findings import note_findings, send_again
from syncqueue.site import record_db, require_confirmed
from syncqueue.sources import records
from syncqueue.sources.drift import Drift, Found
from syncqueue.sources.loading import Loaded, load
from syncqueue.sources.planner import refusal
from syncqueue.sources.same_place import destinations_at, is_here
from syncqueue.sources.walk import CHUNK

T = TypeVar("T")
logger = logging.getLogger("syncqueue.services")

# Delays before a call is repeated that failed without saying anything about the copies: a server restarts.
PAUSES_SECONDS = (1.0, 5.0, 15.0, 30.0)
# Maximum total wait of one call for rate limits: three windows of Mastodon. Telegram may ask for hours.
LONGEST_WAIT_SECONDS = 900.0
MOST_WAITS = 30  # per call
MOST_BLAMED = 20  # failed calls in a row while the service responds to other calls; each of them halves a batch


@dataclass(slots=True, kw_only=True)
class Listener:
    """Callbacks for the progress of a verification."""

    found: Callable[[Found], None] = lambda found: None
    progress: Callable[[str, int, int], None] = lambda name, done, total: None
    waits: Callable[[str, str, float], None] = lambda name, reason, seconds: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The result of verifying one destination."""

    destination: Destination
    row: Verification | None = None  # None: the service cannot be verified
    problem: str = ""  # why not, if that is a fault
    began_anew: bool = True  # False: the run continued an earlier one


def verify(
    places: Sequence[Destination], *, mend: bool, anew: bool, actor: str, listener: Listener | None = None
) -> list[Verified]:
    """Compare the records of these destinations with the copies at the services.

    A run that was stopped is continued; `anew`: it starts again. `mend`: the records of gone, changed or unwanted
    copies wait again and are sent as after a save. An interrupt (Ctrl-C) ends the run and returns the results so far.
    Raises `UnconfirmedEnvironment` for a copied database, because its credentials are those of another site.
    """
    require_confirmed()
    listener = listener or Listener()
    found: list[Verified] = []
    for destination in places:
        try:
            found.append(_verify(destination, mend=mend, anew=anew, listener=listener))
        except KeyboardInterrupt:
            rows = Verification.objects.using(record_db()).filter(destination=destination)
            rows.update(stopped="It was stopped manually.")
            found.append(Verified(destination=destination, row=rows.first(), began_anew=False))
            break
    logger.info("%s destinations verified by %s", len(found), actor)
    return found


def last_verification(destination: Destination) -> Verification | None:
    """Return the last verification of a destination, or None."""
    return Verification.objects.using(record_db()).filter(destination_id=destination.pk).first()


def _verify(destination: Destination, *, mend: bool, anew: bool, listener: Listener) -> Verified:
    try:
        handler = make_handler(destination.service)
    except ConfigurationError as error:
        return Verified(destination=destination, problem=str(error))
    if not isinstance(handler, DocumentHandler) or not gate.can_read(handler):
        return Verified(destination=destination)
    row, is_new = _begun(destination, anew=anew)
    # Documents are created in a separate thread, as in attempts: the result of the site's code may depend on the
    # thread (the prefix of FORCE_SCRIPT_NAME) and on its context (the language).
    database = DatabaseThreads(1)
    with asyncio.Runner() as runner:
        run = _Run(destination, handler, row, runner, database, mend=mend, listener=listener)
        try:
            run.to_the_end()
        except _Stopped as stopped:
            run.store(stopped=str(stopped))
        finally:
            runner.run(gate.close(handler))
            database.close()
    return Verified(destination=destination, row=row, began_anew=is_new)


def _begun(destination: Destination, *, anew: bool) -> tuple[Verification, bool]:
    """Return the run to continue, or a new one that replaces it."""
    rows = Verification.objects.using(record_db())
    row = rows.filter(destination=destination).first()
    if row is not None and row.finished_at is None and not anew:
        row.stopped = ""
        return row, False
    rows.filter(destination=destination).delete()
    return rows.create(destination=destination), True


class _Stopped(Exception):
    """The run cannot continue now; the message says why, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    """The copy of one record, and its desired state."""

    loaded: Loaded
    wanted: Wanted
    here: tuple[RemotePart, ...]  # its parts at the destination's place
    is_wanted: bool

    @property
    def record(self) -> SyncRecord:
        return self.loaded.record


_Drifted: TypeAlias = tuple[SyncRecord, Drift, str]  # the text: why, for UNTOLD


@dataclass(slots=True)
class _Run:
    """One run over one destination."""

    destination: Destination
    handler: DocumentHandler
    row: Verification
    runner: asyncio.Runner
    database: DatabaseThreads
    mend: bool = field(kw_only=True)
    listener: Listener = field(kw_only=True)
    _has_called: bool = False
    _blamed_count: int = 0  # failed calls in a row while the service responds to other calls

    def to_the_end(self) -> None:
        """Compare the records, then read the service's list. Raises `_Stopped`."""
        try:
            place = place_of(self.destination)
        except SecretError as error:
            raise _Stopped(str(error)) from error
        if not self.row.is_listing:
            self._compare(place)
            self.row.is_listing = True
            self.store()
        self._list(place)
        self.row.finished_at = SYSTEM_CLOCK.now()
        self.store()

    def store(self, *, stopped: str = "") -> None:
        """Store the position. Raises `_Stopped` if another run has begun meanwhile."""
        self.row.seen_at, self.row.stopped = SYSTEM_CLOCK.now(), stopped
        names = [one.attname for one in Verification._meta.concrete_fields if not one.primary_key]
        rows = Verification.objects.using(record_db()).filter(pk=self.row.pk)
        if not rows.update(**{name: getattr(self.row, name) for name in names}) and not stopped:
            raise _Stopped("Another verification of this destination has begun.")

    # The records

    def _compare(self, place: Place) -> None:
        rows = records.resting(self.destination.pk)
        done, total = self.row.looked_count, self.row.looked_count + rows.filter(pk__gt=self.row.position).count()
        self.listener.progress(self.destination.name, done, total)
        while keys := list(rows.filter(pk__gt=self.row.position).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
            for piece in chunks(keys, max(self.handler.batch_size, 1)):
                # Read immediately before the comparison: a slow service may take minutes for a chunk.
                copies, drifts = self.runner.run(self.database.run(self._planned, place, piece))
                self._compare_piece(place, copies, drifts)
                self.row.position = piece[-1]
                self.row.looked_count += len(piece)
                self.store()
                self.listener.progress(self.destination.name, self.row.looked_count, total)

    def _planned(self, place: Place, keys: Sequence[int]) -> tuple[list[_Copy], list[_Drifted]]:
        """Return the copies to read, and the drifts that are known without. Runs in a database thread."""
        now, found = SYSTEM_CLOCK.now(), load(keys)
        copies: list[_Copy] = []
        drifts: list[_Drifted] = []
        for loaded in (found[key] for key in keys if key in found):
            wanted = wanted_of(loaded, place, self.handler, now)
            if isinstance(wanted, Refused):
                drifts.append((loaded.record, Drift.UNTOLD, wanted.reason))
                continue
            copy = self._copy(loaded, wanted.value, place, now)
            if copy.here:
                copies.append(copy)
            elif not copy.is_wanted:  # the copy is at a former place of the destination, which cannot be read
                drifts.append((copy.record, Drift.UNWANTED, ""))
        return copies, drifts

    def _compare_piece(self, place: Place, copies: Sequence[_Copy], drifts: list[_Drifted]) -> None:
        for copy, state in zip(copies, self._read(place, copies), strict=True):
            if (drift := _drift(copy, state)) is not None:
                drifts.append((copy.record, drift, state.reason if isinstance(state, Refused) else ""))
        self._note(drifts)

    def _copy(self, loaded: Loaded, wanted: Wanted, place: Place, now: datetime) -> _Copy:
        parts = records.read_parts(loaded.record)
        # A copy that another destination takes over at its next attempt stays.
        is_moving = wanted.shared.leave_to is not None
        return _Copy(
            loaded=loaded,
            wanted=wanted,
            here=tuple(part for part in parts if is_here(part, self.destination, place.address)),
            is_wanted=is_moving or refusal(wanted.desired, now) is None,
        )

    def _read(self, place: Place, copies: Sequence[_Copy]) -> list[Answer[CopyState]]:
        """Return the state of each copy."""
        if not copies:
            return []
        answer = self._ask(place, partial(gate.read, self.handler, [_job(place, copy) for copy in copies]))
        if isinstance(answer, Asked):
            return answer.value
        if len(copies) == 1:
            return [answer]
        half = len(copies) // 2  # one copy may be the cause
        return self._read(place, copies[:half]) + self._read(place, copies[half:])

    def _note(self, drifts: Sequence[_Drifted]) -> None:
        """Count and report drifts, except those of records that have changed meanwhile."""
        still = _as_read([record for record, _what, _why in drifts])
        drifted: list[tuple[SyncRecord, Drift]] = []
        for record, drift, reason in drifts:
            if record.pk not in still:
                continue
            parts = records.read_parts(record)
            part = next((one for one in parts if one.url), parts[0] if parts else None)
            self._tell(Found(
                destination_id=self.destination.pk, drift=drift, entity=f"{record.source}:{record.object_pk}",
                part=part, reason=reason,
            ))  # fmt: skip
            if drift is not Drift.UNTOLD:
                drifted.append((record, drift))
        if self.mend and drifted:
            self.row.mended_count += send_again([record for record, _drift in drifted])
        elif drifted:
            note_findings(self.row, drifted)

    def _tell(self, found: Found) -> None:
        name = f"{found.drift}_count"
        setattr(self.row, name, (getattr(self.row, name) or 0) + 1)
        self.listener.found(found)

    # The service's own list

    def _list(self, place: Place) -> None:
        """Find copies that no record has."""
        known: set[str] | None = None
        while True:
            answer = self._ask(place, partial(gate.read_all, self.handler, place, self.row.listed_after))
            if isinstance(answer, Refused):
                raise _Stopped(answer.reason)
            if answer.value is None:
                return
            self.row.unknown_count = self.row.unknown_count or 0
            if known is None:
                known = _known_ids(destinations_at(self.destination), self.handler, place)
            self._note_unknown(answer.value, known, place)
            self.row.listed_after = answer.value.after
            if not answer.value.after:
                return
            self.store()

    def _note_unknown(self, page: CopyPage, known: set[str], place: Place) -> None:
        unknown = [part for part in page.parts if part.id not in known]
        if not unknown:
            return
        # Without copies that were sent after the records had been read.
        known |= _known_ids(destinations_at(self.destination), self.handler, place, since=self.row.began_at)
        for part in unknown:
            if part.id not in known:
                self._tell(Found(destination_id=self.destination.pk, drift=Drift.UNKNOWN, part=part))

    # Calls

    def _ask(self, place: Place, call: Callable[[], Coroutine[Any, Any, Answer[T]]]) -> Answer[T]:
        """Make a call, and repeat it while the service limits or is unavailable for a moment.

        Returns `Refused` if the copies are the cause of a failure; otherwise raises `_Stopped`.
        """
        failure_count = wait_count = 0
        waited = 0.0
        while True:
            answer = self._call(call)
            if isinstance(answer, Asked):
                self._blamed_count = 0
                return answer
            error = answer.error
            match error:
                case RateLimited(after_seconds=seconds, scope=scope):
                    wait_count, waited, pause = wait_count + 1, waited + seconds, seconds
                    if waited > LONGEST_WAIT_SECONDS or wait_count > MOST_WAITS:
                        if scope == "task":
                            return answer  # a call is too slow even for one copy
                        raise _Stopped(answer.reason)
                case Unreachable() | Unavailable() | RetryLater() | OutcomeUnknown():
                    if failure_count >= len(PAUSES_SECONDS):
                        return self._of_service_or_copy(place, answer)
                    pause = PAUSES_SECONDS[failure_count]
                    failure_count += 1
                case HandlerError() if not isinstance(error, PermanentError):
                    raise _Stopped(answer.reason)
                case _:
                    return answer
            self.listener.waits(self.destination.name, answer.reason, pause)
            time.sleep(pause)

    def _of_service_or_copy(self, place: Place, answer: Refused) -> Refused:
        """Return the failure if the service responds to a call of another kind, else raise `_Stopped`."""
        self._blamed_count += 1
        if self._blamed_count > MOST_BLAMED or isinstance(
            self._call(partial(gate.check, self.handler, place)), Refused
        ):
            raise _Stopped(answer.reason)
        return answer

    def _call(self, call: Callable[[], Coroutine[Any, Any, Answer[T]]]) -> Answer[T]:
        if self._has_called and self.handler.read_pause_seconds > 0:
            time.sleep(self.handler.read_pause_seconds)
        self._has_called = True
        return self.runner.run(_limited(call))


async def _limited(call: Callable[[], Coroutine[Any, Any, Answer[T]]]) -> Answer[T]:
    seconds = get_settings().processing.attempt_timeout_seconds
    try:
        async with asyncio.timeout(seconds):
            return await uncancelled(call())
    except TimeoutError:
        late = Unavailable(f"No answer within {seconds:g} s.")
        return Refused(str(late), late)
    except RuntimeError as error:  # from `uncancelled`: something inside the handler was cancelled
        return Refused(str(error), error)


def _as_read(rows: Sequence[SyncRecord]) -> set[int]:
    """Return the primary keys of the records that have not changed since they were read."""
    found = records.records().filter(pk__in=[row.pk for row in rows], sending_token="")
    now = dict(found.values_list("pk", "generation"))
    return {row.pk for row in rows if now.get(row.pk) == row.generation}


def _job(place: Place, copy: _Copy) -> DocumentJob:
    async def refuse(parts: Sequence[RemotePart]) -> NoReturn:
        raise RuntimeError("read() looks at copies; it stores no parts.")

    return DocumentJob(
        place=place,
        document=copy.wanted.desired.document if copy.is_wanted and copy.wanted.desired.document else Document(text=""),
        parts=copy.here,
        idempotency_key=new_token(),
        uncertain=False,
        store=refuse,
        step="update" if copy.is_wanted else "delete",
        source=copy.record.source,
        object_pk=copy.record.object_pk,
    )


def _drift(copy: _Copy, state: Answer[CopyState]) -> Drift | None:
    if isinstance(state, Refused):
        return Drift.UNTOLD
    if not copy.is_wanted:
        return Drift.UNWANTED if state.value is not CopyState.GONE else None
    match state.value:
        case CopyState.GONE:
            return Drift.GONE
        case CopyState.OTHER:
            return Drift.CHANGED
        case CopyState.THERE if copy.record.content_hash not in ("", copy.wanted.desired.fingerprint):
            return Drift.CHANGED  # the hash of what was sent last differs from the wanted one
    return None


def _known_ids(
    destination_ids: Sequence[int], handler: DocumentHandler, place: Place, *, since: datetime | None = None
) -> set[str]:
    """Return the ids of all copies that records have or may get. `since`: only of records synced since then."""
    rows = records.records().filter(destination_id__in=destination_ids)
    under_way = ~Q(sending_token="")
    wanted = ~Q(parts=[]) | under_way if since is None else Q(synced_at__gte=since) | under_way
    known: set[str] = set()
    for record in _walk(rows.filter(wanted).only("source", "object_pk", "parts", "sending_token")):
        known |= {part.id for part in records.read_parts(record)}
        if record.sending_token:
            lost = gate.lost_part(handler, place, record.source, record.object_pk)
            known |= {lost.value.id} if isinstance(lost, Asked) and lost.value is not None else set()
    orphans = OrphanPart.objects.using(record_db()).filter(record__destination_id__in=destination_ids)
    return known | {str(orphan.part.get("id", "")) for orphan in _walk(orphans)}


M = TypeVar("M", bound=Model)


def _walk(rows: QuerySet[M]) -> Iterator[M]:
    """Yield all rows in chunks, so that no query stays open while others write."""
    after = 0
    while piece := list(rows.filter(pk__gt=after).order_by("pk")[:CHUNK]):
        yield from piece
        after = piece[-1].pk
