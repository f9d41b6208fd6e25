"""The text of a document as one message: sends, edits, replaces and deletes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.utils.translation import gettext as _

from syncqueue.core.errors import AddressMoved, DestinationBroken, HandlerError, PermanentError
from syncqueue.handlers.base import DocumentJob, HandlerConfig, RemotePart
from syncqueue.handlers.posts import wants_link
from syncqueue.handlers.telegram.answers import PlaceRefused, Refused
from syncqueue.handlers.telegram.channel import EXCERPT, Channel, kind_of
from syncqueue.handlers.telegram.chats import identify
from syncqueue.handlers.telegram.client import TelegramClient
from syncqueue.handlers.telegram.medium import is_medium, nothing_to_see
from syncqueue.handlers.telegram.memory import Memory
from syncqueue.handlers.telegram.recovery import Recovery, Verdict
from syncqueue.handlers.telegram.refusals import Refusal
from syncqueue.handlers.telegram.render import RenderedMessage, notice, render, render_as
from syncqueue.handlers.telegram.trace import messages_of
from syncqueue.outbound.threads import HandlerThreads

_Parts = Sequence[RemotePart]
BLANK = "The text has no visible content: it is empty, or consists of comments. Telegram accepts no empty messages."
TAKEN_AWAY = "The message that was there has been taken away."

# The form of a message that the refusal of an edit reveals.
FORMS: Mapping[Refusal, str] = {Refusal.NO_TEXT: "document", Refusal.NO_CAPTION: "text"}


class Messages:
    """Creates, edits and deletes messages so that one message shows a document's text."""

    def __init__(self, client: TelegramClient, config: HandlerConfig, memory: Memory, threads: HandlerThreads) -> None:
        """`threads`: for rendering."""
        self._client = client
        self._config = config
        self._memory = memory
        self._threads = threads

    def channel(self, job: DocumentJob) -> Channel:
        """Return the chat of a job."""
        return Channel(self._client, job.place)

    def recovery(self, job: DocumentJob) -> Recovery:
        """Return the recovery of a job's lost message."""
        return Recovery(self._client, self._config, self._memory, job)

    async def settle(self, job: DocumentJob) -> None:
        """Find messages whose response was lost; raises if a person or a later attempt must decide."""
        recovery = self.recovery(job)
        verdict = await recovery.settle()
        if verdict is Verdict.FOREIGN:
            raise await recovery.show()
        if verdict is Verdict.MISSING and self._config.hold_unknown:
            raise await recovery.wait()
        if verdict is Verdict.UNTOLD and recovery.is_there():
            job.twin_possible = True
            job.parts = tuple(messages_of(job.parts))
        elif verdict is Verdict.UNTOLD and not await recovery.may_repeat():
            raise recovery.untold()

    async def settle_and_show(self, job: DocumentJob, message: RenderedMessage) -> _Parts:
        """Find messages whose response was lost, and make one message show the document."""
        await self.settle(job)
        return await self.show(job, message)

    async def show(self, job: DocumentJob, message: RenderedMessage) -> _Parts:
        """Make one message show the document; returns its part."""
        part = await self._keep_one(job)
        if part is None:
            return await self.post(job, message)
        if part.kind == EXCERPT and message.kind == "document":
            message = await self._as_kind_of(job, part)
        if kind_of(part) == message.kind or not part.kind:
            return await self._edit(job, part, message)
        return await self._replace(job, part, message)

    async def post(self, job: DocumentJob, message: RenderedMessage, *, is_marked: bool = False) -> _Parts:
        """Send a message; if it was sent before and may exist too, search for it and keep the older one.

        `is_marked`: the trace of this message is stored already.
        """
        recovery = self.recovery(job)
        before = () if is_marked else job.parts
        has_trace = await recovery.begin(message.kind, is_marked=is_marked)
        try:
            part = await self._send(job, message, recovery)
        except HandlerError as error:
            raise (await recovery.failed(error, before) if has_trace else error) from None
        await recovery.sent([part], before)
        return [part] if job.parts == (part,) else await self.settle_and_show(job, message)

    async def _send(self, job: DocumentJob, message: RenderedMessage, recovery: Recovery) -> RemotePart:
        """Send a message; in a chat that accepts no files, the beginning of the text with a link to the rest."""
        try:
            return await self.channel(job).send(message)
        except Refused as refused:
            if refused.why is not Refusal.FORM or message.kind == "text":
                raise
            short = await self._threads.run(render_as, "text", job.document, link=True)
            if short.is_cut and not job.document.url:
                raise PermanentError(
                    f"{refused} The text is too long for a message, and there is no page to point to: allow the bot to "
                    "send files, or give the object an address (Document.url)."
                ) from None
        await recovery.begin(short.kind, is_marked=True)  # the refused file created nothing
        return await self.channel(job).send(short)

    async def _keep_one(self, job: DocumentJob) -> RemotePart | None:
        """Return the message to edit; others (posted elsewhere, or left over) are removed."""
        kept: RemotePart | None = None
        others = []
        for part in messages_of(job.parts):
            if kept is None and await self.is_here(job, part):
                kept = replace(part, address=job.place.address)
            else:
                others.append(part)
        for number, part in enumerate(others, 1):
            try:
                await self.channel(job).delete(part)
            except (Refused, AddressMoved, DestinationBroken) as reason:
                if kept is None and isinstance(reason, AddressMoved) and await self._is_place(job, reason.new_address):
                    kept = part  # it is visible above the messages of the supergroup, so it is edited there
                else:
                    await self._empty_instead(job, part, reason)
            await job.checkpoint([*([] if kept is None else [kept]), *others[number:]])
        return kept

    async def leave(self, job: DocumentJob, part: RemotePart) -> bool:
        """Delete a message in another chat; False: it stays in the history of the group that became this one."""
        try:
            await self.channel(job).delete(part)
        except (Refused, AddressMoved, DestinationBroken) as reason:
            if isinstance(reason, AddressMoved) and await self._is_place(job, reason.new_address):
                return False
            await self._empty_instead(job, part, reason)
        return True

    async def is_here(self, job: DocumentJob, part: RemotePart) -> bool:
        """Return whether a message is in the destination's chat, under any of its names."""
        if part.address in ("", job.place.address):
            return True
        return bool(part.identity) and await self._is_place(job, part.identity)

    async def _is_place(self, job: DocumentJob, number: str) -> bool:
        return number == await identify(self._client, job.place)

    async def _edit(
        self, job: DocumentJob, part: RemotePart, message: RenderedMessage, *, may_be_another: bool = True
    ) -> _Parts:
        """Edit a message. `may_be_another`: its part may have the wrong form, as that of an adopted message."""
        try:
            return [await self.channel(job).edit(part, message)]
        except Refused as refused:
            if may_be_another and refused.why in FORMS:
                return await self._replace(job, replace(part, kind=FORMS[refused.why]), message)
            if refused.why is not Refusal.GONE:
                raise
        await job.checkpoint([])
        return await self.post(job, await self.rendered(job))

    async def _replace(self, job: DocumentJob, part: RemotePart, message: RenderedMessage) -> _Parts:
        """Replace a text by a file or a file by a text, which an edit cannot do."""
        try:
            await self.channel(job).delete(part)
        except (Refused, AddressMoved) as reason:
            if not _is_kept(reason):
                raise
            # A second message next to one that stays public would be worse than a message in an unsuitable form.
            return await self._edit(job, part, await self._as_kind_of(job, part), may_be_another=False)
        await job.checkpoint([])
        return await self.post(job, message)

    async def _as_kind_of(self, job: DocumentJob, part: RemotePart) -> RenderedMessage:
        """Return the document in the form that a message already has."""
        return await self._threads.run(render_as, kind_of(part), job.document, link=wants_link(job.place))

    async def rendered(self, job: DocumentJob) -> RenderedMessage:
        """Return the document as a message. Raises `PermanentError` if nothing is visible."""
        message = await self._threads.run(render, job.document, link=wants_link(job.place))
        if message.is_blank:
            raise PermanentError(BLANK)
        return message

    async def take_away(self, job: DocumentJob, part: RemotePart) -> None:
        """Delete a message; a message that cannot be deleted is emptied instead."""
        try:
            await self.channel(job).delete(part)
        except (Refused, AddressMoved, DestinationBroken) as reason:
            await self._empty_instead(job, part, reason)

    async def _empty_instead(self, job: DocumentJob, part: RemotePart, reason: Exception) -> None:
        """Replace the content of a message that cannot be deleted by a neutral line; raise any other `reason`."""
        if isinstance(reason, PlaceRefused) and not await self.is_here(job, part):
            raise _by_hand(job, part) from None  # an earlier chat of the destination, which the bot has left
        if not _is_kept(reason):
            raise reason
        try:
            await self._blank(job, part)
        except Refused as refused:
            if refused.why is not Refusal.GONE:
                raise _by_hand(job, part) from None
        except PlaceRefused:
            if await self.is_here(job, part):
                raise
            raise _by_hand(job, part) from None

    async def _blank(self, job: DocumentJob, part: RemotePart) -> None:
        if is_medium(part):
            await self.channel(job).edit_medium(
                part, nothing_to_see(part, _("(removed)")), notice("text", _("(removed)"))
            )
            return
        try:
            await self.channel(job).edit(part, notice(kind_of(part), _("(removed)")))
        except Refused as refused:
            if refused.why not in FORMS:
                raise
            other = replace(part, kind=FORMS[refused.why])
            await self.channel(job).edit(other, notice(kind_of(other), _("(removed)")))


def _is_kept(reason: Exception) -> bool:
    """Return whether a message cannot be deleted: it is too old, or in the history of a group that was upgraded."""
    return isinstance(reason, AddressMoved) or (isinstance(reason, Refused) and reason.why is Refusal.UNDELETABLE)


def _by_hand(job: DocumentJob, part: RemotePart) -> PermanentError:
    where = part.url or f"{part.address or job.place.address}, {part.id}"
    return PermanentError(f"Telegram neither deletes nor edits this message any more: remove it by hand ({where}).")
