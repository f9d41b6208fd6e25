"""The Bluesky handler: create, update and delete, post by post."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncqueue import (
    CopyPage,
    CopyState,
    Document,
    DocumentHandler,
    DocumentJob,
    Option,
    PermanentError,
    PreviewPart,
    RemotePart,
)
from syncqueue.handlers.bluesky import reading
from syncqueue.handlers.bluesky.account import POST, Account
from syncqueue.handlers.bluesky.answers import BlobGone, TooLong
from syncqueue.handlers.bluesky.client import BlueskyClient
from syncqueue.handlers.bluesky.facets import handles_in
from syncqueue.handlers.bluesky.length import GRAPHEMES, Room, measure
from syncqueue.handlers.bluesky.options import (
    OPTIONS,
    account_name,
    card,
    language,
    notifies,
)
from syncqueue.handlers.bluesky.pictures import Uploader
from syncqueue.handlers.bluesky.record import Draft, Image, drafts_of, external, images, short_alt
from syncqueue.handlers.bluesky.render import Rendered, Wanted, pictures_of, render
from syncqueue.handlers.bluesky.thread import Thread
from syncqueue.handlers.bluesky.tid import new_tid
from syncqueue.handlers.bluesky.trace import Trace
from syncqueue.handlers.public import (
    HandlerConfig,
    HandlerError,
    Picture,
    Place,
    SharedSessions,
    can_draw_chinese,
    font_files,
    over_limit,
    wants_link,
)

_Parts = Sequence[RemotePart]
_KEPT_DIDS = 2000
_MOST_MENTIONS = 10  # per document: each unknown one costs a request


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """The objects of one attempt."""

    account: Account
    thread: Thread
    uploader: Uploader
    document: Document


class BlueskyHandler(DocumentHandler):
    """Keeps a post, or a thread of them, on an account for each object.

    Each post has a key that is chosen here and is put there as one exact record. Both are stored before the request:
    a repetition changes nothing, so a lost response does no harm.
    """

    default_kind: ClassVar[str] = POST
    takes_private: ClassVar[bool] = False  # nothing on Bluesky is private
    # An IP address has 3,000 requests in five minutes; most of them stay free for posts.
    read_pause_seconds: ClassVar[float] = 0.5
    secret_fields: ClassVar[Mapping[str, Any]] = {"password": gettext_lazy("App password")}
    option_fields: ClassVar[Mapping[str, Option]] = OPTIONS

    def __init__(self, config: HandlerConfig) -> None:
        """Read the options; raises `ConfigurationError` for invalid ones."""
        super().__init__(config)
        self._client = BlueskyClient(config)
        self._sessions = SharedSessions(self, self._client.threads)
        self._fonts = font_files(config)
        self._dids: dict[str, str] = {}  # by handle; a handle that moves to another account is found at the next start

    async def trace(self, job: DocumentJob) -> RemotePart:
        """Return the key that the first post will have."""
        return Trace(rkey=new_tid()).part(job.place.address)

    async def create(self, job: DocumentJob) -> _Parts:
        """Post the document."""
        return await self._show(job)

    async def update(self, job: DocumentJob) -> _Parts:
        """Make the posts show the document: a different post is created again, then the old one is deleted."""
        return await self._show(job)

    async def delete(self, job: DocumentJob) -> None:
        """Delete the posts, the last first, and posts that may have been sent."""
        await Thread(self._account(job.place), job).delete()

    async def check(self, place: Place) -> str:
        """Ask the server for the account."""
        found = {"account": f"@{await self._account(place).describe()}", "host": self.endpoint(place)}
        sentence = _("%(account)s at %(host)s may post.") % found
        if over_limit(place) == "image" and not can_draw_chinese(self._fonts):
            sentence += " " + _("Texts with Chinese become threads, not pictures, because fonts are missing.")
        return sentence

    async def identify(self, place: Place) -> str:
        """Return the account's DID, which stays when its handle changes."""
        return await self._account(place).did()

    async def read(self, jobs: Sequence[DocumentJob]) -> Sequence[CopyState | Exception]:
        """Compare the posts with the rendered document."""
        states: list[CopyState | Exception] = []
        for job in jobs:
            try:
                states.append(await self._look(job))
            except PermanentError as error:
                states.append(error)
        return states

    async def read_all(self, place: Place, after: str) -> CopyPage | None:
        """Return the posts whose keys were made by syncqueue, the newest first."""
        return await reading.page_of(self._account(place), after)

    async def preview(self, document: Document, place: Place) -> Sequence[PreviewPart]:
        """Return the posts, with the pictures whose addresses can be fetched."""
        wanted = self._wanted(place)
        pictures = await self._client.threads.run(pictures_of, document, self._client.media.may_fetch)
        rendered = await self._client.threads.run(render, document, wanted, pictures)
        shown = {"card": rendered.card.url, "title": rendered.card.title} if rendered.card else {}
        return [
            PreviewPart(
                kind=POST,
                text=text,
                length=measure(text, wanted.room)[0],
                limit=GRAPHEMES,
                is_cut=rendered.is_cut,
                pictures=() if number else tuple(picture.url for picture in _all_pictures(rendered)),
                drawn_count=0 if number else len(rendered.drawn),
                fields={} if number else shown,
            )
            for number, text in enumerate(rendered.texts)
        ]

    def is_small(self, document: Document, place: Place) -> bool:
        """Return False also for documents that need pictures, which are fetched or drawn in memory."""
        is_drawn = over_limit(place) == "image" and len(document.text) > GRAPHEMES
        return super().is_small(document, place) and not (is_drawn or document.media or "![" in document.text)

    def endpoint(self, place: Place) -> str:
        """Return the server's host."""
        return self._client.endpoint(place)

    def clean(self, address: str, options: Mapping[str, Any], secret: Mapping[str, str]) -> None:
        """Validate the form of address, server and password."""
        try:
            account_name(address)
        except ValueError:
            raise ValueError(_("The address is an account's handle, such as name.bsky.social.")) from None
        try:
            self._client.server(Place(id=0, name="", address=address, options=options))
        except ValueError:
            raise ValueError(_("The server is https and its host, such as https://bsky.social.")) from None
        if not secret.get("password", "").strip():
            raise ValueError(_("App passwords are created in the account's settings, under Privacy and security."))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    # One attempt

    def _account(self, place: Place) -> Account:
        return Account(self._client, self._sessions, place)

    async def _show(self, job: DocumentJob) -> _Parts:
        """Make the posts show the document, whichever of them exist."""
        account = self._account(job.place)
        thread = Thread(account, job)
        uploader = Uploader(self._client, account)
        work = _Job(account=account, thread=thread, uploader=uploader, document=job.document)
        try:
            await thread.look()
            return await self._show_fitting(work)
        except HandlerError:
            await thread.forget_unsent()
            raise

    async def _show_fitting(self, work: _Job) -> _Parts:
        wanted = self._wanted(work.account.place)
        try:
            return await self._show_as(work, wanted)
        except TooLong:
            # The server counts more: try again with the strictest way of counting.
            strict = replace(wanted, room=Room(is_strict=True))
            return await self._show_as(work, strict)

    async def _show_as(self, work: _Job, wanted: Wanted) -> _Parts:
        try:
            return await work.thread.show(await self._drafts(work, wanted))
        except BlobGone:
            # The last record with the same file was deleted after the upload.
            return await work.thread.show(await self._drafts(work, wanted))

    async def _drafts(self, work: _Job, wanted: Wanted) -> list[Draft]:
        """Return the posts to put, after uploading pictures and looking up mentioned accounts."""
        run, document = self._client.threads.run, work.document
        pictures = await run(pictures_of, document, self._client.media.may_fetch)
        rendered = await run(render, document, wanted, pictures)
        attached = await work.uploader.attach(rendered.pictures)
        thumb = await work.uploader.thumb(rendered.thumb) if rendered.thumb else None
        missing = {one for one in rendered.pictures if one not in attached}
        if rendered.thumb and thumb is None:
            missing.add(rendered.thumb)
        if missing:
            # They stay links in the text.
            left = [picture for picture in pictures if picture not in missing]
            rendered = await run(render, document, wanted, left)
            attached |= await work.uploader.attach([one for one in rendered.pictures if one not in attached])
            thumb = await work.uploader.thumb(rendered.thumb) if rendered.thumb else None
        drawn = await work.uploader.draw(rendered.drawn, rendered.alt)
        shown = [*drawn, *(attached[one] for one in rendered.pictures if one in attached)]
        dids = await self._mentioned(work, rendered.texts)
        return drafts_of(
            rendered.texts, dids=dids, embed=_embed(rendered, shown, thumb), language=language(work.account.place)
        )

    async def _mentioned(self, work: _Job, texts: Sequence[str]) -> Mapping[str, str]:
        """Return the mentioned accounts by handle."""
        if not notifies(work.document, work.account.place):
            return {}
        if len(self._dids) > _KEPT_DIDS:
            self._dids.clear()
        handles = dict.fromkeys(handle for text in texts for handle in handles_in(text))
        for handle in [one for one in handles if one not in self._dids][:_MOST_MENTIONS]:
            if (did := await work.account.resolve(handle)) is not None:
                self._dids[handle] = did
        return {handle: self._dids[handle] for handle in handles if handle in self._dids}

    async def _look(self, job: DocumentJob) -> CopyState:
        account = self._account(job.place)
        posts = await reading.posts_of(account, job)
        if not posts:
            return CopyState.GONE
        if job.step == "delete":
            return CopyState.THERE
        run = self._client.threads.run
        pictures = await run(pictures_of, job.document, self._client.media.may_fetch)
        shown = reading.attached_of(posts[0], pictures)
        wanted = self._wanted(job.place)
        for way in (wanted, replace(wanted, room=Room(is_strict=True))):
            rendered = await run(render, job.document, way, shown)
            alts = [
                *[short_alt(rendered.alt)] * len(rendered.drawn),
                *(short_alt(one.alt) for one in rendered.pictures),
            ]
            page = rendered.card.url if rendered.card else ""
            if await reading.shows(account, posts, rendered.texts, alts, page):
                return CopyState.SAME
        return CopyState.OTHER

    def _wanted(self, place: Place) -> Wanted:
        return Wanted(
            over_limit=over_limit(place),
            card=card(place),
            link=wants_link(place),
            fonts=self._fonts,
        )


def _embed(rendered: Rendered, shown: Sequence[Image], thumb: Image | None) -> Mapping[str, Any] | None:
    return external(rendered.card, thumb) if rendered.card else images(shown)


def _all_pictures(rendered: Rendered) -> list[Picture]:
    return [*rendered.pictures, *([rendered.thumb] if rendered.thumb else [])]
