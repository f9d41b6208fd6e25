"""Reads pictures and other media of a document, and uploads them to the instance."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping, Sequence

from syncqueue.core.errors import PermanentError, RetryLater, Unavailable
from syncqueue.handlers.markdown import Picture
from syncqueue.handlers.mastodon.account import Account
from syncqueue.handlers.mastodon.answers import FailedInside
from syncqueue.handlers.mastodon.client import MastodonClient, OutOfTime
from syncqueue.handlers.mastodon.instance import Limits
from syncqueue.handlers.media import content_kind, content_type
from syncqueue.handlers.texts import shortened

logger = logging.getLogger("syncqueue.mastodon")

# Share of an attempt: pictures that are not processed by then stay links, so that the status itself is posted.
FETCH_SHARE, UPLOAD_SHARE = 0.25, 0.6


class Uploader:
    """Uploads pictures to an instance within one attempt, one at a time and each once."""

    def __init__(self, client: MastodonClient, account: Account, limits: Limits, attempt_seconds: float) -> None:
        """`attempt_seconds`: the duration of the whole attempt, which has just begun."""
        self._client = client
        self._account = account
        self._limits = limits
        self._fetch_seconds = attempt_seconds * FETCH_SHARE
        self._ends_at = time.monotonic() + attempt_seconds * UPLOAD_SHARE
        self._done: dict[Picture | bytes, str | None] = {}  # media id; None: it stays a link
        self._alone: set[Picture] = set()  # videos and sounds

    async def attach(
        self, pictures: Sequence[Picture], present: Mapping[Picture, str], alone: Collection[Picture] = ()
    ) -> dict[Picture, str]:
        """Return the media ids of those that could be uploaded; `present` were uploaded before.

        `alone`: those of them that are not pictures. A video or a sound is attached only if it comes first, and alone.

        Raises `HandlerError` if the instance cannot be reached, is out of order, or limits uploads.
        """
        self._alone.update(alone)
        found: dict[Picture, str] = {}
        for picture in pictures:
            number = present.get(picture) or await self._attach(picture, is_first=not found)
            if number is not None:
                found[picture] = number
                if picture in self._alone:
                    break  # a status has pictures, or one video, or one sound
        return found

    async def draw(self, pages: Sequence[bytes], alt: str) -> list[str]:
        """Return the media ids of drawn pictures; raises if one of them is not accepted."""
        numbers = []
        for page in pages:
            number = self._done.get(page) or await self._upload(page, "image/png", self._alt(alt))
            if number is None:
                raise RetryLater("The instance did not process an uploaded picture in time.")
            self._done[page] = number
            numbers.append(number)
        return numbers

    async def _attach(self, picture: Picture, *, is_first: bool) -> str | None:
        if picture not in self._done:
            self._done[picture] = await self._bring(picture, is_first=is_first)
        return self._done[picture]

    async def _bring(self, picture: Picture, *, is_first: bool) -> str | None:
        """Fetch and upload a picture. While its size is unknown, it counts as the maximum."""
        most_bytes = self._most_bytes(picture)
        async with self._client.media.room_for(most_bytes, ends_at=self._ends_at) as room:
            seconds = min(self._fetch_seconds, self._ends_at - time.monotonic())
            content = await self._client.media.read_if_possible(picture.media, max_bytes=most_bytes, seconds=seconds)
            if content is None:
                return None
            room.shrink(len(content))
            return await self._try(picture, content, is_first=is_first)

    async def _try(self, picture: Picture, content: bytes, *, is_first: bool) -> str | None:
        kind, wanted = content_kind(content), picture.media.kind
        if not kind or wanted not in ("", kind) or time.monotonic() > self._ends_at:
            return None
        if kind != "picture":
            if not is_first:
                return None
            self._alone.add(picture)
        elif len(content) > self._limits.picture_bytes:
            return None
        try:
            return await self._upload(content, content_type(content), self._alt(picture.alt))
        except (PermanentError, OutOfTime, FailedInside) as error:
            # Refused, or the instance failed twice, as Mastodon does for a broken file.
            logger.info("A picture stays a link: %s", error)
            return None

    def _most_bytes(self, picture: Picture) -> int:
        is_picture = picture.media.expected_kind in ("picture", "file")
        return self._limits.picture_bytes if is_picture else self._limits.video_bytes

    async def _upload(self, content: bytes, kind: str, alt: str) -> str | None:
        """Try again after a lost response: a second upload does no harm, because unattached pictures are deleted."""
        try:
            return await self._account.upload(content, kind, alt, ends_at=self._ends_at)
        except Unavailable as lost:
            logger.info("A picture is uploaded again: %s", lost)
        return await self._account.upload(content, kind, alt, ends_at=self._ends_at)

    def _alt(self, text: str) -> str:
        return shortened(text, self._limits.alt_characters)
