"""Statuses of one account: create, find, look at, edit, delete; and uploads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mastodon import Mastodon

from syncqueue.core.errors import DestinationBroken, HandlerError, OutcomeUnknown, PermanentError, RetryLater
from syncqueue.handlers.base import Place, RemotePart
from syncqueue.handlers.mastodon.answers import Asked, Doubtful, Gone, bad_token
from syncqueue.handlers.mastodon.client import MastodonClient, Operation
from syncqueue.handlers.mastodon.instance import Limits
from syncqueue.handlers.mastodon.post import Post, is_shown_by

STATUS, PICTURE = "status", "picture"  # kinds of remote parts
RECENT_COUNT = 20  # statuses that are looked through for one whose answer was lost
# How often to ask whether an upload has been processed; most are within a second.
_POLL_SECONDS = (0.2, 0.3, 0.5, 1.0)

_PLACEHOLDER = "…"  # seen by nobody else, and for a moment

_CREATES = Asked(creates=True)
# Thirty in half an hour each on mastodon.social, where the account has three hundred in five minutes.
_DELETES = _UPLOADS = Asked(limited="task")


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What is out there, as the instance tells it."""

    visibility: str
    alts: Mapping[str, str]  # of the attached pictures, by their ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A status that was posted, or was found."""

    part: RemotePart
    visibility: str
    # False: it is an earlier attempt's, whose answer was lost and whose text has changed since.
    is_current: bool = True


class Account:
    """An account as a destination describes it, for one job."""

    def __init__(self, client: MastodonClient, place: Place) -> None:
        """Keep what is needed, and start the job's time; raises `DestinationBroken` for an unusable destination."""
        self._client = client
        self._place = place
        self._caller = client.caller(place)

    async def limits(self) -> Limits:
        """What the instance takes."""
        return await self._client.limits(self._caller)

    async def describe(self) -> str:
        """The account's name, from the instance."""
        return f"@{(await self._me()).get('username', '')}@{self._caller.url.netloc}"

    async def create(self, post: Post, key: str, *, look_first: bool) -> Created:
        """Post a status, or find it posted by an attempt whose answer was lost.

        `look_first`: there may have been such an attempt. Instances forget idempotency keys after an hour, and
        some never knew them. Those that know them answer with what was posted then, whatever is sent now.
        """
        found = await self._find(post) if look_first else None
        if found is not None:
            return self._created(found)
        status = await self._post(post, key)
        return self._created(status, is_current=not look_first or is_shown_by(post, status))

    async def claim(self, key: str) -> Created:
        """The status that was posted with `key` by an attempt whose answer was lost; raises `Gone`.

        An instance answers a repeated key with what was posted then, so nobody needs to know the text any more. Where
        nothing was posted, or the key is forgotten, this posts a placeholder for the account's own eyes: then
        `is_current` is true.
        """
        post = Post(text=_PLACEHOLDER, visibility="direct")
        try:
            status = await self._request_post(post, key)
        except OutcomeUnknown as lost:
            raise RetryLater(str(lost)) from lost  # asked again it comes to the same: nobody has to decide about it
        return self._created(status, is_current=is_shown_by(post, status))

    async def look(self, part: RemotePart) -> Present:
        """What a status is like now; raises `Gone`."""
        answer = await self._call(lambda api: api.status(part.id))
        pictures = answer.get("media_attachments") or ()
        return Present(
            visibility=str(answer.get("visibility")),
            alts={str(picture["id"]): picture.get("description") or "" for picture in pictures},
        )

    async def edit(self, part: RemotePart, post: Post) -> None:
        """Make a status show `post`, but for its visibility and place in the thread; raises `Gone`."""
        await self._call(
            lambda api: api.status_update(
                part.id,
                post.text,
                spoiler_text=post.spoiler,
                sensitive=post.sensitive,
                media_ids=list(post.media_ids),
            )
        )

    async def delete(self, part: RemotePart) -> None:
        """Take a status away, or find it gone."""
        if part.address not in ("", self._place.address):
            # Its instance must not be shown this account's token.
            raise PermanentError(f"It was posted to another instance: remove it by hand ({part.url or part.id}).")
        try:
            # Some servers answer with the status, some with nothing.
            await self._ask(lambda api: api.status_delete(part.id), _DELETES)
        except Gone:
            return

    async def upload(self, content: bytes, mime_type: str, alt: str, *, ends_at: float) -> str | None:
        """The id of an uploaded picture; None when the instance is not done with it at `ends_at`."""
        answer = await self._call(
            lambda api: api.media_post(content, mime_type=mime_type, description=alt or None), _UPLOADS
        )
        number, rounds = str(answer["id"]), 0
        while not answer.get("url"):
            # A status that is posted before its pictures are processed is refused.
            pause = _POLL_SECONDS[min(rounds, len(_POLL_SECONDS) - 1)]
            if time.monotonic() + pause > ends_at:
                return None
            await asyncio.sleep(pause)
            rounds += 1
            answer = await self._call(lambda api: api.media(number))
        return number

    async def _post(self, post: Post, key: str) -> Mapping[str, Any]:
        try:
            return await self._request_post(post, key)
        except OutcomeUnknown as lost:
            return await self._find_after(lost, post)

    async def _request_post(self, post: Post, key: str) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = await self._call(
            lambda api: api.status_post(
                post.text,
                in_reply_to_id=post.reply_to or None,
                media_ids=list(post.media_ids) or None,
                sensitive=post.sensitive,
                visibility=post.visibility,
                spoiler_text=post.spoiler or None,
                language=post.language,
                idempotency_key=key,
            ),
            _CREATES,
        )
        return answer

    async def _find_after(self, lost: OutcomeUnknown, post: Post) -> Mapping[str, Any]:
        try:
            found = await self._find(post)
        except HandlerError:
            found = None  # what is to be said is that the first answer was lost
        if found is None:
            raise lost
        return found

    async def _find(self, post: Post) -> Mapping[str, Any] | None:
        try:
            number = (await self._me())["id"]
            recent = await self._ask(lambda api: api.account_statuses(number, exclude_reblogs=True, limit=RECENT_COUNT))
        except (PermanentError, DestinationBroken):
            return None  # the token may be good for posting alone; its idempotency key still stands guard
        statuses = [status for status in recent if isinstance(status, dict) and status.get("id")]
        return next((status for status in statuses if is_shown_by(post, status)), None)

    async def _me(self) -> Any:
        return await self._call(_whose)

    async def _call(self, operation: Operation, asked: Asked | None = None) -> Any:
        """One request that is answered with a thing that has an id."""
        answer = await self._ask(operation, asked)
        if isinstance(answer, dict) and answer.get("id"):
            return answer
        error = OutcomeUnknown if asked is _CREATES else RetryLater
        raise error("The instance answers with something that is no answer of the Mastodon API.")

    async def _ask(self, operation: Operation, asked: Asked | None = None) -> Any:
        try:
            return await self._client.call(self._caller, operation, asked)
        except Doubtful as doubtful:
            # What is refused here and where nothing but the token is looked at is the token.
            try:
                await self._client.call(self._caller, _whose)
            except PermanentError:
                raise DestinationBroken(bad_token(str(doubtful))) from None
            raise

    def _created(self, status: Mapping[str, Any], *, is_current: bool = True) -> Created:
        # Some servers have no page for every status, but each has an identifier that is a URL.
        url = str(status.get("url") or status.get("uri") or "")
        part = RemotePart(kind=STATUS, id=str(status["id"]), url=url, address=self._place.address)
        return Created(part=part, visibility=str(status.get("visibility")), is_current=is_current)


def _whose(api: Mastodon) -> object:
    return api.account_verify_credentials()
