"""Keeps the posts of one document in order: one, or a thread of replies.

Readers still see the first text of an edited post. So a post that must show something else is created again under a
new key, and the old one is deleted afterwards: there is always one. Existing posts are recognized by their content, so
the next attempt continues one that was cut off at any point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncqueue import DestinationBroken, DocumentJob, PermanentError, RateLimited, RemotePart, Unavailable, Unreachable
from syncqueue.handlers.bluesky.account import Account, Stored
from syncqueue.handlers.bluesky.answers import Gone, Taken
from syncqueue.handlers.bluesky.record import Draft, Reference, is_same
from syncqueue.handlers.bluesky.tid import new_tid
from syncqueue.handlers.bluesky.trace import Trace, traces_in
from syncqueue.handlers.public import TRACE

# After these exceptions a put has created nothing.
_UNSENT = (PermanentError, DestinationBroken, RateLimited, Unreachable)
_MOST_TRIES = 4  # per post; each has found another record at its key


class Thread:
    """The existing posts of one document.

    Each change is stored before the next request, and a trace before each put (`Trace`).
    """

    def __init__(self, account: Account, job: DocumentJob) -> None:
        """Start with the parts of the record."""
        self._account = account
        self._job = job
        self.parts_known = [part for part in job.parts if part.kind != TRACE and part.id]
        self.posts: list[Stored] = []  # the existing ones; filled by `look`
        self._part_of: dict[str, RemotePart] = {}  # by key, as the record has it
        self._kept: list[Stored] = []  # the posts that stay, in order
        traces = traces_in(job.parts)
        self.traces = [trace for trace in traces if trace.record is not None]
        # The key that was stored with the mark of this attempt. An unsent key of an earlier attempt is too old.
        self._reserved = next((trace.rkey for trace in traces if trace.record is None and job.step == "create"), "")

    async def look(self) -> None:
        """Read the existing posts. The record must not have missing posts any more when they are created again."""
        before = len(self.parts_known)
        for part in list(self.parts_known):
            rkey = await self._account.rkey_of(part)
            try:
                self.posts.append(await self._account.get(rkey))
                self._part_of[rkey] = part
            except Gone:
                self.parts_known.remove(part)
        if len(self.parts_known) < before:
            await self._job.checkpoint([*self.parts_known, *self._trace_parts()])

    async def show(self, drafts: Sequence[Draft]) -> list[RemotePart]:
        """Make the posts show `drafts`: keep, add, then delete the others; returns the parts. Call `look` first."""
        self._kept = []
        for draft in drafts:
            reply = await self._reply()
            found = self._find(draft, reply)
            if found is None:
                found = await self._add(draft, reply)
            self._kept.append(found)
            if len(self._kept) < len(drafts) or self._others() or self.traces:
                await self._store()
        await self._take_away_others()
        return await self._parts()

    async def delete(self) -> None:
        """Delete everything, the last post first, and also posts that may have been sent."""
        for trace in list(reversed(self.traces)):
            await self._account.delete(trace.rkey)
            self.traces.remove(trace)
            await self._job.checkpoint([*self.parts_known, *self._trace_parts()])
        for part in list(reversed(self.parts_known)):
            await self._account.delete(await self._account.rkey_of(part))
            self.parts_known.remove(part)
            if self.parts_known:
                await self._job.checkpoint(self.parts_known)

    async def forget_unsent(self) -> None:
        """Remove a key under which nothing was sent from the record."""
        left = [part for part in self._job.parts if part.kind != TRACE or part in self._trace_parts()]
        if len(left) < len(self._job.parts):
            await self._job.checkpoint(left)

    async def _reply(self) -> dict[str, Reference] | None:
        if not self._kept:
            return None
        root, parent = self._kept[0], self._kept[-1]
        return {"root": await self._account.reference(root), "parent": await self._account.reference(parent)}

    def _find(self, draft: Draft, reply: Mapping[str, Reference] | None) -> Stored | None:
        """Return a post that shows a draft already."""
        kept = {one.rkey for one in self._kept}
        return next(
            (one for one in self.posts if one.rkey not in kept and is_same(one.value, draft.record(one.rkey, reply))),
            None,
        )

    async def _add(self, draft: Draft, reply: Mapping[str, Reference] | None) -> Stored:
        """Put a post as the next of the thread, or find it if an attempt without a response has put it."""
        for _ in range(_MOST_TRIES):
            is_sent = bool(self.traces)
            rkey = self.traces[0].rkey if is_sent else self._next_key()
            record = draft.record(rkey, reply)
            # If something else was sent under this key and exists, it is one of the posts to replace.
            was_other = is_sent and self.traces[0].record != record
            if was_other and (found := await self._lost(rkey)) is not None:
                if is_same(found.value, record):
                    return found
                continue
            await self._store_trace(Trace(rkey=rkey, record=record))
            try:
                cid = await self._account.put(rkey, record)
            except Taken:
                if not is_sent:
                    self.traces = []  # the key belongs to another record: use another key
                elif (found := await self._lost(rkey)) is not None and is_same(found.value, record):
                    return found
                continue
            except _UNSENT:
                if not is_sent:
                    self.traces = []
                    await self._store()
                raise
            self.traces = self.traces[1:]
            self.posts.append(Stored(rkey=rkey, cid=cid, value=record))
            return self.posts[-1]
        raise Unavailable("Another record is at each key that was tried.")

    def _next_key(self) -> str:
        reserved, self._reserved = self._reserved, ""
        return reserved or new_tid()

    async def _lost(self, rkey: str) -> Stored | None:
        """Return the post that an earlier attempt has put under a key, and add it; None if none has arrived."""
        try:
            found = await self._account.get(rkey)
        except Gone:
            return None
        self.traces = self.traces[1:]
        self.posts.append(found)
        await self._store()
        return found

    async def _take_away_others(self) -> None:
        """Delete posts that do not belong to the thread (any more), also those that may still arrive."""
        for trace in list(self.traces):
            await self._account.delete(trace.rkey)
            self.traces.remove(trace)
            await self._store()
        for post in reversed(self._others()):
            await self._account.delete(post.rkey)
            self.posts.remove(post)
            if self._others():
                await self._store()

    def _others(self) -> list[Stored]:
        kept = {one.rkey for one in self._kept}
        return [one for one in self.posts if one.rkey not in kept]

    async def _store_trace(self, trace: Trace) -> None:
        self.traces = [trace, *self.traces[1:]]
        await self._store()

    async def _store(self) -> None:
        parts = [*await self._parts(), *self._trace_parts()]
        if tuple(parts) != self._job.parts:
            await self._job.checkpoint(parts)

    async def _parts(self) -> list[RemotePart]:
        """Return the existing posts, those that stay first."""
        posts = [*self._kept, *self._others()]
        return [await self._account.part(post.rkey) for post in posts]

    def _trace_parts(self) -> list[RemotePart]:
        return [trace.part(self._job.place.address) for trace in self.traces]
