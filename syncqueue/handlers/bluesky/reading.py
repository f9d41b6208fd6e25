"""Reads the posts of documents, and lists those of an account, without changing anything."""

from __future__ import annotations

import time
from collections.abc import Sequence

from syncqueue import CopyPage, DocumentJob
from syncqueue.handlers.bluesky.account import Account, Stored
from syncqueue.handlers.bluesky.answers import Gone
from syncqueue.handlers.bluesky.record import has_thumb, short_alt, shown_of
from syncqueue.handlers.bluesky.tid import is_ours, microseconds_of
from syncqueue.handlers.public import TRACE, Picture

_SETTLED_SECONDS = 600.0  # an attempt may not have stored a newer post yet


async def posts_of(account: Account, job: DocumentJob) -> list[Stored] | None:
    """Return the posts of a job in order; None if one is gone. For a job to delete, the existing ones."""
    found: list[Stored] = []
    for part in job.parts:
        if part.kind == TRACE or not part.id:
            continue
        try:
            found.append(await account.get(await account.rkey_of(part)))
        except Gone:
            if job.step != "delete":
                return None
    return found


def attached_of(post: Stored, pictures: Sequence[Picture]) -> tuple[Picture, ...]:
    """Return those of `pictures` that a post shows, by their descriptions: unreadable ones stayed links."""
    if has_thumb(post.value):
        return tuple(pictures[:1])
    left, found = list(shown_of(post.value)[1]), []
    for picture in pictures:
        if (alt := short_alt(picture.alt)) in left:
            left.remove(alt)
            found.append(picture)
    return tuple(found)


async def shows(
    account: Account, posts: Sequence[Stored], texts: Sequence[str], alts: Sequence[str], page: str
) -> bool:
    """Return whether posts show these texts in a thread, the first with pictures with these `alts`, or a card."""
    if len(posts) != len(texts):
        return False
    parent = ""
    for number, (post, text) in enumerate(zip(posts, texts, strict=True)):
        wanted = (text, () if number else tuple(alts), "" if number else page, parent)
        if shown_of(post.value) != wanted:
            return False
        parent = (await account.reference(post))["uri"]
    return True


async def page_of(account: Account, after: str) -> CopyPage:
    """Return the settled posts whose keys were made by syncqueue."""
    posts, cursor = await account.page(after)
    latest = (time.time() - _SETTLED_SECONDS) * 1_000_000
    ours = [one for one in posts if is_ours(one.rkey) and (microseconds_of(one.rkey) or 0) < latest]
    return CopyPage(parts=[await account.part(one.rkey) for one in ours], after=cursor if cursor != after else "")
