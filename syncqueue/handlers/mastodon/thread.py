"""Keeps the statuses of one document in order: one, or a thread of replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from syncqueue.handlers.base import DocumentJob, RemotePart
from syncqueue.handlers.mastodon.account import PICTURE, Account
from syncqueue.handlers.mastodon.answers import Gone
from syncqueue.handlers.mastodon.post import Post


def statuses_of(parts: Sequence[RemotePart]) -> list[RemotePart]:
    """Those that are statuses, in order; pictures go with them."""
    return [part for part in parts if part.kind != PICTURE]


class Thread:
    """The statuses that are out there because of one document; each but the first replies to the one before it.

    Each change is stored before the next call, so that an attempt that was cut off is continued by the next.
    """

    def __init__(self, account: Account, job: DocumentJob, pictures: Sequence[RemotePart] = ()) -> None:
        """`pictures`: parts to store with the first status, once it shows them."""
        self._account = account
        self._job = job
        self._pictures = list(pictures)
        self.statuses = statuses_of(job.parts)
        # An attempt that broke off behind the last of these may have created one more.
        self._is_continued = bool(self.statuses)

    @property
    def parts(self) -> list[RemotePart]:
        """All that is out there, the first status first."""
        return [*self.statuses, *self._pictures] if self.statuses else []

    async def show(self, posts: Sequence[Post]) -> list[RemotePart]:
        """Make the thread show `posts`: edit, add, and delete from the end; answer the parts."""
        for number, post in enumerate(posts):
            if number:
                post = replace(post, reply_to=self.statuses[number - 1].id)
            if number >= len(self.statuses) or not await self._edit(number, post):
                await self._add(post, is_last=number == len(posts) - 1)
        await self.shorten(len(posts))
        return self.parts

    async def shorten(self, count: int) -> None:
        """Delete from the last status on until `count` are left."""
        while len(self.statuses) > count:
            await self._account.delete(self.statuses[-1])
            self.statuses.pop()
            await self._job.checkpoint(self.parts)

    async def _edit(self, number: int, post: Post) -> bool:
        """Whether it could be edited; otherwise it is taken away, with all that reply to it."""
        try:
            await self._account.edit(self.statuses[number], post)
        except Gone:
            # Gone, or on a server that cannot edit, which answers the same.
            await self.shorten(number)
            return False
        return True

    async def _add(self, post: Post, *, is_last: bool) -> None:
        # A reply to our own status with our own text is ours. A first status is looked for only when one may have
        # been lost, because two notes may say the same.
        look_first = self._is_continued if self.statuses else self._job.uncertain
        created = await self._account.create(post, self._job.idempotency_key, look_first=look_first)
        self.statuses.append(created.part)
        self._is_continued = False
        if not is_last or not created.is_current:
            await self._job.checkpoint(self.parts)
        if not created.is_current:
            await self._renew(len(self.statuses) - 1, post, created.visibility)

    async def _renew(self, number: int, post: Post, visibility: str) -> None:
        """Make a status that an earlier attempt has posted with another text show what is wanted now."""
        if visibility != post.visibility:
            await self.shorten(number)
        elif await self._edit(number, post):
            return
        await self._add(post, is_last=False)  # stored at once; it has a key of its own now
