"""The Telegram handler."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncqueue.core.errors import AddressMoved, DestinationBroken, PermanentError
from syncqueue.handlers.base import (
    CopyState,
    Document,
    DocumentHandler,
    DocumentJob,
    HandlerConfig,
    Place,
    PlaceChoice,
    PreviewPart,
    RemotePart,
)
from syncqueue.handlers.media_reader import MediaReader
from syncqueue.handlers.options import Option
from syncqueue.handlers.posts import wants_link
from syncqueue.handlers.telegram.channel import kind_of, message_id
from syncqueue.handlers.telegram.chats import find_chats, identify
from syncqueue.handlers.telegram.client import LEAST_ATTEMPT_SECONDS, TOKEN, TelegramClient
from syncqueue.handlers.telegram.gallery import Gallery
from syncqueue.handlers.telegram.medium import is_medium
from syncqueue.handlers.telegram.memory import Memory
from syncqueue.handlers.telegram.message import BLANK, TAKEN_AWAY, Messages
from syncqueue.handlers.telegram.options import OPTIONS
from syncqueue.handlers.telegram.previewing import previewed
from syncqueue.handlers.telegram.probe import Sight, look
from syncqueue.handlers.telegram.recovery import Verdict
from syncqueue.handlers.telegram.render import render
from syncqueue.handlers.telegram.rights import standing
from syncqueue.handlers.telegram.trace import messages_of, split
from syncqueue.handlers.telegram.wanted import has_media
from syncqueue.outbound.threads import HandlerThreads

_Parts = Sequence[RemotePart]
_LEFT = (
    "A copy may be left at %(place)s (%(address)s): the answer to its creation was lost, and it is not wanted any "
    "more. %(why)s Look there, remove it by hand, then delete this task."
)

_MEMBERS_LINK = "https://t.me/c/"
_SIGHTS = {"text": Sight.OURS_TEXT, "document": Sight.OURS_FILE}
# A public name, or the id of a chat (channels and supergroups: -100 and more digits).
ADDRESS = re.compile(r"@[A-Za-z][A-Za-z0-9_]{3,31}|-?[0-9]{1,20}")


class TelegramHandler(DocumentHandler):
    """Keeps a message in a channel, group or chat for each object.

    Telegram has no idempotency keys, and a bot cannot read messages. So a trace is stored before a message is sent;
    after a lost response the next attempt searches for the message with a probe that changes nothing (`recovery`).
    If there is no trace, or the search has no result, ON_UNKNOWN_OUTCOME decides whether it is sent again.
    """

    default_kind: ClassVar[str] = ""  # text or file: the first edit shows which
    secret_fields: ClassVar[Mapping[str, Any]] = {"token": gettext_lazy("Bot token")}
    option_fields: ClassVar[Mapping[str, Option]] = OPTIONS
    least_attempt_seconds: ClassVar[float] = LEAST_ATTEMPT_SECONDS
    # A probe counts as an edit: a channel accepts about 20 a minute, and more than half of them stay free for posts.
    read_pause_seconds: ClassVar[float] = 6.0

    def __init__(self, config: HandlerConfig) -> None:
        """Read the options; raises `ConfigurationError`."""
        super().__init__(config)
        self._client = TelegramClient(config)
        self._threads = HandlerThreads(config.service)  # for rendering, which would block the event loop
        self._memory = Memory()
        self._messages = Messages(self._client, config, self._memory, self._threads)
        self._reader = MediaReader(config.outbound(public_only=True), self._threads)
        self._gallery = Gallery(self._messages, self._reader, self._threads, config.attempt_timeout_seconds)

    async def create(self, job: DocumentJob) -> _Parts:
        """Send the document as a message, or with its media as several."""
        if has_media(job.document, job.place):
            return await self._gallery.show(job, is_marked=True)
        try:
            message = await self._messages.rendered(job)
        except PermanentError:
            await job.checkpoint([])  # nothing was sent, so there is nothing to find
            raise
        return await self._messages.post(job, message, is_marked=True)

    async def trace(self, job: DocumentJob) -> RemotePart | None:
        """Return what `recovery` needs to find the message if its response is lost."""
        return await self._messages.recovery(job).trace()

    async def update(self, job: DocumentJob) -> _Parts:
        """Edit the messages; replace those that cannot be edited (another form, another chat, gone).

        If the new text is invisible, the message is deleted, because its present content is not wanted any more.
        """
        if has_media(job.document, job.place):
            return await self._gallery.show(job)
        message = await self._threads.run(render, job.document, link=wants_link(job.place))
        if message.is_blank:
            await self.delete(job)
            await job.checkpoint([])
            raise PermanentError(f"{BLANK} {TAKEN_AWAY}")
        await self._messages.settle(job)
        if any(map(is_medium, messages_of(job.parts))):
            return await self._gallery.show(job)  # they are not wanted any more
        return await self._messages.show(job, message)

    async def delete(self, job: DocumentJob) -> None:
        """Delete the messages; a message that cannot be deleted is emptied instead."""
        recovery = self._messages.recovery(job)
        verdict = await recovery.settle()
        remaining, trace = split(job.parts)
        left = [] if verdict is Verdict.SETTLED or trace is None else [trace]
        for number, part in enumerate(list(remaining)):
            if number:
                await job.checkpoint([*remaining, *left])
            await self._messages.take_away(job, part)
            remaining.remove(part)
        if verdict is Verdict.MISSING:
            raise await recovery.wait()
        if left:
            await job.checkpoint(left)
            why = f"{recovery.why} It may be: {recovery.links}." if recovery.links else recovery.why
            raise PermanentError(_LEFT % {"place": job.place.name, "address": job.place.address, "why": why})

    async def check(self, place: Place) -> str:
        """Check the bot, the chat, and the bot's rights there."""
        token = place.secret.get("token", "")
        bot = await self._client.call(token, lambda bot: bot.get_me())
        found = await standing(self._client, token, place.address)
        if found.missing:
            raise DestinationBroken(found.missing)
        names = {"bot": f"@{bot.username}", "chat": found.title}
        if not found.may_send_files:
            return _("%(bot)s may post texts to “%(chat)s”, but no files: long texts are cut.") % names
        return _("%(bot)s may post to “%(chat)s”.") % names

    async def identify(self, place: Place) -> str:
        """Return the chat's id, which stays when the chat is renamed."""
        return await identify(self._client, place)

    async def read(self, jobs: Sequence[DocumentJob]) -> Sequence[CopyState | Exception]:
        """Probe the messages. Telegram reveals their form, but not their content."""
        states: list[CopyState | Exception] = []
        for job in jobs:
            try:
                states.append(await self._look(job))
            except (PermanentError, AddressMoved) as error:
                states.append(error)
        return states

    async def _look(self, job: DocumentJob) -> CopyState:
        parts = messages_of(job.parts)
        sights = [await self._sight(job, part) for part in parts]
        if job.step == "delete":
            return CopyState.THERE if any(sight is not Sight.GONE for sight in sights) else CopyState.GONE
        if Sight.GONE in sights:
            return CopyState.GONE
        is_right = all(
            not part.kind or sight is _SIGHTS[kind_of(part)] for part, sight in zip(parts, sights, strict=True)
        )
        return CopyState.THERE if is_right else CopyState.OTHER

    async def _sight(self, job: DocumentJob, part: RemotePart) -> Sight:
        """Return the state of a message. Raises `PermanentError` if its id belongs to a message of others."""
        chat, token = self._messages.channel(job).chat_of(part), job.place.secret.get("token", "")
        sight = await look(self._client, token, chat, message_id(part))
        if sight in (Sight.NOT_OURS, Sight.UNKNOWN):
            raise PermanentError(
                f"What stands at the number {part.id} in {job.place.name} is not the bot's own: {sight}."
            )
        return sight

    async def preview(self, document: Document, place: Place) -> Sequence[PreviewPart]:
        """Return the message: a text, a file with a caption, or media with captions."""
        return await self._threads.run(previewed, document, place, self._reader.may_fetch)

    def is_public(self, document: Document, place: Place, part: RemotePart) -> bool:
        """Return False also for chats without a public name: only members can open their links."""
        return super().is_public(document, place, part) and not part.url.startswith(_MEMBERS_LINK)

    async def places(self, secret: Mapping[str, str]) -> Sequence[PlaceChoice]:
        """Return the chats of the bot's updates in which it may post."""
        return await find_chats(self._client, secret.get("token", ""))

    def endpoint(self, place: Place) -> str:
        """Return the host of the Bot API, the same for all destinations."""
        return self._client.endpoint

    def clean(self, address: str, options: Mapping[str, Any], secret: Mapping[str, str]) -> None:
        """Validate address and token."""
        if not ADDRESS.fullmatch(address):
            raise ValueError(_("The address is a channel's @name or a chat's number, such as -1001234567890."))
        if not TOKEN.fullmatch(secret.get("token", "")):
            raise ValueError(_("The bot token has the form 123456789:AbC-dEf, as @BotFather shows it."))

    async def aclose(self) -> None:
        """Close the connections."""
        self._threads.close()
        self._reader.close()
        await self._client.aclose()

    def is_small(self, document: Document, place: Place) -> bool:
        """Return False also for documents with media, which are loaded into memory."""
        return super().is_small(document, place) and not has_media(document, place)
