"""The Mastodon handler."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncqueue.core.errors import HandlerError, PermanentError
from syncqueue.handlers.base import (
    TRACE,
    CopyPage,
    CopyState,
    Document,
    DocumentHandler,
    DocumentJob,
    HandlerConfig,
    Place,
    PreviewPart,
    RemotePart,
)
from syncqueue.handlers.drawing.fonts import ADVICE
from syncqueue.handlers.drawing.text import can_draw_chinese, font_files
from syncqueue.handlers.markdown import Picture
from syncqueue.handlers.mastodon import reading
from syncqueue.handlers.mastodon.account import PICTURE, STATUS, Account, Status
from syncqueue.handlers.mastodon.answers import Gone
from syncqueue.handlers.mastodon.client import MastodonClient
from syncqueue.handlers.mastodon.instance import Limits
from syncqueue.handlers.mastodon.length import count
from syncqueue.handlers.mastodon.memory import known_limits
from syncqueue.handlers.mastodon.mentions import break_mentions
from syncqueue.handlers.mastodon.options import OPTIONS, TOKEN, breaks_mentions, visibility
from syncqueue.handlers.mastodon.pictures import Uploader
from syncqueue.handlers.mastodon.post import Post
from syncqueue.handlers.mastodon.post import pictures_of as shown_pictures
from syncqueue.handlers.mastodon.render import Rendered, Wanted, pictures_of, render
from syncqueue.handlers.mastodon.thread import Thread
from syncqueue.handlers.options import Option
from syncqueue.handlers.posts import over_limit, wants_link
from syncqueue.handlers.texts import shortened
from syncqueue.outbound.urls import server_url

logger = logging.getLogger("syncqueue.mastodon")

_Parts = Sequence[RemotePart]
_LOST = ""  # the id of a status whose id is unknown


class MastodonHandler(DocumentHandler):
    """Keeps a status, or a thread of statuses, on an account for each object.

    Servers with Mastodon's API differ in many ways, so the content of every response is checked. Creates have an
    idempotency key, which not all servers support. So a trace is stored before a create, and if its response is lost,
    the account's statuses are searched for it.
    """

    default_kind: ClassVar[str] = STATUS
    # An account has 300 requests in five minutes; more than half of them stay free for posts.
    read_pause_seconds: ClassVar[float] = 2.5
    address_names_place: ClassVar[bool] = False  # an instance has many accounts; the token determines which
    secret_fields: ClassVar[Mapping[str, Any]] = {"access_token": gettext_lazy("Access token")}

    option_fields: ClassVar[Mapping[str, Option]] = OPTIONS

    def __init__(self, config: HandlerConfig) -> None:
        """Read the options; raises `ConfigurationError` for FONTS that cannot be loaded."""
        super().__init__(config)
        self._client = MastodonClient(config)
        self._fonts = font_files(config)

    async def create(self, job: DocumentJob) -> _Parts:
        """Post the document."""
        return await self._show(job)

    async def update(self, job: DocumentJob) -> _Parts:
        """Edit the statuses; those that cannot be edited (another visibility, gone) are replaced."""
        return await self._show(job)

    async def delete(self, job: DocumentJob) -> None:
        """Delete the statuses, the last first; a status whose response was lost is searched for."""
        account = Account(self._client, job.place, job.key)
        thread = Thread(account, job)
        await thread.find_lost()
        is_untraced = any(part.id == _LOST for part in job.parts)
        key = thread.traces[0].key if thread.traces else job.idempotency_key
        if is_untraced or (thread.traces and (await account.instance()).keeps_keys):
            await self._delete_claimed(account, job, key, is_untraced=is_untraced)
        await thread.shorten(0)

    async def _delete_claimed(self, account: Account, job: DocumentJob, key: str, *, is_untraced: bool) -> None:
        """Delete the status of an idempotency key; the key is used up then, so a late request creates nothing."""
        try:
            status, is_placeholder = await account.claim(key)
        except Gone:
            return
        part = await account.part(status)
        # Stored before the deletion, so that a failed deletion is repeated for this status.
        await job.checkpoint([*(known for known in job.parts if known.id != _LOST and known.kind != TRACE), part])
        if is_placeholder and is_untraced:
            _say_what_may_be_left(job, self.config.service)
        await account.delete(part)

    async def check(self, place: Place) -> str:
        """Check the account and the limits of the instance."""
        account = Account(self._client, place)
        found = {"account": await account.describe(), "count": (await account.instance()).limits.characters}
        sentence = _("%(account)s may write %(count)s characters.") % found
        if over_limit(place) == "image" and not can_draw_chinese(self._fonts):
            sentence += (
                " " + _("Texts with Chinese become threads, not pictures, because fonts are missing.") + f" {ADVICE}"
            )
        return sentence

    async def identify(self, place: Place) -> str:
        """Return the account's id and the host of its page: "109302@mastodon.social"."""
        return await Account(self._client, place).identity()

    async def read(self, jobs: Sequence[DocumentJob]) -> Sequence[CopyState | Exception]:
        """Compare the statuses with the rendered document."""
        states: list[CopyState | Exception] = []
        for job in jobs:
            try:
                states.append(await self._look(job))
            except PermanentError as error:
                states.append(error)
        return states

    async def read_all(self, place: Place, after: str) -> CopyPage | None:
        """Return the statuses that were posted with the token's application, the newest first."""
        return await reading.page(Account(self._client, place), after)

    async def _look(self, job: DocumentJob) -> CopyState:
        account = Account(self._client, job.place, job.key)
        statuses = await reading.statuses_of(account, job)
        if not statuses:
            return CopyState.GONE
        if job.step == "delete":
            return CopyState.THERE
        limits = (await account.instance()).limits
        attached = {part.url for part in job.parts if part.kind == PICTURE}
        pictures = pictures_of(job.document, limits.pictures, self._client.media.may_fetch)
        shown = tuple(picture for picture in pictures if picture.url in attached)
        ways = []
        for counted in dict.fromkeys((limits, limits.strict())):
            rendered = await self._client.run(render, job.document, self._wanted(job, counted), shown)
            media = [*map(str, range(len(rendered.drawn))), *(picture.url for picture in rendered.pictures)]
            ways.append(_posts(job, rendered, tuple(media)))
        return await reading.state_of(account, statuses, ways)

    async def preview(self, document: Document, place: Place) -> Sequence[PreviewPart]:
        """Return the statuses, with the pictures whose addresses can be fetched."""
        limits = await self._limits_of(Account(self._client, place))
        pictures = await self._client.run(pictures_of, document, limits.pictures, self._client.media.may_fetch)
        wanted = self._wanted_at(place, document, limits)
        rendered = await self._client.run(render, document, wanted, pictures)
        fields = {"visibility": visibility(document, place)} | ({"spoiler": wanted.spoiler} if wanted.spoiler else {})
        return [
            PreviewPart(
                kind=STATUS,
                text=text,
                length=count(text, limits) + limits.characters - wanted.room,
                limit=limits.characters,
                is_cut=rendered.is_cut,
                pictures=() if number else tuple(picture.url for picture in rendered.pictures),
                drawn_count=0 if number else len(rendered.drawn),
                fields=fields,
            )
            for number, text in enumerate(rendered.texts)
        ]

    async def _limits_of(self, account: Account) -> Limits:
        """Return the limits of the instance, cached or read now."""
        known = known_limits.get(account.address)
        if known is None:
            try:
                known = (await account.instance()).limits
                known_limits.note(account.address, known)
            except HandlerError:
                known_limits.note_silent(account.address)
                known = Limits()
        return known

    def is_public(self, document: Document, place: Place, part: RemotePart) -> bool:
        """Return False for statuses that only followers see."""
        return visibility(document, place) in ("public", "unlisted")

    def lost_part(self, place: Place, source: str, object_pk: str) -> RemotePart:
        """Return a status without an id, for the idempotency key. For interrupted attempts without a trace."""
        return RemotePart(kind=STATUS, id=_LOST, address=place.address)

    def is_small(self, document: Document, place: Place) -> bool:
        """Return False also for documents with pictures, which are fetched or drawn in memory."""
        is_drawn = over_limit(place) == "image" and len(document.text) > Limits().characters
        return super().is_small(document, place) and not (is_drawn or document.media or "![" in document.text)

    def endpoint(self, place: Place) -> str:
        """Return the instance's host."""
        return self._client.endpoint(place)

    def clean(self, address: str, options: Mapping[str, Any], secret: Mapping[str, str]) -> None:
        """Validate address and token."""
        try:
            server_url(address, self._client.outbound.is_allowed_private)
        except ValueError:
            raise ValueError(_wrong_address(address)) from None
        if not TOKEN.fullmatch(secret.get("access_token", "")):
            raise ValueError(_("The access token is the one that the account's settings show under Development."))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _show(self, job: DocumentJob) -> _Parts:
        """Create, edit or replace statuses so that they show the document."""
        account = Account(self._client, job.place, job.key)
        limits = (await account.instance()).limits
        if self._client.memory.is_strict(account.address):
            limits = limits.strict()
        thread = Thread(account, job)
        await thread.find_lost()
        uploader = Uploader(self._client, account, limits, self.config.attempt_timeout_seconds)
        wanted = self._wanted(job, limits)
        pictures = await self._client.run(pictures_of, job.document, limits.pictures, self._client.media.may_fetch)
        rendered = await self._client.run(render, job.document, wanted, pictures)
        try:
            parts = await self._post(job, thread, uploader, wanted, rendered)
            known_limits.note(account.address, limits)
            return parts
        except PermanentError:
            if limits.is_strict or not await self._client.run(_is_over, rendered, wanted):
                raise
        # Some servers count more characters than they declare: try again with the strictest way of counting.
        wanted = replace(wanted, limits=limits.strict())
        rendered = await self._client.run(render, job.document, wanted, pictures)
        parts = await self._post(job, thread, uploader, wanted, rendered)
        self._client.memory.note_strict(account.address)
        known_limits.note(account.address, wanted.limits)
        return parts

    async def _post(
        self, job: DocumentJob, thread: Thread, uploader: Uploader, wanted: Wanted, rendered: Rendered
    ) -> _Parts:
        """Delete statuses that cannot be edited, after checking that the document can be posted."""
        present = await thread.look(0)
        if present is None or present.get("visibility") != visibility(job.document, job.place):
            present = None
            await thread.shorten(0)
        known, alone = _known(rendered.pictures, thread.pictures, present, wanted.limits)
        media = await uploader.attach(rendered.pictures, known, alone)
        if len(media) < len(rendered.pictures):
            rendered = await self._client.run(render, job.document, wanted, tuple(media))
        drawn = await uploader.draw(rendered.drawn, rendered.alt)
        attached = [
            RemotePart(kind=PICTURE, id=media[picture], url=picture.url, address=job.place.address)
            for picture in rendered.pictures
        ]
        media_ids = (*drawn, *(part.id for part in attached))
        return await thread.show(_posts(job, rendered, media_ids), attached)

    def _wanted(self, job: DocumentJob, limits: Limits) -> Wanted:
        return self._wanted_at(job.place, job.document, limits)

    def _wanted_at(self, place: Place, document: Document, limits: Limits) -> Wanted:
        return Wanted(
            limits=limits,
            over_limit=over_limit(place),
            link=wants_link(place),
            spoiler=_spoiler(place, document),
            fonts=self._fonts,
            breaks_mentions=breaks_mentions(document, place),
        )


def _wrong_address(address: str) -> str:
    """Return the problem with an address, with a suggestion if there is one."""
    host = re.fullmatch(r"(?:[a-z]+://)?(?:@?[\w.-]+@|@)?([\w-]+(?:\.[\w-]+)+(?::\d+)?)(?:/.*)?", address.strip(), re.I)
    example = f"https://{host[1].lower()}" if host else "https://mastodon.social"
    return _("The address is an instance's: https and its host, such as %(example)s.") % {"example": example}


def _is_over(rendered: Rendered, wanted: Wanted) -> bool:
    """Return whether a text is too long for a server that counts every code point."""
    strict = wanted.limits.strict()
    return any(count(text, strict) + len(wanted.spoiler) > strict.characters for text in rendered.texts)


def _spoiler(place: Place, document: Document) -> str:
    text = str(place.options.get("spoiler", ""))
    return break_mentions(text) if breaks_mentions(document, place) else text


def _say_what_may_be_left(job: DocumentJob, service: str) -> None:
    # Usually the first request never arrived. But keys are kept for an hour, and by some servers not at all.
    logger.warning(
        "A status of %s may be left at %s: the answer to its creation was lost, it is not wanted any more, and its "
        "idempotency key finds nothing. Look there, and remove it by hand.",
        job.key,
        job.place.name,
        extra={"service": service, "destination_id": job.place.id},
    )


def _known(
    pictures: Sequence[Picture], uploaded: Sequence[RemotePart], present: Status | None, limits: Limits
) -> tuple[dict[Picture, str], set[Picture]]:
    """Return the media ids that the first status already has with the same description, and which are no pictures."""
    shown = {str(one.get("id")): one for one in shown_pictures(present or {})}
    ids = {part.url: part.id for part in uploaded}
    known = {
        picture: ids[picture.url]
        for picture in pictures
        if (one := shown.get(ids.get(picture.url, ""))) is not None
        and (one.get("description") or "") == shortened(picture.alt, limits.alt_characters)
    }
    return known, {picture for picture, number in known.items() if shown[number].get("type") in ("video", "audio")}


def _posts(job: DocumentJob, rendered: Rendered, media_ids: tuple[str, ...]) -> list[Post]:
    options = job.place.options
    return [
        Post(
            text=text,
            visibility=visibility(job.document, job.place),
            media_ids=() if number else media_ids,
            spoiler=_spoiler(job.place, job.document),
            sensitive=bool(options.get("sensitive", False)),
            language=options.get("language"),
        )
        for number, text in enumerate(rendered.texts)
    ]
