"""Searches the account's statuses for one whose create got no response."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from mastodon import Mastodon

from syncqueue.core.errors import DestinationBroken, HandlerError, OutcomeUnknown, PermanentError, RateLimited
from syncqueue.handlers.mastodon.account import Account, Status
from syncqueue.handlers.mastodon.client import OutOfTime
from syncqueue.handlers.mastodon.post import Post, is_shown_by
from syncqueue.handlers.mastodon.trace import Trace, created_at, earliest

PAGE_COUNT = 40  # statuses per page: Mastodon's maximum
MOST_PAGES = 25  # limit for a search by traces, which goes back to the time of the request
RECENT_PAGES = 3  # limit for a search without a trace, whose time is unknown
MOST_SOURCES = 60  # maximum requests for source texts in one search

_OWN = "own"  # the list of the account's statuses
_Page = Callable[[str | None, Mastodon], object]  # called with `max_id`: returns older statuses


class Search:
    """One search on an account."""

    def __init__(self, account: Account) -> None:
        """`account`: that of the searching job; statuses of other objects do not match."""
        self._account = account
        self._memory = account.client.memory
        self._sources_left = MOST_SOURCES
        self._has_learned = False  # whether the cache now saves requests of the next attempt

    async def by_traces(self, traces: Sequence[Trace]) -> Status | None:
        """Return the status that a request has created; None if there is none.

        Raises `OutcomeUnknown` if the account's statuses cannot be read that far back.
        Raises `RateLimited` for the task only if one attempt has not enough time to read all of them.
        """
        try:
            return await self._by_traces(traces)
        except OutOfTime as error:
            if not self._has_learned:
                raise  # the next attempt would make no progress
            raise RateLimited(str(error), after_seconds=1.0, scope="task") from None

    async def _by_traces(self, traces: Sequence[Trace]) -> Status | None:
        offset = self._memory.offset(self._account.address)
        since = earliest(traces, offset)
        number = await self._number()
        for name, pages, is_certain in await self._lists(number, traces):
            found = await self._match(traces, await self._read(name, pages, number, since), offset)
            if found is not None:
                return found
            if is_certain:
                return None
        return None

    async def by_content(self, post: Post) -> Status | None:
        """Return a recent status that shows `post`, for a create without a trace; None also if nothing can be read."""
        try:
            number = await self._number()
            found = await self._read(_OWN, _of_account(number), number, since=None, most=RECENT_PAGES)
        except (PermanentError, DestinationBroken, OutcomeUnknown):
            return None  # the token may allow posting only; the idempotency key still protects
        shown = await self._account.client.run(_showing, post, self._not_of_others(found))
        return next((status for status in shown if status.get("visibility") == post.visibility), None)

    async def _number(self) -> str:
        try:
            return str((await self._account.me())["id"])
        except (PermanentError, DestinationBroken) as error:
            raise _untold(error) from error

    async def _lists(self, number: str, traces: Sequence[Trace]) -> list[tuple[str, _Page, bool]]:
        """Yield the lists to search in order, and whether a negative result is certain."""
        is_listed = all(trace.is_public for trace in traces) or (await self._account.instance()).lists_private
        # Not every server lists private statuses, but all show them in the home timeline.
        home = [] if is_listed else [("home", _at_home, True)]
        return [(_OWN, _of_account(number), is_listed), *home]

    async def _read(
        self, name: str, pages: _Page, number: str, since: float | None, most: int = MOST_PAGES
    ) -> list[Status]:
        """Return the account's statuses in the list `name`, back to `since`, the newest first.

        The next search in this process continues an unfinished one.
        """
        key = (self._account.address, number, name, self._account.owner)
        read: list[Status] = []  # without gaps
        try:
            is_whole = await self._read_pages(pages, read, self._memory.take_listing(key), since, most)
        except HandlerError:
            self._memory.note_listing(key, read)
            self._has_learned = self._has_learned or bool(read)
            raise
        if not is_whole and since is not None:
            raise OutcomeUnknown(
                "An answer was lost, and the status may be there or not: the account has too many newer statuses to "
                "look through. Look there; if it is there, adopt it."
            )
        return [status for status in read if _is_by(status, number)]

    async def _read_pages(
        self, pages: _Page, read: list[Status], earlier: Sequence[Status], since: float | None, most: int
    ) -> bool:
        """Add statuses to `read` until they reach back to `since`, or end; returns whether they do within `most` pages.

        `earlier`: what the previous attempt has read; it is reused when the list reaches it.
        """
        known = {str(status["id"]) for status in earlier}
        for _ in range(most):
            last = str(read[-1]["id"]) if read else None
            try:
                page = await self._account.ask(partial(pages, last))
            except (PermanentError, DestinationBroken) as error:
                raise _untold(error) from error
            found = [one for one in page if isinstance(one, dict) and one.get("id")] if isinstance(page, list) else []
            if not found or str(found[-1]["id"]) == last:
                return True
            new = next((n for n, status in enumerate(found) if str(status["id"]) in known), len(found))
            read += found[:new]
            if new < len(found):
                read += earlier
                known = set()
            if since is not None and _is_before(read[-1], since):
                return True
        return False

    async def _match(self, traces: Sequence[Trace], statuses: Sequence[Status], offset: float) -> Status | None:
        """Return the oldest status that matches a trace: an equal, later one more likely belongs to another object."""
        mine = self._account.client.run(_around, traces, self._not_of_others(statuses), offset)
        candidates: Sequence[_Candidate] = await mine
        by_look = next((one.status for one in candidates if one.is_shown), None)
        if by_look is not None:
            return by_look
        for trace, status in ((one.trace, one.status) for one in candidates if one.is_like):
            if self._sources_left:
                self._sources_left -= self._memory.source(self._account.address, status) is None
                source = await self._account.source(status)
                self._has_learned = True
                if source is not None and await self._account.client.run(trace.is_source_of, status, source):
                    return status
        return None

    def _not_of_others(self, statuses: Sequence[Status]) -> list[Status]:
        own = ("", self._account.owner)
        address = self._account.address
        return [status for status in statuses if self._memory.owner(address, str(status["id"])) in own]


class _Candidate(NamedTuple):
    trace: Trace
    status: Status
    is_shown: bool
    is_like: bool


def _around(traces: Sequence[Trace], statuses: Sequence[Status], offset: float) -> list[_Candidate]:
    return [
        _Candidate(trace, status, trace.is_shown_by(status), trace.is_like(status))
        for status in reversed(statuses)
        for trace in traces
        if trace.may_be(status, offset)
    ]


def _showing(post: Post, statuses: Sequence[Status]) -> list[Status]:
    return [status for status in statuses if is_shown_by(post, status)]


def _of_account(number: str) -> _Page:
    def get(max_id: str | None, api: Mastodon) -> object:
        return api.account_statuses(number, exclude_reblogs=True, limit=PAGE_COUNT, max_id=max_id)

    return get


def _at_home(max_id: str | None, api: Mastodon) -> object:
    return api.timeline_home(limit=PAGE_COUNT, max_id=max_id)


def _is_by(status: Status, number: str) -> bool:
    account = status.get("account")
    return not isinstance(account, dict) or str(account.get("id")) == number


def _is_before(status: Status, since: float) -> bool:
    made_at = created_at(status)
    return made_at is not None and made_at < since


def _untold(error: Exception) -> OutcomeUnknown:
    said: Any = str(error).rstrip(".")
    return OutcomeUnknown(
        f"An answer was lost, and the status may be there or not: {said}, so the account's statuses cannot be read."
    )
