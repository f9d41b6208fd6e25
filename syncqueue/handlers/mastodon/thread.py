"""Keeps the statuses of one document in order: one, or a thread of replies."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from syncqueue.core.errors import (
    DestinationBroken,
    HandlerError,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    Unavailable,
    Unreachable,
)
from syncqueue.handlers.base import TRACE, DocumentJob, RemotePart
from syncqueue.handlers.mastodon.account import PICTURE, Account, Status
from syncqueue.handlers.mastodon.answers import Gone
from syncqueue.handlers.mastodon.client import OutOfTime
from syncqueue.handlers.mastodon.post import Post, has_other_pictures, is_more_open, is_shown_by, shown_text
from syncqueue.handlers.mastodon.search import Search
from syncqueue.handlers.mastodon.trace import MOST_TRACES, Trace, traces_in

logger = logging.getLogger("syncqueue.mastodon")

# After these exceptions a create has created nothing.
_UNSENT = (PermanentError, DestinationBroken, RateLimited, Unreachable, OutOfTime)


class Thread:
    """The existing statuses of one document; each but the first replies to the one before it.

    Each change is stored before the next request, and a trace before each create (`Trace`), so that
    the next attempt continues one that was cut off.
    """

    def __init__(self, account: Account, job: DocumentJob) -> None:
        """Start with the parts of the record; call `find_lost` before anything else."""
        self._account = account
        self._job = job
        self._known: dict[str, Status] = {}  # as this attempt has read them, by id
        self._identity = ""
        self.statuses = [part for part in job.parts if part.kind not in (PICTURE, TRACE) and part.id]
        self.pictures = [part for part in job.parts if part.kind == PICTURE]
        self.traces = traces_in(job.parts)
        # True only after an interrupted attempt without a trace, such as one of an older version.
        self._is_untraced = job.uncertain and not self.traces and not self.statuses

    @property
    def parts(self) -> list[RemotePart]:
        """Return all parts that exist or may exist, the first status first."""
        traces = [trace.part(self._job.place.address, self._identity) for trace in self.traces]
        return [*self.statuses, *(self.pictures if self.statuses else ()), *traces]

    async def find_lost(self) -> None:
        """Find statuses whose responses were lost. Raises `OutcomeUnknown` if that is impossible."""
        self._identity = await self._account.known_identity()
        if not self.traces:
            return
        found = await Search(self._account).by_traces(self.traces)
        if found is None:
            now = time.time()
            self.traces = [trace for trace in self.traces if not trace.is_settled(now)]
        else:
            await self._take(found)

    async def look(self, number: int) -> Status | None:
        """Read a status; None if it does not exist (any more)."""
        if number >= len(self.statuses):
            return None
        part = self.statuses[number]
        if part.id not in self._known:
            try:
                self._known[part.id] = await self._account.look(part)
            except Gone:
                return None
        return self._known[part.id]

    async def show(self, posts: Sequence[Post], pictures: Sequence[RemotePart]) -> list[RemotePart]:
        """Make the thread show `posts`: edit, add, and delete from the end; returns the parts.

        `pictures`: parts to store with the first status after it shows them.
        """
        for number, post in enumerate(posts):
            if number:
                post = replace(post, reply_to=self.statuses[number - 1].id)
            if number >= len(self.statuses) or not await self._turn_into(number, post):
                await self._add(post)
            if number == 0:
                self.pictures = [replace(part, identity=self._identity) for part in pictures]
            if number < len(posts) - 1:
                await self._store()
        await self.shorten(len(posts))
        return self.parts

    async def shorten(self, count: int) -> None:
        """Delete from the end until `count` statuses are left."""
        while len(self.statuses) > count:
            await self._account.delete(self.statuses[-1])
            self.statuses.pop()
            await self._store()

    async def _store(self) -> None:
        parts = self.parts
        if tuple(parts) != self._job.parts:
            await self._job.checkpoint(parts)

    async def _take(self, status: Status) -> None:
        """Add a status that was found as the next of the thread."""
        self.statuses.append(await self._account.part(status))
        self.traces = []
        self._known[str(status["id"])] = status
        await self._store()

    # Edits

    async def _turn_into(self, number: int, post: Post) -> bool:
        """Edit a status; returns whether it shows `post` now. If not, it is gone, with all replies to it."""
        before = await self.look(number)
        if before is None or before.get("visibility") != post.visibility:
            await self.shorten(number)  # the visibility cannot be edited
            return False
        post = replace(post, language=post.language or _language(before))
        if await self._account.is_exactly(post, before):
            return True  # some servers refuse an edit without changes
        if post.visibility != "public" and not await self._account.keeps_visibility():
            await self.shorten(number)
            return False
        try:
            after = await self._account.edit(self.statuses[number], post)
        except Gone:
            # Gone, or the server cannot edit: both have the same response.
            await self.shorten(number)
            return False
        except PermanentError as refusal:
            return await self._is_right_all_the_same(number, post, refusal)
        self._known.pop(self.statuses[number].id, None)
        if self._account.is_too_open(after, post.visibility) or await self._is_ignored(post, before, after):
            await self.shorten(number)
            return False
        return True

    async def _is_right_all_the_same(self, number: int, post: Post, refusal: PermanentError) -> bool:
        """Return True if an edit was refused because it changes nothing; otherwise raise `refusal`."""
        try:
            now = await self._account.look(self.statuses[number])
        except Gone:
            await self.shorten(number)
            return False
        if await self._shows(now, post) and now.get("visibility") == post.visibility:
            return True
        raise refusal

    async def _is_ignored(self, post: Post, before: Status, after: Status) -> bool:
        """Return whether a server has accepted an edit but still shows the old text or other pictures."""
        run = self._account.client.run
        if has_other_pictures(post, after):
            return True
        return not await self._shows(after, post) and await run(shown_text, before) == await run(shown_text, after)

    async def _shows(self, status: Status, post: Post) -> bool:
        """Return whether a status shows `post`. Runs in a thread, because an instance may send any text."""
        return bool(await self._account.client.run(is_shown_by, post, status))

    # Creates

    async def _add(self, post: Post) -> None:
        """Post a status as the next of the thread, or find it if it was posted."""
        in_doubt = bool(self.traces) or self._is_untraced
        if self._is_untraced and (found := await Search(self._account).by_content(post)) is not None:
            await self._take(found)
            return
        # The same key until the outcome of the first request is known: a server that keeps keys posts only once.
        key = self.traces[0].key if self.traces else self._job.idempotency_key
        trace = Trace.of(post, key, time.time())
        earlier, self.traces = self.traces, [*self.traces[-(MOST_TRACES - 1) :], trace]
        await self._store()
        try:
            status = await self._create(post, trace)
        except _UNSENT:
            if not self._is_untraced:
                self.traces = earlier
                await self._store()
            raise
        self.statuses.append(await self._account.part(status))
        self.traces, self._is_untraced = [], False
        if in_doubt and not (await self._shows(status, post) and status.get("visibility") == post.visibility):
            # The key was known: the status is from an earlier attempt, and text or visibility have changed since.
            if not await self._turn_into(len(self.statuses) - 1, post):
                await self._add(post)
        elif is_more_open(status, post.visibility):
            await self._store()
            await self.shorten(len(self.statuses) - 1)
            raise PermanentError(
                f"The instance made a status {status.get('visibility')} that was to be {post.visibility}; it was "
                "deleted at once. Choose another visibility for the destination, or another instance."
            )

    async def _create(self, post: Post, trace: Trace) -> Status:
        try:
            return await self._account.create(post, trace.key)
        except Unavailable as lost:
            try:
                found = await Search(self._account).by_traces([trace])
            except (HandlerError, OutcomeUnknown):
                found = None  # the lost response of the first request is reported
            if found is None:
                raise lost
            return found


def _language(status: Status) -> str | None:
    found = status.get("language")
    return found if isinstance(found, str) and found else None
