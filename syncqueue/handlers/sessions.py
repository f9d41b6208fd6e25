"""Sessions at services, shared by all processes of a site: stored encrypted, and renewed by one of them at a time.

A service whose tokens are valid for some hours limits the number of logins. So a destination has one session. It is a
row of the database; Redis never has a token.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, connections
from django.db.models import Q
from django.utils import timezone

from syncqueue.core.errors import RateLimited, RetryLater, SecretError
from syncqueue.handlers.base import DocumentHandler, Place
from syncqueue.models import Destination, ServiceSession
from syncqueue.outbound.threads import HandlerThreads
from syncqueue.secrets import Bound, decrypt, encrypt
from syncqueue.site import record_db

P = ParamSpec("P")
T = TypeVar("T")
Session = Mapping[str, str]  # the handler's own names: {"access": "...", "refresh": "..."}

# Longer than a renewal may take: after this time its process has died, and another one takes over.
HOLD_SECONDS = 60.0
_LOOK_SECONDS = (0.05, 0.1, 0.2, 0.5)  # delays while another process renews it
_WHOSE = "whose"  # the stored name for the result of `_whose`


class SharedSessions:
    """The sessions of one handler's destinations. One instance lives on one event loop."""

    def __init__(self, handler: DocumentHandler, threads: HandlerThreads) -> None:
        """`threads`: for the work with the database."""
        self._handler = handler
        self._threads = threads
        self._known: dict[int, tuple[str, Session]] = {}  # by destination: `_whose`, and the session
        self._locks: dict[int, asyncio.Lock] = {}

    async def current(
        self,
        place: Place,
        *,
        is_good: Callable[[Session], bool],
        renew: Callable[[Session], Awaitable[Session]],
        wait_seconds: float,
    ) -> Session:
        """Return the destination's session; it is renewed first if `is_good` returns False for it.

        `renew` receives the stored session (empty: there is none) and returns the next one; only one process at a time
        runs it. It should end within a minute, and may raise any `HandlerError`. The others wait for `wait_seconds`,
        then raise `RateLimited` for the task only. A destination that is not stored yet has a session in this process
        only. Raises `RetryLater` while the database is unavailable.
        """
        if (known := self._remembered(place)) and is_good(known):
            return known
        async with self._locks.setdefault(place.id, asyncio.Lock()):
            if (known := self._remembered(place)) and is_good(known):
                return known
            found = await self._shared(place, is_good, renew, wait_seconds, known)
            self._known[place.id] = (self._whose(place), found)
            return found

    def _remembered(self, place: Place) -> Session:
        whose, known = self._known.get(place.id, ("", {}))
        return known if whose == self._whose(place) else {}

    async def _shared(
        self,
        place: Place,
        is_good: Callable[[Session], bool],
        renew: Callable[[Session], Awaitable[Session]],
        wait_seconds: float,
        known: Session,
    ) -> Session:
        token, ends_at, looks = secrets.token_hex(16), time.monotonic() + wait_seconds, 0
        while True:
            stored = await self._do(self._read, place) if place.id else known
            if stored is None:  # there is no such destination (any more)
                return await renew(known)
            if is_good(stored):
                return stored
            if not place.id:
                return await renew(stored)
            if await self._do(_take, place.id, token):
                return await self._renewed(place, token, is_good, renew)
            if time.monotonic() > ends_at:
                said = "Another process is renewing the session; this continues soon."
                raise RateLimited(said, after_seconds=1.0, scope="task")
            await asyncio.sleep(_LOOK_SECONDS[min(looks, len(_LOOK_SECONDS) - 1)])
            looks += 1

    async def _renewed(
        self,
        place: Place,
        token: str,
        is_good: Callable[[Session], bool],
        renew: Callable[[Session], Awaitable[Session]],
    ) -> Session:
        """Return the next session, in the process that holds the row."""
        text = ""
        try:
            stored = await self._do(self._read, place) or {}
            if is_good(stored):  # another process has renewed it meanwhile
                return stored
            found = await renew(stored)
            text = encrypt({**found, _WHOSE: self._whose(place)}, self._bound(place))
            return found
        finally:
            await asyncio.shield(self._do(_give_back, place.id, token, text))

    def _read(self, place: Place) -> Session | None:
        """Return the stored session; empty if none is valid for this password, place and key. None: no destination."""
        rows = ServiceSession.objects.using(record_db())
        text = rows.filter(destination_id=place.id).values_list("secret_text", flat=True).first()
        if text is None:
            if not Destination.objects.using(record_db()).filter(pk=place.id).exists():
                return None
            rows.get_or_create(destination_id=place.id)
        if not text:
            return {}
        try:
            found = decrypt(text, self._bound(place))
        except SecretError:  # a new session replaces it
            return {}
        return found if found.pop(_WHOSE, "") == self._whose(place) else {}

    def _whose(self, place: Place) -> str:
        """Return password, account and host: with others, a session is invalid."""
        return f"{self._handler.credential(place)} {place.address} {self._handler.endpoint(place)}"

    def _bound(self, place: Place) -> Bound:
        return Bound(row=f"session {place.id}", service=self._handler.config.service, owner="", address=place.address)

    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do database work in a separate thread, and close its connections; returns the result."""

        def run() -> T:
            try:
                return work(*args, **kwargs)
            finally:
                connections.close_all()

        try:
            return await self._threads.run(run)
        except DatabaseError as error:
            raise RetryLater(f"The session could not be read or stored ({type(error).__name__}).") from error


def _take(destination_id: int, token: str) -> bool:
    """Claim the row for a token; returns whether that succeeded."""
    now = timezone.now()
    rows = ServiceSession.objects.using(record_db()).filter(destination_id=destination_id)
    free = rows.filter(Q(held_until=None) | Q(held_until__lte=now))
    return bool(free.update(holder=token, held_until=now + timedelta(seconds=HOLD_SECONDS)))


def _give_back(destination_id: int, token: str, text: str) -> None:
    """Release the row. `text`: stored in it; "" keeps the present text."""
    rows = ServiceSession.objects.using(record_db()).filter(destination_id=destination_id, holder=token)
    rows.update(holder="", held_until=None, **({"secret_text": text} if text else {}))
