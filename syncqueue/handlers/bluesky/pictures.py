"""Reads pictures of a document, makes them fit, and uploads them, in each attempt again.

A server deletes a file that no record refers to. The same bytes always have the same reference, so uploading them
again costs a request and changes nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from syncqueue import PermanentError
from syncqueue.handlers.bluesky.account import Account
from syncqueue.handlers.bluesky.client import BlueskyClient
from syncqueue.handlers.bluesky.image import MOST_BYTES, MOST_THUMB_BYTES, Prepared, prepared
from syncqueue.handlers.bluesky.record import Image
from syncqueue.handlers.public import Picture

logger = logging.getLogger("syncqueue.bluesky")

# Share of an attempt: pictures that are not uploaded by then stay links, so that the post itself is sent.
FETCH_SHARE, UPLOAD_SHARE = 0.25, 0.6
READ_BYTES = 12_000_000  # maximum size of a picture that is made smaller


class Uploader:
    """Uploads pictures to the server, one at a time, within one attempt; each is read once."""

    def __init__(self, client: BlueskyClient, account: Account) -> None:
        """Create it at the beginning of the attempt."""
        self._client = client
        self._account = account
        self._fetch_seconds = client.attempt_seconds * FETCH_SHARE
        self._ends_at = time.monotonic() + client.attempt_seconds * UPLOAD_SHARE
        self._read: dict[tuple[Picture, int], Prepared | None] = {}  # None: it stays a link

    async def attach(self, pictures: Sequence[Picture]) -> dict[Picture, Image]:
        """Return the uploaded pictures. Raises `HandlerError` if the server is unavailable or limits uploads."""
        found = [(picture, await self._bring(picture, MOST_BYTES)) for picture in pictures]
        return {picture: image for picture, image in found if image is not None}

    async def thumb(self, picture: Picture) -> Image | None:
        """Return the uploaded picture of a card; None if that is impossible."""
        return await self._bring(picture, MOST_THUMB_BYTES)

    async def draw(self, pages: Sequence[bytes], alt: str) -> list[Image]:
        """Upload drawn pictures; raises if one of them is not accepted."""
        found = []
        for page in pages:
            fit = await self._client.threads.run(prepared, page, MOST_BYTES)
            if fit is None:
                raise PermanentError("The picture of the text cannot be made small enough.")
            found.append(await self._upload(fit, alt))
        return found

    async def _bring(self, picture: Picture, most_bytes: int) -> Image | None:
        key = (picture, most_bytes)
        if key not in self._read:
            self._read[key] = await self._load(picture, most_bytes)
        fit = self._read[key]
        if fit is None:
            return None
        try:
            return await self._upload(fit, picture.alt)
        except PermanentError as error:
            logger.info("A picture stays a link: %s", error)
            self._read[key] = None
            return None

    async def _load(self, picture: Picture, most_bytes: int) -> Prepared | None:
        """Read a picture and make it fit. While its size is unknown, it counts as the maximum."""
        async with self._client.media.room_for(READ_BYTES, ends_at=self._ends_at) as room:
            seconds = min(self._fetch_seconds, self._ends_at - time.monotonic())
            content = await self._client.media.read_if_possible(picture.media, max_bytes=READ_BYTES, seconds=seconds)
            if content is None:
                return None
            room.shrink(len(content))
            return await self._client.threads.run(prepared, content, most_bytes)

    async def _upload(self, fit: Prepared, alt: str) -> Image:
        blob = await self._account.upload(fit.content, fit.content_type)
        return Image(blob=blob, alt=alt, width=fit.width, height=fit.height)
