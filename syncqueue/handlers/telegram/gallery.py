"""A document with pictures or other media: one message or an album with the text as its caption, or below the text.

A caption has 1,024 characters. A longer text is sent first, as a separate message, and the media in reply to it: so
it can be read and edited in place, unlike a text file, and the media are where readers look for them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from syncqueue.core.errors import HandlerError, PermanentError, RetryLater
from syncqueue.handlers.base import Document, DocumentJob, RemotePart
from syncqueue.handlers.media import Media
from syncqueue.handlers.media_reader import MediaReader
from syncqueue.handlers.posts import wants_link
from syncqueue.handlers.telegram.answers import Refused
from syncqueue.handlers.telegram.channel import message_id
from syncqueue.handlers.telegram.loading import Loader
from syncqueue.handlers.telegram.medium import Medium, digest, digest_of, is_medium, is_one_album
from syncqueue.handlers.telegram.message import BLANK, TAKEN_AWAY, Messages
from syncqueue.handlers.telegram.refusals import Refusal
from syncqueue.handlers.telegram.render import RenderedMessage, render, render_caption
from syncqueue.handlers.telegram.trace import Trace, messages_of, split
from syncqueue.handlers.telegram.wanted import Wanted, text_beside, wanted_of
from syncqueue.outbound.threads import HandlerThreads

logger = logging.getLogger("syncqueue.telegram")

_Parts = Sequence[RemotePart]
_NO_CAPTION = RenderedMessage(kind="document", text="")
# How often a job may find that the chat differs from its record. Each time something was removed or found.
_MOST_STARTS = 5
# After such a refusal, the text can be sent without media.
_ABOUT_MEDIA = frozenset({Refusal.FORM, Refusal.CONTENT})
# After such a refusal of an edit, the messages must be replaced.
_TO_BE_REPLACED = frozenset({Refusal.GONE, Refusal.ALBUM, Refusal.NO_CAPTION, Refusal.CONTENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The assignment of text and media to messages."""

    document: Document  # with the links of what cannot be shown
    message: RenderedMessage | None  # the text as a separate message
    caption: RenderedMessage  # or as the caption of the first medium
    texts: tuple[RemotePart, ...]  # existing messages with the text
    places: tuple[tuple[RemotePart | None, Media], ...]  # each medium, with the message that will show it
    surplus: tuple[RemotePart, ...]  # messages that are not wanted any more

    @property
    def to_load(self) -> list[Media]:
        """Return the media that no message shows yet."""
        return [media for part, media in self.places if part is None or digest_of(part) != digest(media)]


class Gallery:
    """Creates, edits and deletes messages so that they show a document's text and media."""

    def __init__(
        self, messages: Messages, reader: MediaReader, threads: HandlerThreads, attempt_seconds: float
    ) -> None:
        """`messages`: for a text that is a separate message."""
        self._messages = messages
        self._reader = reader
        self._threads = threads
        self._attempt_seconds = attempt_seconds

    async def show(self, job: DocumentJob, *, is_marked: bool = False) -> _Parts:
        """Send text and media; returns their parts. `is_marked`: nothing was sent before, and a trace is stored."""
        are_refused = False  # the chat accepts no media, or Telegram refuses these
        for _ in range(_MOST_STARTS):
            try:
                if await self._try(job, is_marked=is_marked, without=are_refused):
                    return messages_of(job.parts)
            except Refused as refused:
                if refused.why not in _ABOUT_MEDIA or are_refused:
                    raise
                logger.warning("The media of %s stay links: %s", job.key, refused)
                are_refused = True
            is_marked = False
        raise RetryLater("The messages change while they are edited.")

    async def _try(self, job: DocumentJob, *, is_marked: bool, without: bool) -> bool:
        """Return whether everything is shown now; False: the record differed from the chat and was corrected."""
        if not is_marked:
            await self._messages.settle(job)
            await self._leave_other_chats(job)
        async with Loader(self._reader, self._attempt_seconds) as loader:
            try:
                plan = await self._plan(job, loader, without=without)
            except HandlerError:
                if is_marked:
                    await job.checkpoint([])  # nothing was sent, so there is nothing to find
                raise
            loader.shrink()
            return await self._carry_out(job, plan, loader, is_marked=is_marked)

    async def _leave_other_chats(self, job: DocumentJob) -> None:
        messages, trace = split(job.parts)
        rest = [trace] if trace is not None else []
        kept: list[RemotePart] = []
        for number, part in enumerate(messages, 1):
            if await self._messages.is_here(job, part):
                kept.append(replace(part, address=job.place.address))
            elif not await self._messages.leave(job, part):
                kept.append(part)
            else:
                await job.checkpoint([*kept, *messages[number:], *rest])
        job.parts = (*kept, *rest)

    # The plan

    async def _plan(self, job: DocumentJob, loader: Loader, *, without: bool) -> Plan:
        """Assign the media to messages, after the necessary ones were loaded."""
        wanted = await self._threads.run(wanted_of, job.document, job.place, self._reader.may_fetch)
        failed = list(wanted.shown) if without else []
        while True:
            plan = await self._threads.run(_arranged, job, wanted.without(failed))
            missing = [media for media in plan.to_load if not loader.has(media)]
            if not missing:
                break
            await loader.load(missing)
            failed += [media for media in missing if loader.has_failed(media)]
        if plan.message is not None and plan.message.is_blank and not plan.places:
            if failed:
                raise RetryLater("None of its pictures can be loaded, and it has no text.")
            raise await self._nothing_to_show(job)
        return plan

    async def _nothing_to_show(self, job: DocumentJob) -> PermanentError:
        """Return the error if nothing is visible; existing messages are removed, because they are not wanted now."""
        messages = messages_of(job.parts)
        await self._take_away(job, messages)
        return PermanentError(f"{BLANK} {TAKEN_AWAY}" if messages else BLANK)

    async def _carry_out(self, job: DocumentJob, plan: Plan, loader: Loader, *, is_marked: bool) -> bool:
        await self._take_away(job, plan.surplus)
        places = list(plan.places)
        if plan.message is None:
            await self._take_away(job, plan.texts)
        else:
            await self._show_text(job, plan.document, plan.message, is_marked=is_marked)
            is_marked = False
            if any(part is not None and message_id(part) < _first_number(job) for part, _ in places):
                return False  # the text was sent again, so it is below its media
        if not places:
            return True
        if any(part is None for part, _ in places):
            media = [loader.get(one) for _, one in places]
            return await self._send(job, media, plan, is_marked=is_marked)
        return await self._edit(job, plan, loader)

    async def _take_away(self, job: DocumentJob, parts: _Parts) -> None:
        for part in parts:
            await self._messages.take_away(job, part)
            await job.checkpoint([one for one in job.parts if one.id != part.id])

    async def _show_text(
        self, job: DocumentJob, document: Document, message: RenderedMessage, *, is_marked: bool
    ) -> None:
        """Make a message show the text, independently of the media."""
        messages, trace = split(job.parts)
        rest: list[RemotePart] = [part for part in messages if is_medium(part)]
        texts: list[RemotePart] = [part for part in messages if not is_medium(part)]
        if trace is not None:
            (rest if _is_of_media(trace) else texts).append(trace)
        inner = _part_of(job, document, texts, rest)
        try:
            if is_marked:
                shown = await self._messages.post(inner, message, is_marked=True)
            else:
                shown = await self._messages.show(inner, message)
        finally:
            job.twin_possible |= inner.twin_possible
        await job.checkpoint([*shown, *rest])

    async def _send(self, job: DocumentJob, media: list[Medium], plan: Plan, *, is_marked: bool) -> bool:
        """Send all media in one request; as files, if Telegram does not accept them as photos or videos."""
        channel, recovery = self._messages.channel(job), self._messages.recovery(job)
        texts = [part for part in messages_of(job.parts) if not is_medium(part)]
        reply_to = message_id(texts[0]) if texts else None
        if not is_one_album(media):
            media = [medium.as_file() for medium in media]
        before = () if is_marked else job.parts
        has_trace = await recovery.begin("document", forms=_kinds(media), is_marked=is_marked)
        try:
            try:
                parts = await channel.send_media(media, plan.caption, reply_to)
            except Refused as refused:
                if refused.why is not Refusal.CONTENT or all(medium.form == "file" for medium in media):
                    raise
                media = [medium.as_file() for medium in media]
                await recovery.begin("document", forms=_kinds(media), is_marked=True)  # the refused one created nothing
                parts = await channel.send_media(media, plan.caption, reply_to)
        except HandlerError as error:
            raise (await recovery.failed(error, before) if has_trace else error) from None
        await recovery.sent(parts, before)
        return split(job.parts)[1] is None  # otherwise they were sent before and may exist twice

    async def _edit(self, job: DocumentJob, plan: Plan, loader: Loader) -> bool:
        channel = self._messages.channel(job)
        for number, (part, media) in enumerate(plan.places):
            if part is None:
                continue
            caption = _NO_CAPTION if number else plan.caption
            try:
                if digest_of(part) == digest(media):
                    if not number and plan.message is None:
                        await channel.edit_caption(part, caption)
                    continue
                edited = await self._edit_medium(job, part, loader.get(media), caption, is_alone=len(plan.places) == 1)
            except Refused as refused:
                if refused.why not in _TO_BE_REPLACED:
                    raise
                await self._take_away(job, [part for part, _ in plan.places if part is not None])
                return False
            await job.checkpoint([edited if one.id == part.id else one for one in job.parts])
        return True

    async def _edit_medium(
        self, job: DocumentJob, part: RemotePart, medium: Medium, caption: RenderedMessage, *, is_alone: bool
    ) -> RemotePart:
        channel = self._messages.channel(job)
        try:
            return await channel.edit_medium(part, medium, caption)
        except Refused as refused:
            if refused.why is not Refusal.CONTENT or medium.form == "file" or not is_alone:
                raise
        return await channel.edit_medium(part, medium.as_file(), caption)


def _arranged(job: DocumentJob, wanted: Wanted) -> Plan:
    """Assign media to the messages of a job, and decide how the text is sent. Pure."""
    document, shown = text_beside(job.document, wanted), wanted.shown
    link = wants_link(job.place)
    caption = render_caption(document, link=link) if shown else None
    message = None if caption is not None else render(document, link=link)
    messages = messages_of(job.parts)
    # An adopted part of unknown kind may be the wanted picture: the edit shows whether it is.
    messages = [replace(part, kind="photo:") if message is None and not part.kind else part for part in messages]
    texts = [part for part in messages if not is_medium(part)]
    media = sorted((part for part in messages if is_medium(part)), key=message_id)
    if message is not None and (not texts or any(message_id(part) < message_id(texts[0]) for part in media)):
        places: list[tuple[RemotePart | None, Media]] = [(None, one) for one in shown]  # they are sent after the text
    else:
        places = list(zip(_assigned(media, shown), shown, strict=True))
    used = {part.id for part, _ in places if part is not None}
    return Plan(
        document=document,
        message=message,
        caption=caption or _NO_CAPTION,
        texts=tuple(texts),
        places=tuple(places),
        surplus=tuple(part for part in media if part.id not in used),
    )


def _assigned(parts: Sequence[RemotePart], wanted: Sequence[Media]) -> list[RemotePart | None]:
    """Return the message for each medium: those that already show all of them, in order, or as many as there are.

    An album cannot be extended, so if there are too few messages, all are sent again.
    """
    left = iter(parts)
    found: list[RemotePart | None] = [next((p for p in left if digest_of(p) == digest(one)), None) for one in wanted]
    if None not in found:
        return found
    return list(parts[: len(wanted)]) if len(wanted) <= len(parts) else [None] * len(wanted)


def _part_of(
    job: DocumentJob, document: Document, parts: Sequence[RemotePart], rest: Sequence[RemotePart]
) -> DocumentJob:
    """Return a job about some parts of another job; its checkpoints store `rest` too."""

    async def store(found: Sequence[RemotePart]) -> str:
        await job.checkpoint([*found, *rest])
        return job.idempotency_key

    return DocumentJob(
        place=job.place,
        document=document,
        parts=parts,
        idempotency_key=job.idempotency_key,
        uncertain=job.uncertain,
        store=store,
        step=job.step,
        source=job.source,
        object_pk=job.object_pk,
        others=job.others,
    )


def _is_of_media(part: RemotePart) -> bool:
    trace = Trace.read(part)
    return trace is not None and bool(trace.forms)


def _first_number(job: DocumentJob) -> int:
    """Return the id of the message with the text."""
    return min(message_id(part) for part in messages_of(job.parts) if not is_medium(part))


def _kinds(media: Sequence[Medium]) -> tuple[str, ...]:
    return tuple(medium.kind for medium in media)
