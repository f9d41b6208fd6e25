"""Reads the statuses of documents, and lists those of an account, without changing anything."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from syncqueue.core.errors import DestinationBroken, PermanentError
from syncqueue.handlers.base import TRACE, CopyPage, CopyState, DocumentJob
from syncqueue.handlers.mastodon.account import PICTURE, Account, Status
from syncqueue.handlers.mastodon.answers import Gone
from syncqueue.handlers.mastodon.post import Post, bare, is_shown_by, pictures_of, reply_of
from syncqueue.handlers.mastodon.search import PAGE_COUNT
from syncqueue.handlers.mastodon.trace import LATEST_SECONDS, created_at


async def statuses_of(account: Account, job: DocumentJob) -> list[Status] | None:
    """Return the statuses of a job in order; None if one is gone. For a job to delete, the existing ones."""
    found: list[Status] = []
    for part in job.parts:
        if part.kind in (PICTURE, TRACE) or not part.id:
            continue
        try:
            found.append(await account.look(part))
        except Gone:
            if job.step != "delete":
                return None
    return found


async def state_of(account: Account, statuses: Sequence[Status], ways: Sequence[Sequence[Post]]) -> CopyState:
    """Return whether statuses show a document. `ways`: its posts for each way of counting their length."""
    for posts in ways:
        if len(posts) == len(statuses) and await _are_shown(account, statuses, posts):
            return CopyState.SAME
    return CopyState.OTHER


async def _are_shown(account: Account, statuses: Sequence[Status], posts: Sequence[Post]) -> bool:
    before = ""
    for post, status in zip(posts, statuses, strict=True):
        if status.get("visibility") != post.visibility:
            return False
        if not await _is_shown(account, replace(post, reply_to=before), status):
            return False
        before = str(status["id"])
    return True


async def _is_shown(account: Account, post: Post, status: Status) -> bool:
    if await account.client.run(is_shown_by, post, status):
        return True
    if reply_of(status) != post.reply_to or len(pictures_of(status)) != len(post.media_ids):
        return False
    # Some servers transform a text; its source is compared instead.
    source = await account.source(status)
    return source is not None and _entered(source) == bare(f"{post.spoiler}\n{post.text}")


def _entered(source: Mapping[str, Any]) -> str:
    return bare(f"{source.get('spoiler_text') or ''}\n{source.get('text') or ''}")


async def page(account: Account, after: str) -> CopyPage | None:
    """Return the account's statuses that were posted with our application; None if that is unknown."""
    name = await _application(account)
    if not name:
        return None
    number = str((await account.me())["id"])
    answer = await account.ask(
        lambda api: api.account_statuses(number, exclude_reblogs=True, limit=PAGE_COUNT, max_id=after or None)
    )
    found = [one for one in answer if isinstance(one, dict) and one.get("id")] if isinstance(answer, list) else []
    latest = time.time() + account.client.memory.offset(account.address) - LATEST_SECONDS
    ours = [status for status in found if _application_of(status) == name and _is_settled(status, latest)]
    last = str(found[-1]["id"]) if found else ""
    return CopyPage(parts=[await account.part(status) for status in ours], after=last if last != after else "")


async def _application(account: Account) -> str:
    """Return the name of the token's application; "" if the server does not return it."""
    try:
        answer = await account.ask(lambda api: api.app_verify_credentials())
    except (PermanentError, DestinationBroken):
        return ""
    return str(answer.get("name") or "") if isinstance(answer, dict) else ""


def _application_of(status: Status) -> str:
    found = status.get("application")
    return str(found.get("name") or "") if isinstance(found, dict) else ""


def _is_settled(status: Status, latest: float) -> bool:
    """Return whether it is so old that an attempt would have stored it."""
    made_at = created_at(status)
    return made_at is not None and made_at < latest
