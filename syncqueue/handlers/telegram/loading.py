"""Reads the media of one job, one after the other, within the limits of time and memory of an attempt."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from syncqueue.handlers.budget import Reservation
from syncqueue.handlers.media import Media
from syncqueue.handlers.media_reader import MediaReader
from syncqueue.handlers.telegram.medium import Medium, digest, read_medium

logger = logging.getLogger("syncqueue.telegram")

READ_SHARE = 0.25  # share of an attempt; the rest is enough for the request to Telegram
MOST_BYTES = 45 * 1024 * 1024  # total of a request, which may have 50 MB


class Loader:
    """Reads media and keeps all of them until the block ends, because they are sent in one request."""

    def __init__(self, reader: MediaReader, attempt_seconds: float) -> None:
        """`attempt_seconds`: the duration of the whole attempt."""
        self._reader = reader
        self._ends_at = time.monotonic() + attempt_seconds * READ_SHARE
        self._stack = AsyncExitStack()
        self._memory: Reservation | None = None
        self._found: dict[str, Medium | None] = {}

    async def __aenter__(self) -> Self:
        """Start without reading or reserving anything."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the media."""
        self._found.clear()
        await self._stack.aclose()

    def get(self, media: Media) -> Medium:
        """Return the medium that was read."""
        found = self._found[digest(media)]
        if found is None:
            raise KeyError(media.name)
        return found

    def has(self, media: Media) -> bool:
        """Return whether reading it was tried."""
        return digest(media) in self._found

    def has_failed(self, media: Media) -> bool:
        """Return whether it cannot be read, or has another type than given."""
        return self.has(media) and self._found[digest(media)] is None

    async def load(self, wanted: Iterable[Media]) -> None:
        """Read the media that were not read yet. Raises `RateLimited` for the task only, and `RetryLater`."""
        if self._memory is None:
            room = self._reader.room_for(MOST_BYTES, ends_at=self._ends_at)
            self._memory = await self._stack.enter_async_context(room)
        for media in wanted:
            if not self.has(media):
                self._found[digest(media)] = await self._read(media)

    def shrink(self) -> None:
        """Finish reading."""
        if self._memory is not None:
            self._memory.shrink(self._size())

    async def _read(self, media: Media) -> Medium | None:
        left, seconds = MOST_BYTES - self._size(), self._ends_at - time.monotonic()
        content = await self._reader.read_if_possible(media, max_bytes=left, seconds=seconds)
        if content is None:
            return None
        found = read_medium(media, content)
        if found is None:
            logger.info("A medium stays a link: %s is no %s.", media.name, media.kind or "picture, video or sound")
        return found

    def _size(self) -> int:
        return sum(len(found.content) for found in self._found.values() if found is not None)
