"""The Telegram handler: what create, update and delete come to, message by message."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncqueue.core.errors import AddressMoved, DestinationBroken, HandlerError, PermanentError
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
from syncqueue.handlers.options import Option
from syncqueue.handlers.telegram.answers import PlaceRefused, Refused
from syncqueue.handlers.telegram.channel import EXCERPT, Channel, kind_of, message_id
from syncqueue.handlers.telegram.chats import find_chats
from syncqueue.handlers.telegram.client import LEAST_ATTEMPT_SECONDS, TOKEN, TelegramClient
from syncqueue.handlers.telegram.composing import utf16_len
from syncqueue.handlers.telegram.memory import Memory
from syncqueue.handlers.telegram.probe import Sight, look
from syncqueue.handlers.telegram.recovery import Recovery, Verdict
from syncqueue.handlers.telegram.refusals import Refusal
from syncqueue.handlers.telegram.render import CAPTION_LIMIT, TEXT_LIMIT, RenderedMessage, notice, render, render_as
from syncqueue.handlers.telegram.rights import standing
from syncqueue.handlers.telegram.trace import messages_of, split
from syncqueue.outbound.threads import HandlerThreads

_Parts = Sequence[RemotePart]
_BLANK = "Nothing of the text can be seen: it is empty, or all of it is comments. Telegram takes no empty messages."
_LEFT = (
    "A copy may be left at %(place)s (%(address)s): the answer to its creation was lost, and it is not wanted any "
    "more. %(why)s Look there, remove it by hand, then delete this task."
)

_MEMBERS_LINK = "https://t.me/c/"
_SIGHTS = {"text": Sight.OURS_TEXT, "document": Sight.OURS_FILE}
# What a refused edit says of the message's form.
_FORMS: Mapping[Refusal, str] = {Refusal.NO_TEXT: "document", Refusal.NO_CAPTION: "text"}

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
    "find_lost": _is_switch,  # a message whose answer was lost is looked for (default: yes)
    "sole_poster": _is_switch,  # only this site posts with this bot there (default: yes), so what is found is its own
}


class TelegramHandler(DocumentHandler):
    """Keeps a message in a channel, group or chat for each object.

    Telegram knows no idempotency key and lets a bot read nothing. So a trace is stored before a message is sent; after
    a lost answer the next attempt looks for the message by a probe that changes nothing (see `recovery`). Where there
    is no trace, or nobody can tell, ON_UNKNOWN_OUTCOME decides whether it is sent again.
    """

    default_kind: ClassVar[str] = ""  # text or file: the first edit tells
    secret_fields: ClassVar[Mapping[str, Any]] = {"token": gettext_lazy("Bot token")}
    option_fields: ClassVar[Mapping[str, Option]] = {
        "silent": Option(
            kind="switch",
            label=gettext_lazy("Silent"),
            default=False,
            help_text=gettext_lazy("Subscribers are not notified."),
        ),
        "link_preview": Option(
            kind="switch",
            label=gettext_lazy("Link preview"),
            default=True,
            help_text=gettext_lazy("The first link is shown with a preview."),
        ),
        "link": Option(
            kind="switch",
            label=gettext_lazy("Link to the page"),
            default=False,
            help_text=gettext_lazy("The address of the object's own page is added."),
        ),
        "thread_id": Option(
            kind="number",
            label=gettext_lazy("Topic"),
            help_text=gettext_lazy("The number of a topic of a forum group."),
        ),
        "find_lost": Option(
            kind="switch",
            label=gettext_lazy("Find lost messages"),
            default=True,
            help_text=gettext_lazy("A message whose answer was lost is looked for."),
        ),
        "sole_poster": Option(
            kind="switch",
            label=gettext_lazy("Sole poster"),
            default=True,
            help_text=gettext_lazy("Only this site posts with this bot there, so what is found is its own."),
        ),
    }
    least_attempt_seconds: ClassVar[float] = LEAST_ATTEMPT_SECONDS
    # A probe counts as an edit: of the about 20 that a channel takes in a minute, more than half are left for posts.
    read_pause_seconds: ClassVar[float] = 6.0

    def __init__(self, config: HandlerConfig) -> None:
        """Read the options; raises `ConfigurationError`."""
        super().__init__(config)
        self._client = TelegramClient(config)
        self._threads = HandlerThreads(config.service)  # for rendering, which would keep the event loop
        self._memory = Memory()

    async def create(self, job: DocumentJob) -> _Parts:
        """Send the document as a message."""
        try:
            message = await self._rendered(job)
        except PermanentError:
            await job.checkpoint([])  # nothing is sent, so there is nothing to look for
            raise
        return await self._post(job, message, is_marked=True)

    async def trace(self, job: DocumentJob) -> RemotePart | None:
        """What `recovery` needs to find the message, should its answer be lost."""
        return await self._recovery(job).trace()

    async def update(self, job: DocumentJob) -> _Parts:
        """Edit the message; where Telegram cannot (another form, another chat, gone), replace it.

        Where nothing of the new text can be seen, the message goes, because what it shows is not wanted any more.
        """
        message = await self._threads.run(render, job.document, link=wants_link(job.place))
        if message.is_blank:
            await self.delete(job)
            await job.checkpoint([])
            raise PermanentError(f"{_BLANK} The message that was there has been taken away.")
        return await self._settle_and_show(job, message)

    async def delete(self, job: DocumentJob) -> None:
        """Delete the messages; one that Telegram keeps is emptied instead."""
        recovery = self._recovery(job)
        verdict = await recovery.settle()
        remaining, trace = split(job.parts)
        left = [] if verdict is Verdict.SETTLED or trace is None else [trace]
        for number, part in enumerate(list(remaining)):
            if number:
                await job.checkpoint([*remaining, *left])
            await self._take_away(job, part)
            remaining.remove(part)
        if verdict is Verdict.MISSING:
            raise await recovery.wait()
        if left:
            await job.checkpoint(left)
            why = f"{recovery.why} It may be: {recovery.links}." if recovery.links else recovery.why
            raise PermanentError(_LEFT % {"place": job.place.name, "address": job.place.address, "why": why})

    async def check(self, place: Place) -> str:
        """Ask Telegram for the bot, the chat, and what the bot may do there."""
        token = place.secret.get("token", "")
        bot = await self._client.call(token, lambda bot: bot.get_me())
        found = await standing(self._client, token, place.address)
        if found.missing:
            raise DestinationBroken(found.missing)
        names = {"bot": f"@{bot.username}", "chat": found.title}
        if not found.may_send_files:
            return _("%(bot)s sees “%(chat)s” and may post texts there, but no files: long ones are cut.") % names
        return _("%(bot)s sees “%(chat)s” and may post there.") % names

    async def identify(self, place: Place) -> str:
        """The chat's number, which stays when it is given another name."""
        if not place.address.startswith("@"):
            return str(int(place.address))
        chat = await self._client.call(place.secret.get("token", ""), lambda bot: bot.get_chat(place.address))
        return str(chat.id)

    async def read(self, jobs: Sequence[DocumentJob]) -> Sequence[CopyState | Exception]:
        """Look at the numbers of the messages. Telegram tells their form, but not what they show."""
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
        """What stands at a message's number. Raises `PermanentError` where that is no message of the bot."""
        chat, token = self._channel(job).chat_of(part), job.place.secret.get("token", "")
        sight = await look(self._client, token, chat, message_id(part))
        if sight in (Sight.NOT_OURS, Sight.UNKNOWN):
            raise PermanentError(
                f"What stands at the number {part.id} in {job.place.name} is not the bot's own: {sight}."
            )
        return sight

    async def preview(self, document: Document, place: Place) -> Sequence[PreviewPart]:
        """Return the message: a text, or a file with a caption."""
        message = await self._threads.run(render, document, link=wants_link(place))
        if message.is_blank:
            raise PermanentError(_BLANK)
        is_file = message.kind == "document"
        return [
            PreviewPart(
                kind=message.kind,
                text=message.text,
                length=utf16_len(message.text),
                limit=CAPTION_LIMIT if is_file else TEXT_LIMIT,
                file_name=message.file_name,
                file_text=message.file_bytes.decode(),
            )
        ]

    def is_public(self, document: Document, place: Place, part: RemotePart) -> bool:
        """Return False also for chats without a public name, whose links members alone can open."""
        return super().is_public(document, place, part) and not part.url.startswith(_MEMBERS_LINK)

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
        self._threads.close()
        await self._client.aclose()

    def _channel(self, job: DocumentJob) -> Channel:
        return Channel(self._client, job.place)

    def _recovery(self, job: DocumentJob) -> Recovery:
        return Recovery(self._client, self.config, self._memory, job)

    async def _settle_and_show(self, job: DocumentJob, message: RenderedMessage) -> _Parts:
        """Find what was sent without an answer, and make one message show the document."""
        recovery = self._recovery(job)
        verdict = await recovery.settle()
        messages = tuple(messages_of(job.parts))
        if verdict is Verdict.FOREIGN:
            raise await recovery.show()
        if verdict is Verdict.MISSING and self.config.hold_unknown:
            raise await recovery.wait()
        if verdict is Verdict.UNTOLD and messages:
            job.twin_possible = True
            job.parts = messages
        elif verdict is Verdict.UNTOLD and not await recovery.may_repeat():
            raise recovery.untold()
        return await self._show(job, message)

    async def _show(self, job: DocumentJob, message: RenderedMessage) -> _Parts:
        part = await self._keep_one(job)
        if part is None:
            return await self._post(job, message)
        if part.kind == EXCERPT and message.kind == "document":
            message = await self._as_kind_of(job, part)
        if kind_of(part) == message.kind or not part.kind:
            return await self._edit(job, part, message)
        return await self._replace(job, part, message)

    async def _post(self, job: DocumentJob, message: RenderedMessage, *, is_marked: bool = False) -> _Parts:
        """Send a message; where it was sent before and may be there too, look, and keep the older one.

        `is_marked`: the trace of this very message is stored already.
        """
        recovery = self._recovery(job)
        before = () if is_marked else job.parts
        has_trace = await recovery.begin(message.kind, is_marked=is_marked)
        try:
            part = await self._send(job, message, recovery)
        except HandlerError as error:
            raise (await recovery.failed(error, before) if has_trace else error) from None
        await recovery.sent(part, before)
        return [part] if job.parts == (part,) else await self._settle_and_show(job, message)

    async def _send(self, job: DocumentJob, message: RenderedMessage, recovery: Recovery) -> RemotePart:
        """Send a message; in a chat that takes no files, the beginning of the text with the link to the rest."""
        try:
            return await self._channel(job).send(message)
        except Refused as refused:
            if refused.why is not Refusal.FORM or message.kind == "text":
                raise
            short = await self._threads.run(render_as, "text", job.document, link=True)
            if short.is_cut and not job.document.url:
                raise PermanentError(
                    f"{refused} The text is too long for a message, and there is no page to point to: allow the bot to "
                    "send files, or give the object an address (Document.url)."
                ) from None
        await recovery.begin(short.kind, is_marked=True)  # of the refused file nothing is there
        return await self._channel(job).send(short)

    async def _keep_one(self, job: DocumentJob) -> RemotePart | None:
        """The message to edit; others (posted elsewhere, or left over) are removed."""
        kept: RemotePart | None = None
        others = []
        for part in messages_of(job.parts):
            if kept is None and await self._is_here(job, part):
                kept = replace(part, address=job.place.address)
            else:
                others.append(part)
        for number, part in enumerate(others, 1):
            try:
                await self._channel(job).delete(part)
            except (Refused, AddressMoved, DestinationBroken) as reason:
                if kept is None and isinstance(reason, AddressMoved) and await self._is_place(job, reason.new_address):
                    kept = part  # people read it above what the supergroup holds: it is edited there
                else:
                    await self._empty_instead(job, part, reason)
            await job.checkpoint([*([] if kept is None else [kept]), *others[number:]])
        return kept

    async def _is_here(self, job: DocumentJob, part: RemotePart) -> bool:
        """Whether a message is in the destination's chat, under whatever name that had."""
        if part.address in ("", job.place.address):
            return True
        return bool(part.identity) and await self._is_place(job, part.identity)

    async def _is_place(self, job: DocumentJob, number: str) -> bool:
        return number == await self.identify(job.place)

    async def _edit(
        self, job: DocumentJob, part: RemotePart, message: RenderedMessage, *, may_be_another: bool = True
    ) -> _Parts:
        """Edit a message. `may_be_another`: its part may be wrong about its form, as that of an adopted one."""
        try:
            return [await self._channel(job).edit(part, message)]
        except Refused as refused:
            if may_be_another and refused.why in _FORMS:
                return await self._replace(job, replace(part, kind=_FORMS[refused.why]), message)
            if refused.why is not Refusal.GONE:
                raise
        await job.checkpoint([])
        return await self._post(job, await self._rendered(job))

    async def _replace(self, job: DocumentJob, part: RemotePart, message: RenderedMessage) -> _Parts:
        """Text becomes a file or the other way round, which no edit can do."""
        try:
            await self._channel(job).delete(part)
        except (Refused, AddressMoved) as reason:
            if not _is_kept(reason):
                raise
            # A second message beside one that stays public would be worse than an unfitting form.
            return await self._edit(job, part, await self._as_kind_of(job, part), may_be_another=False)
        await job.checkpoint([])
        return await self._post(job, message)

    async def _as_kind_of(self, job: DocumentJob, part: RemotePart) -> RenderedMessage:
        """The document in the form that a message has already."""
        return await self._threads.run(render_as, kind_of(part), job.document, link=wants_link(job.place))

    async def _rendered(self, job: DocumentJob) -> RenderedMessage:
        message = await self._threads.run(render, job.document, link=wants_link(job.place))
        if message.is_blank:
            raise PermanentError(_BLANK)
        return message

    async def _take_away(self, job: DocumentJob, part: RemotePart) -> None:
        try:
            await self._channel(job).delete(part)
        except (Refused, AddressMoved, DestinationBroken) as reason:
            await self._empty_instead(job, part, reason)

    async def _empty_instead(self, job: DocumentJob, part: RemotePart, reason: Exception) -> None:
        """Put a neutral line in the place of a message that Telegram will not delete; raise any other `reason`."""
        if isinstance(reason, PlaceRefused) and not await self._is_here(job, part):
            raise _by_hand(job, part) from None  # an earlier chat of the destination, which the bot has left
        if not _is_kept(reason):
            raise reason
        try:
            await self._blank(job, part)
        except Refused as refused:
            if refused.why is not Refusal.GONE:
                raise _by_hand(job, part) from None
        except PlaceRefused:
            if await self._is_here(job, part):
                raise
            raise _by_hand(job, part) from None

    async def _blank(self, job: DocumentJob, part: RemotePart) -> None:
        try:
            await self._channel(job).edit(part, notice(kind_of(part), _("(removed)")))
        except Refused as refused:
            if refused.why not in _FORMS:
                raise
            other = replace(part, kind=_FORMS[refused.why])
            await self._channel(job).edit(other, notice(kind_of(other), _("(removed)")))


def _is_kept(reason: Exception) -> bool:
    """Whether Telegram keeps a message for good: it is too old, or in the history of a group that was upgraded."""
    return isinstance(reason, AddressMoved) or (isinstance(reason, Refused) and reason.why is Refusal.UNDELETABLE)


def _by_hand(job: DocumentJob, part: RemotePart) -> PermanentError:
    where = part.url or f"{part.address or job.place.address}, {part.id}"
    return PermanentError(f"Telegram neither deletes nor edits this message any more: remove it by hand ({where}).")


def wants_link(place: Place) -> bool:
    """Whether the address of the object's own page is to stand at the end of its message."""
    return bool(place.options.get("link", False))
