"""The Telegram handler: what create, update and delete come to, message by message."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import DocumentHandler, DocumentJob, HandlerConfig, Place, PlaceChoice, RemotePart
from syncqueue.handlers.telegram.answers import Refusal, Refused
from syncqueue.handlers.telegram.channel import Channel, kind_of
from syncqueue.handlers.telegram.chats import find_chats
from syncqueue.handlers.telegram.client import TOKEN, TelegramClient
from syncqueue.handlers.telegram.render import RenderedMessage, notice, render, render_as, tidy

_Parts = Sequence[RemotePart]

# A public name, or the number of a chat (channels and supergroups: -100 and more digits).
ADDRESS = re.compile(r"@[A-Za-z][A-Za-z0-9_]{3,31}|-?[0-9]{1,20}")


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


def _is_thread(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)


# A destination's options, each with what it may hold.
OPTIONS: Mapping[str, Callable[[object], bool]] = {
    "silent": _is_switch,  # subscribers are not notified
    "link_preview": _is_switch,  # the first link is shown with a preview (default: yes)
    "link": _is_switch,  # the address of the object's own page is added to the message
    "thread_id": _is_thread,  # the topic of a forum group
}


class TelegramHandler(DocumentHandler):
    """Keeps a message in a channel, group or chat for each object.

    Telegram knows no idempotency key and lets a bot look nothing up, so a message whose answer was lost cannot
    be found again: `create` sends whatever `job.uncertain` says; ON_UNKNOWN_OUTCOME decides if it is called.
    """

    secret_fields: ClassVar[Mapping[str, Any]] = {"token": gettext_lazy("Bot token")}

    def __init__(self, config: HandlerConfig) -> None:
        """Read the options; raises `ConfigurationError`."""
        super().__init__(config)
        self._client = TelegramClient(config)

    async def create(self, job: DocumentJob) -> _Parts:
        """Send the document as a message."""
        message = _rendered(job)
        return [await self._channel(job).send(message)]

    async def update(self, job: DocumentJob) -> _Parts:
        """Edit the message; where Telegram cannot (another form, another chat, gone), replace it."""
        message = _rendered(job)
        part = await self._keep_one(job)
        if part is None:
            return [await self._channel(job).send(message)]
        if kind_of(part) == message.kind:
            return await self._edit(job, part, message)
        return await self._replace(job, part, message)

    async def delete(self, job: DocumentJob) -> None:
        """Delete the messages; one that Telegram keeps is emptied instead."""
        await self._remove(job, job.parts)

    async def check(self, place: Place) -> str:
        """Ask Telegram for the bot and the chat."""
        bot, chat = await Channel(self._client, place).describe()
        return _("%(bot)s sees “%(chat)s”.") % {"bot": bot, "chat": chat}

    async def places(self, secret: Mapping[str, str]) -> Sequence[PlaceChoice]:
        """The chats of the bot's news in which it may post."""
        return await find_chats(self._client, secret.get("token", ""))

    def endpoint(self, place: Place) -> str:
        """The Bot API's host, the same for all destinations."""
        return self._client.endpoint

    def clean(self, address: str, options: Mapping[str, Any], secret: Mapping[str, str]) -> None:
        """Check the form of address, options and token."""
        if not ADDRESS.fullmatch(address):
            raise ValueError(_("The address is a channel's @name or a chat's number, such as -1001234567890."))
        if not TOKEN.fullmatch(secret.get("token", "")):
            raise ValueError(_("The bot token has the form 123456789:AbC-dEf, as @BotFather shows it."))
        for name, value in options.items():
            if name not in OPTIONS:
                known = ", ".join(OPTIONS)
                raise ValueError(_("Unknown option “%(name)s”; known: %(known)s.") % {"name": name, "known": known})
            if not OPTIONS[name](value):
                raise ValueError(_("The option “%(name)s” has a wrong value.") % {"name": name})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _channel(self, job: DocumentJob) -> Channel:
        return Channel(self._client, job.place)

    async def _keep_one(self, job: DocumentJob) -> RemotePart | None:
        """The message to edit; others (posted elsewhere, or left over) are removed."""
        kept = next((part for part in job.parts if part.address in ("", job.place.address)), None)
        others = [part for part in job.parts if part is not kept]
        if others:
            await self._remove(job, others)
            await job.checkpoint([] if kept is None else [kept])
        return kept

    async def _edit(self, job: DocumentJob, part: RemotePart, message: RenderedMessage) -> _Parts:
        try:
            await self._channel(job).edit(part, message)
        except Refused as refused:
            if refused.why is not Refusal.GONE:
                raise
            await job.checkpoint([])
            return [await self._channel(job).send(_rendered(job))]
        return [part]

    async def _replace(self, job: DocumentJob, part: RemotePart, message: RenderedMessage) -> _Parts:
        """Text becomes a file or the other way round, which no edit can do."""
        try:
            await self._channel(job).delete(part)
        except Refused as refused:
            if refused.why is not Refusal.UNDELETABLE:
                raise
            # A second message beside one that stays public would be worse than an unfitting form.
            return await self._edit(job, part, render_as(kind_of(part), job.document, link=_wants_link(job)))
        await job.checkpoint([])
        return [await self._channel(job).send(message)]

    async def _remove(self, job: DocumentJob, parts: _Parts) -> None:
        """Take `parts` away one by one; what is left is stored before each further call."""
        remaining = list(job.parts)
        for number, part in enumerate(parts):
            if number:
                await job.checkpoint(remaining)
            await self._take_away(job, part)
            remaining.remove(part)

    async def _take_away(self, job: DocumentJob, part: RemotePart) -> None:
        try:
            await self._channel(job).delete(part)
        except Refused as refused:
            if refused.why is not Refusal.UNDELETABLE:
                raise
            await self._empty(job, part)

    async def _empty(self, job: DocumentJob, part: RemotePart) -> None:
        """Put a neutral line in the place of a message that Telegram will not delete (after 48 hours)."""
        try:
            await self._channel(job).edit(part, notice(kind_of(part), _("(removed)")))
        except Refused as refused:
            if refused.why is not Refusal.GONE:
                where = part.url or f"{part.address or job.place.address}, {part.id}"
                raise PermanentError(
                    f"Telegram neither deletes nor edits this message any more: remove it by hand ({where})."
                ) from None


def _wants_link(job: DocumentJob) -> bool:
    return bool(job.place.options.get("link", False))


def _rendered(job: DocumentJob) -> RenderedMessage:
    if not tidy(job.document.text).strip():
        raise PermanentError("The text is empty, and Telegram takes no empty messages.")
    return render(job.document, link=_wants_link(job))
