"""Statuses of one account: create, read, edit, delete; and uploads."""

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
# Interval for checking whether an upload was processed; most are within a second.
_POLL_SECONDS = (0.2, 0.3, 0.5, 1.0)
_PLACEHOLDER = "…"  # visible to the account only, for a moment

# On mastodon.social 30 in half an hour each, while the account has 300 requests in five minutes.
_DELETES = _UPLOADS = Asked(limited="task")

Status = Mapping[str, Any]  # as an instance describes it: https://docs.joinmastodon.org/entities/Status/


class Account:
    """The account of a destination, for one job."""

    def __init__(self, client: MastodonClient, place: Place, owner: str = "") -> None:
        """Store the configuration and start the job's time; raises `DestinationBroken` for an unusable destination.

        `owner` names the object of the job ("notes.note:42").
        """
        self.client = client
        self.owner = owner
        self.place = place
        self._caller = client.caller(place)
        self.address = self._caller.url.geturl()
        self._identity: str | None = None  # None: not read yet

    async def instance(self) -> Instance:
        """Return how the instance treats statuses; read at most once an hour."""
        known = self.client.memory.instance(self.address)
        if known is None:
            known = read_instance(await self._description())
            self.client.memory.note_instance(self.address, known)
        return known

    async def keeps_visibility(self) -> bool:
        """Return whether an edit there is known to keep the visibility of a status."""
        return (await self.instance()).keeps_visibility and not self.client.memory.opens_edited(self.address)

    async def describe(self) -> str:
        """Return the account's name, from the instance."""
        return f"@{(await self.ask_me()).get('username', '')}@{self._caller.url.netloc}"

    async def me(self) -> Status:
        """Return the account; read at most once an hour."""
        known = self.client.memory.account(self.address, self._caller.token)
        return known if known is not None else await self.ask_me()

    async def ask_me(self) -> Status:
        """Read the account now."""
        found: Status = await self._call(whose)
        self.client.memory.note_account(self.address, self._caller.token, found)
        return found

    async def identity(self) -> str:
        """Return the account's permanent id: its id, and the host of its page."""
        account = await self.me()
        try:
            host = host_of(read_url(str(account.get("url") or account.get("uri"))))
        except ValueError:
            host = host_of(self._caller.url)
        return f"{account['id']}@{host.lower()}"

    async def known_identity(self) -> str:
        """Return it, or "" if the token may not read it. It is read once per job, before anything is sent."""
        if self._identity is None:
            try:
                self._identity = await self.identity()
            except (PermanentError, DestinationBroken):
                self._identity = ""  # a problem with the token is reported by the requests that need it
        return self._identity

    async def create(self, post: Post, key: str) -> Status:
        """Post a status; returns it, or the one that was posted with `key` before."""
        status = await self._request_post(post, key)
        self.client.memory.note_owner(self.address, str(status["id"]), self.owner)
        return status

    async def claim(self, key: str) -> tuple[Status, bool]:
        """Return the status that an attempt with a lost response has posted with `key`; raises `Gone`.

        An instance returns the existing status when the idempotency key is reused, so the text is not needed. If
        nothing was posted, or the key is forgotten, this posts a placeholder that only the account sees: then the
        second value is True.
        """
        post = Post(text=_PLACEHOLDER, visibility="direct")
        status = await self._request_post(post, key)
        return status, await self.client.run(is_shown_by, post, status)

    async def look(self, part: RemotePart) -> Status:
        """Read a status; raises `Gone`."""
        self._must_be_here(part)
        found: Status = await self._call(lambda api: api.status(part.id))
        return found

    async def is_exactly(self, post: Post, status: Status) -> bool:
        """Return whether an edit to `post` would change nothing; False if that is unknown."""
        if not await self.client.run(is_shown_by, post, status):
            return False
        source = await self.source(status)
        return source is not None and bool(await self.client.run(is_exactly, post, status, source))

    async def source(self, status: Status) -> Status | None:
        """Return the source text of a status; None if the server does not return it."""
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
        """Edit a status to show `post`, except visibility and position in the thread; returns it. Raises `Gone`."""
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
        """Delete a status, or find that it is gone."""
        self._must_be_here(part)
        try:
            # Some servers return the status, some nothing.
            await self.ask(lambda api: api.status_delete(part.id), _DELETES)
        except Gone:
            return

    async def upload(self, content: bytes, mime_type: str, alt: str, *, ends_at: float) -> str | None:
        """Upload a picture and return its id; None if the instance has not processed it by `ends_at`."""
        answer = await self._call(
            lambda api: api.media_post(content, mime_type=mime_type, description=alt or None), _UPLOADS
        )
        number, rounds = str(answer["id"]), 0
        while not answer.get("url"):
            # A status is refused before its pictures are processed.
            pause = _POLL_SECONDS[min(rounds, len(_POLL_SECONDS) - 1)]
            if time.monotonic() + pause > ends_at:
                return None
            await asyncio.sleep(pause)
            rounds += 1
            answer = await self._call(lambda api: api.media(number))
        return number

    async def part(self, status: Status) -> RemotePart:
        """Return a status as a remote part."""
        # Some servers have no page for every status, but every status has a URL as its identifier.
        url = str(status.get("url") or status.get("uri") or "")
        identity = await self.known_identity()
        return RemotePart(kind=STATUS, id=str(status["id"]), url=url, address=self.place.address, identity=identity)

    async def ask(self, operation: Operation, asked: Asked | None = None) -> Any:
        """Send one request and return the JSON of its response; raises only `HandlerError`s."""
        return await self.client.ask(self._caller, operation, asked)

    def is_too_open(self, status: Status, wanted: Visibility) -> bool:
        """Return whether an edit has made a status too public; this is remembered for the instance."""
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
        """Send one request whose response is an object with an id."""
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
            await self.ask_me()  # raises if the token or a proxy is the cause
        return None  # no information, so the defaults apply: few instances have lower limits

    def _must_be_here(self, part: RemotePart) -> None:
        if part.address.removesuffix("/") not in ("", self.address):
            # Its instance must not receive this account's token.
            raise PermanentError(f"It was posted to another instance: remove it by hand ({part.url or part.id}).")
