"""Reads media: URLs over guarded connections, files from their storage, within a byte budget."""

from __future__ import annotations

import asyncio
import http.cookiejar
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from django.core.exceptions import SuspiciousOperation
from django.db import connections

from syncqueue.core.errors import RateLimited, RetryLater
from syncqueue.handlers.budget import ByteBudget, Reservation
from syncqueue.handlers.media import Media
from syncqueue.outbound.connect import Outbound
from syncqueue.outbound.requests_adapter import CHUNK_BYTES, FetchError, OutboundSession, fetch, may_fetch
from syncqueue.outbound.threads import HandlerThreads

logger = logging.getLogger("syncqueue")

REDIRECTS = 3  # picture hosts redirect from one name to another
# Maximum size of media in memory, for all attempts of a service in a process.
MEMORY_BYTES = 48 * 1024 * 1024


class MediaReader:
    """Reads media for one handler. Users write the URLs, so the connections follow the rules of `outbound`."""

    def __init__(self, outbound: Outbound, threads: HandlerThreads) -> None:
        """`outbound`: with `public_only`, because users name the hosts."""
        self._outbound = outbound
        self._threads = threads
        self._session: OutboundSession | None = None
        self.budget = ByteBudget(MEMORY_BYTES)

    def may_fetch(self, url: str) -> bool:
        """Return whether a URL has a form that may be fetched."""
        return may_fetch(self._outbound, url)

    @asynccontextmanager
    async def room_for(self, size: int, *, ends_at: float) -> AsyncIterator[Reservation]:
        """Hold `size` bytes of the budget: the maximum, while the size of a medium is unknown.

        Raises `RateLimited` for the task only, if there is no room until `ends_at` (of `time.monotonic`).
        """
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(max(ends_at - time.monotonic(), 0)):
                    room = await stack.enter_async_context(self.budget.reserve(size))
            except TimeoutError:
                said = "Pictures of other notes are being loaded; this note is next."
                raise RateLimited(said, after_seconds=2.0, scope="task") from None
            yield room

    async def read_if_possible(self, media: Media, *, max_bytes: int, seconds: float) -> bytes | None:
        """Return the content as `read` does; None if it cannot be read, or if there is no time left."""
        try:
            if seconds <= 0:
                raise FetchError("There is no time left in this attempt to load it.")
            return await self.read(media, max_bytes=max_bytes, seconds=seconds)
        except FetchError as error:
            logger.info("A medium stays a link: %s", error)
            return None

    async def read(self, media: Media, *, max_bytes: int, seconds: float) -> bytes:
        """Return the content. Raises `FetchError` if it cannot be read, `RetryLater` if its storage fails for now.

        The caller must have reserved `max_bytes` of the budget.
        """
        if media.url:
            fetched = await self._threads.run(
                fetch, self._opened(), media.url, max_bytes=max_bytes, max_redirects=REDIRECTS, timeout_seconds=seconds
            )
            return fetched.content
        try:
            # The time limits of a storage are unknown; its thread may continue after this timeout.
            return await asyncio.wait_for(self._threads.run(_read_file, media, max_bytes), seconds)
        except TimeoutError:
            raise RetryLater(f"The storage of {media.name} has not delivered it within {seconds:.0f} s.") from None

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        opened, self._session = self._session, None
        if opened is not None:
            opened.close()

    def _opened(self) -> OutboundSession:
        """Return the session, created at first use; it keeps no cookies."""
        if self._session is None:
            self._session = OutboundSession(self._outbound)
            self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        return self._session


def _read_file(media: Media, max_bytes: int) -> bytes:
    """Return the content of a file. Called in a thread, because a storage may be on a network."""
    try:
        content = bytearray()
        # Not with FieldFile.open, whose file object belongs to the model instance.
        with media.file.storage.open(media.file.name, "rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                content += chunk
                if len(content) > max_bytes:
                    raise FetchError(f"{media.name}: the file is larger than {max_bytes} bytes.")
        return bytes(content)
    except FetchError:
        raise
    except (FileNotFoundError, SuspiciousOperation) as error:
        raise FetchError(f"{media.name}: there is no such file in its storage ({type(error).__name__}).") from None
    except Exception as error:  # a storage may raise anything, and the message may contain a signed URL
        raise RetryLater(f"The storage of {media.name} fails ({type(error).__name__}).") from None
    finally:
        connections.close_all()  # those of this thread: some storages use database tables
