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

# After these nothing of a create is out there.
_UNSENT = (PermanentError, DestinationBroken, RateLimited, Unreachable, OutOfTime)


class Thread:
    """The statuses that are out there because of one document; each but the first replies to the one before it.

    Each change is stored before the next request, and what is about to be created before its request (`Trace`), so that
    an attempt that was cut off is continued by the next.
    """

    def __init__(self, account: Account, job: DocumentJob) -> None:
        """What the record knows; `find_lost` is to be called before anything else."""
        self._account = account
        self._job = job
        self._known: dict[str, Status] = {}  # as they were when this attempt looked, by their ids
        self._identity = ""
        self.statuses = [part for part in job.parts if part.kind not in (PICTURE, TRACE) and part.id]
        self.pictures = [part for part in job.parts if part.kind == PICTURE]
        self.traces = traces_in(job.parts)
        # Set by the engine alone where an attempt was cut off, or by one of an older version: it left no trace.
        self._is_untraced = job.uncertain and not self.traces and not self.statuses

    @property
    def parts(self) -> list[RemotePart]:
        """All that is or may be out there, the first status first."""
        traces = [trace.part(self._job.place.address, self._identity) for trace in self.traces]
        return [*self.statuses, *(self.pictures if self.statuses else ()), *traces]

    async def find_lost(self) -> None:
        """Find what an earlier attempt has sent without hearing of it. Raises `OutcomeUnknown` when it cannot tell."""
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
        """What a status is like; None when there is none, or it is gone."""
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

        `pictures`: parts to store with the first status, once it shows them.
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
        """Delete from the last status on until `count` are left."""
        while len(self.statuses) > count:
            await self._account.delete(self.statuses[-1])
            self.statuses.pop()
            await self._store()

    async def _store(self) -> None:
        parts = self.parts
        if tuple(parts) != self._job.parts:
            await self._job.checkpoint(parts)

    async def _take(self, status: Status) -> None:
        """Count a status that was found as the next of the thread."""
        self.statuses.append(await self._account.part(status))
        self.traces = []
        self._known[str(status["id"])] = status
        await self._store()

    # Edits

    async def _turn_into(self, number: int, post: Post) -> bool:
        """Whether a status shows `post` now; otherwise it is gone, with all that reply to it."""
        before = await self.look(number)
        if before is None or before.get("visibility") != post.visibility:
            await self.shorten(number)  # no server can edit the visibility
            return False
        post = replace(post, language=post.language or _language(before))
        if await self._account.is_exactly(post, before):
            return True  # some servers refuse an edit that changes nothing
        if post.visibility != "public" and not await self._account.keeps_visibility():
            await self.shorten(number)
            return False
        try:
            after = await self._account.edit(self.statuses[number], post)
        except Gone:
            # Gone, or on a server that cannot edit, which answers the same.
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
        """True where an edit was refused because there was nothing to change; else raises `refusal`."""
        try:
            now = await self._account.look(self.statuses[number])
        except Gone:
            await self.shorten(number)
            return False
        if await self._shows(now, post) and now.get("visibility") == post.visibility:
            return True
        raise refusal

    async def _is_ignored(self, post: Post, before: Status, after: Status) -> bool:
        """Whether a server has accepted an edit and shows what it showed before: the text, or other pictures."""
        run = self._account.client.run
        if has_other_pictures(post, after):
            return True
        return not await self._shows(after, post) and await run(shown_text, before) == await run(shown_text, after)

    async def _shows(self, status: Status, post: Post) -> bool:
        """Whether a status shows `post`. In a thread: an instance may send any text."""
        return bool(await self._account.client.run(is_shown_by, post, status))

    # Creates

    async def _add(self, post: Post) -> None:
        """Post a status as the next of the thread, or find it posted."""
        in_doubt = bool(self.traces) or self._is_untraced
        if self._is_untraced and (found := await Search(self._account).by_content(post)) is not None:
            await self._take(found)
            return
        # The same key until it is known what became of the first request: a server that keeps keys posts but once.
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
            # The key was known: it is an earlier attempt's, whose text or visibility has changed since.
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
                found = None  # what is to be said is that the first response was lost
            if found is None:
                raise lost
            return found


def _language(status: Status) -> str | None:
    found = status.get("language")
    return found if isinstance(found, str) and found else None
