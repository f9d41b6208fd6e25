"""Statuses of one account: create, look at, edit, delete; and uploads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from mastodon import Mastodon

from syncqueue.core.errors import DestinationBroken, HandlerError, PermanentError, Unavailable
from syncqueue.handlers.base import Place, RemotePart
from syncqueue.handlers.mastodon.answers import Asked, Doubtful, Gone
from syncqueue.handlers.mastodon.client import DESCRIPTIONS, MastodonClient, Operation, describe, edit, whose
from syncqueue.handlers.mastodon.instance import Instance, read_instance
from syncqueue.handlers.mastodon.options import Visibility
from syncqueue.handlers.mastodon.post import Post, is_exactly, is_more_open, is_shown_by
from syncqueue.outbound.urls import host_of, read_url

STATUS, PICTURE = "status", "picture"  # kinds of remote parts
# How often to ask whether an upload has been processed; most are within a second.
_POLL_SECONDS = (0.2, 0.3, 0.5, 1.0)
_PLACEHOLDER = "…"  # seen by nobody else, and for a moment

# Thirty in half an hour each on mastodon.social, where the account has three hundred in five minutes.
_DELETES = _UPLOADS = Asked(limited="task")

Status = Mapping[str, Any]  # as an instance describes it: https://docs.joinmastodon.org/entities/Status/


class Account:
    """An account as a destination describes it, for one job."""

    def __init__(self, client: MastodonClient, place: Place, owner: str = "") -> None:
        """Keep what is needed, and start the job's time; raises `DestinationBroken` for an unusable destination.

        `owner` names the object of the job ("notes.note:42").
        """
        self.client = client
        self.owner = owner
        self.place = place
        self._caller = client.caller(place)
        self.address = self._caller.url.geturl()
        self._identity: str | None = None  # once it was asked for

    async def instance(self) -> Instance:
        """How the instance treats statuses; asked at most once an hour."""
        known = self.client.memory.instance(self.address)
        if known is None:
            known = read_instance(await self._description())
            self.client.memory.note_instance(self.address, known)
        return known

    async def keeps_visibility(self) -> bool:
        """Whether an edit there is known to leave the visibility of a status alone."""
        return (await self.instance()).keeps_visibility and not self.client.memory.opens_edited(self.address)

    async def describe(self) -> str:
        """The account's name, from the instance."""
        return f"@{(await self.ask_me()).get('username', '')}@{self._caller.url.netloc}"

    async def me(self) -> Status:
        """The account; asked at most once an hour."""
        known = self.client.memory.account(self.address, self._caller.token)
        return known if known is not None else await self.ask_me()

    async def ask_me(self) -> Status:
        """The account, as the instance describes it now."""
        found: Status = await self._call(whose)
        self.client.memory.note_account(self.address, self._caller.token, found)
        return found

    async def identity(self) -> str:
        """The account's unchanging name: its id, and the host that its own page is on."""
        account = await self.me()
        try:
            host = host_of(read_url(str(account.get("url") or account.get("uri"))))
        except ValueError:
            host = host_of(self._caller.url)
        return f"{account['id']}@{host.lower()}"

    async def known_identity(self) -> str:
        """The same, or "" where the token may not ask for it. Asked once for a job: before anything is sent."""
        if self._identity is None:
            try:
                self._identity = await self.identity()
            except (PermanentError, DestinationBroken):
                self._identity = ""  # what is wrong with the token is told by what it is for
        return self._identity

    async def create(self, post: Post, key: str) -> Status:
        """Post a status; returns it, or the one that was posted with `key` before."""
        status = await self._request_post(post, key)
        self.client.memory.note_owner(self.address, str(status["id"]), self.owner)
        return status

    async def claim(self, key: str) -> tuple[Status, bool]:
        """The status that was posted with `key` by an attempt whose response was lost; raises `Gone`.

        An instance answers a repeated key with what was posted then, so nobody needs to know the text any more. Where
        nothing was posted, or the key is forgotten, this posts a placeholder for the account's own eyes: then the
        second value is true.
        """
        post = Post(text=_PLACEHOLDER, visibility="direct")
        status = await self._request_post(post, key)
        return status, await self.client.run(is_shown_by, post, status)

    async def look(self, part: RemotePart) -> Status:
        """A status as it is now; raises `Gone`."""
        self._must_be_here(part)
        found: Status = await self._call(lambda api: api.status(part.id))
        return found

    async def is_exactly(self, post: Post, status: Status) -> bool:
        """Whether an edit to `post` would change nothing; False where that cannot be told."""
        if not await self.client.run(is_shown_by, post, status):
            return False
        source = await self.source(status)
        return source is not None and bool(await self.client.run(is_exactly, post, status, source))

    async def source(self, status: Status) -> Status | None:
        """The text of a status as its author entered it; None where the server does not tell."""
        known = self.client.memory.source(self.address, status)
        if known is not None:
            return known
        number = str(status["id"])
        try:
            found = await self.ask(lambda api: api.status_source(number))
        except (PermanentError, DestinationBroken):
            return None
        if not isinstance(found, dict) or "text" not in found:
            return None
        self.client.memory.note_source(self.address, status, found)
        return found

    async def edit(self, part: RemotePart, post: Post) -> Status:
        """Make a status show `post`, but for its visibility and place in the thread; returns it. Raises `Gone`."""
        self._must_be_here(part)
        fields = {
            "status": post.text,
            "spoiler_text": post.spoiler,
            "sensitive": post.sensitive,
            "media_ids": list(post.media_ids),
        } | ({"language": post.language} if post.language else {})
        status: Status = await self._call(edit(part.id, fields))
        return status

    async def delete(self, part: RemotePart) -> None:
        """Take a status away, or find it gone."""
        self._must_be_here(part)
        try:
            # Some servers answer with the status, some with nothing.
            await self.ask(lambda api: api.status_delete(part.id), _DELETES)
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

    async def part(self, status: Status) -> RemotePart:
        """A status as a remote part."""
        # Some servers have no page for every status, but each has an identifier that is a URL.
        url = str(status.get("url") or status.get("uri") or "")
        identity = await self.known_identity()
        return RemotePart(kind=STATUS, id=str(status["id"]), url=url, address=self.place.address, identity=identity)

    async def ask(self, operation: Operation, asked: Asked | None = None) -> Any:
        """The JSON that one request is answered with; raises `HandlerError`s alone."""
        return await self.client.ask(self._caller, operation, asked)

    def is_too_open(self, status: Status, wanted: Visibility) -> bool:
        """Whether an edit has made a status more public than wanted, which is kept in mind for the instance."""
        if not is_more_open(status, wanted):
            return False
        self.client.memory.note_opens_edited(self.address)
        return True

    async def _request_post(self, post: Post, key: str) -> Status:
        def send(api: Mastodon) -> object:
            return api.status_post(
                post.text,
                in_reply_to_id=post.reply_to or None,
                media_ids=list(post.media_ids) or None,
                sensitive=post.sensitive,
                visibility=post.visibility,
                spoiler_text=post.spoiler or None,
                language=post.language,
                idempotency_key=key,
            )

        answer: Status = await self._call(send)
        return answer

    async def _call(self, operation: Operation, asked: Asked | None = None) -> Any:
        """One request that is answered with a thing that has an id."""
        answer = await self.ask(operation, asked)
        if isinstance(answer, dict) and answer.get("id"):
            return answer
        raise Unavailable("The instance answers with something that is no answer of the Mastodon API.")

    async def _description(self) -> Any:
        refused: HandlerError | None = None
        for path in DESCRIPTIONS:
            try:
                return await self.client.call(self._caller, describe(path))
            except Doubtful as doubtful:
                refused = doubtful
            except PermanentError:
                continue
        if refused is not None:
            await self.ask_me()  # raises where the token or a proxy is why nothing is told
        return None  # it does not say, so the defaults are taken: few instances have tighter ones

    def _must_be_here(self, part: RemotePart) -> None:
        if part.address.removesuffix("/") not in ("", self.address):
            # Its instance must not be shown this account's token.
            raise PermanentError(f"It was posted to another instance: remove it by hand ({part.url or part.id}).")
