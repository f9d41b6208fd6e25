"""The Mastodon handler: what create, update and delete come to, status by status."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncqueue.core.errors import ConfigurationError
from syncqueue.handlers.base import DocumentHandler, DocumentJob, HandlerConfig, Place, RemotePart
from syncqueue.handlers.mastodon.account import PICTURE, STATUS, Account, Present
from syncqueue.handlers.mastodon.answers import Gone
from syncqueue.handlers.mastodon.client import MastodonClient
from syncqueue.handlers.mastodon.fonts import ADVICE, load_fonts
from syncqueue.handlers.mastodon.image import TEXT_SIZE
from syncqueue.handlers.mastodon.instance import Limits
from syncqueue.handlers.mastodon.markdown import Picture
from syncqueue.handlers.mastodon.options import OPTIONS, TOKEN, instance_url, over_limit, visibility
from syncqueue.handlers.mastodon.pictures import Uploader, shortened
from syncqueue.handlers.mastodon.post import Post
from syncqueue.handlers.mastodon.render import Rendered, Wanted, pictures_of, render
from syncqueue.handlers.mastodon.thread import Thread, statuses_of

logger = logging.getLogger("syncqueue.mastodon")

_Parts = Sequence[RemotePart]
_LOST = ""  # the id of a status that was never told
_SAMPLE = "中文"  # what a picture of a text should be able to show; emoji are spelled out at worst


class MastodonHandler(DocumentHandler):
    """Keeps a status, or a thread of them, on an account for each object.

    Creates carry an idempotency key, and one whose answer was lost is looked for among the account's recent
    statuses before it is posted again.
    """

    default_kind: ClassVar[str] = STATUS
    secret_fields: ClassVar[Mapping[str, Any]] = {"access_token": gettext_lazy("Access token")}

    def __init__(self, config: HandlerConfig) -> None:
        """Read the options; raises `ConfigurationError` for FONTS that are none."""
        super().__init__(config)
        self._client = MastodonClient(config)
        self._fonts = _font_files(config)

    async def create(self, job: DocumentJob) -> _Parts:
        """Post the document."""
        account = Account(self._client, job.place)
        return await self._show(account, job, None)

    async def update(self, job: DocumentJob) -> _Parts:
        """Edit what is out there; what cannot be edited (another visibility, gone) is replaced."""
        account = Account(self._client, job.place)
        present = await _look(account, job)
        if present is not None and present.visibility != visibility(job.document, job.place):
            present = None
        return await self._show(account, job, present)

    async def delete(self, job: DocumentJob) -> None:
        """Delete the statuses, the last first; one whose answer was lost is asked for by its key."""
        account = Account(self._client, job.place)
        if any(part.id == _LOST for part in job.parts):
            try:
                claimed = await account.claim(job.idempotency_key)
            except Gone:
                return
            # Stored before it is deleted, so that a deletion that fails is made again for this very status.
            await job.checkpoint([claimed.part])
            if claimed.is_current:
                _say_what_may_be_left(job, self.config.service)
        await Thread(account, job).shorten(0)

    async def check(self, place: Place) -> str:
        """Ask the instance for the account and for what it takes."""
        account = Account(self._client, place)
        found = {"account": await account.describe(), "count": (await account.limits()).characters}
        sentence = _("%(account)s may write %(count)s characters.") % found
        if over_limit(place) == "image" and load_fonts(self._fonts, TEXT_SIZE).missing(_SAMPLE):
            sentence += " " + _("Texts with Chinese become threads, not pictures, for want of fonts.") + f" {ADVICE}"
        return sentence

    def lost_part(self, place: Place, source: str, object_pk: str) -> RemotePart:
        """A status without an id: the idempotency key is what names it."""
        return RemotePart(kind=STATUS, id=_LOST, address=place.address)

    def endpoint(self, place: Place) -> str:
        """The instance's host."""
        return self._client.endpoint(place)

    def clean(self, address: str, options: Mapping[str, Any], secret: Mapping[str, str]) -> None:
        """Check the form of address, options and token."""
        try:
            instance_url(address, self._client.outbound.is_allowed_private)
        except ValueError:
            raise ValueError(_("The address is an instance's, such as https://mastodon.social.")) from None
        if not TOKEN.fullmatch(secret.get("access_token", "")):
            raise ValueError(_("The access token is the one that the account's settings show under Development."))
        for name, value in options.items():
            if name not in OPTIONS:
                known = ", ".join(OPTIONS)
                raise ValueError(_("Unknown option “%(name)s”; known: %(known)s.") % {"name": name, "known": known})
            if not OPTIONS[name](value):
                raise ValueError(_("The option “%(name)s” has a wrong value.") % {"name": name})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _show(self, account: Account, job: DocumentJob, present: Present | None) -> _Parts:
        """Bring the document out. What is there and not `present` makes room for it, once it is known to fit."""
        limits = await account.limits()
        wanted = self._wanted(job.place, limits)
        pictures = pictures_of(job.document, limits.pictures, self._client.may_fetch)
        rendered = await self._client.run(render, job.document, wanted, pictures)
        known = _known(rendered.pictures, job.parts, present, limits)
        if present is None:
            await Thread(account, job).shorten(0)
        uploader = Uploader(self._client, account, limits, self.config.attempt_timeout_seconds)
        media = await uploader.attach(rendered.pictures, known)
        if len(media) < len(rendered.pictures):
            rendered = await self._client.run(render, job.document, wanted, tuple(media))
        drawn = await uploader.draw(rendered.drawn, rendered.alt)
        attached = [
            RemotePart(kind=PICTURE, id=media[picture], url=picture.url, address=job.place.address)
            for picture in rendered.pictures
        ]
        media_ids = (*drawn, *(part.id for part in attached))
        return await Thread(account, job, attached).show(_posts(job, rendered, media_ids))

    def _wanted(self, place: Place, limits: Limits) -> Wanted:
        return Wanted(
            limits=limits,
            over_limit=over_limit(place),
            link=bool(place.options.get("link", False)),
            spoiler=str(place.options.get("spoiler", "")),
            fonts=self._fonts,
        )


async def _look(account: Account, job: DocumentJob) -> Present | None:
    """What the first status is like; None when there is none."""
    statuses = statuses_of(job.parts)
    try:
        return await account.look(statuses[0]) if statuses else None
    except Gone:
        return None


def _say_what_may_be_left(job: DocumentJob, service: str) -> None:
    # Most often nothing: the first request never arrived. But keys are kept for an hour, by some servers not at all.
    logger.warning(
        "A status of %s may be left at %s: the answer to its creation was lost, it is not wanted any more, and its "
        "idempotency key finds nothing. Look there, and remove it by hand.",
        job.key,
        job.place.name,
        extra={"service": service, "destination_id": job.place.id},
    )


def _font_files(config: HandlerConfig) -> tuple[str, ...]:
    given = config.options.get("FONTS", ())
    if not isinstance(given, list | tuple) or not all(isinstance(path, str) for path in given):
        raise ConfigurationError(
            f"SYNCQUEUE['HANDLERS'][{config.service!r}]['OPTIONS']['FONTS']: expected a list of paths of font files."
        )
    return tuple(given)


def _known(pictures: Sequence[Picture], parts: _Parts, present: Present | None, limits: Limits) -> dict[Picture, str]:
    """The media ids of pictures that the first status shows already, with the same description."""
    if present is None:
        return {}
    uploaded = {part.url: part.id for part in parts if part.kind == PICTURE}
    return {
        picture: uploaded[picture.url]
        for picture in pictures
        if present.alts.get(uploaded.get(picture.url, "")) == shortened(picture.alt, limits.alt_characters)
    }


def _posts(job: DocumentJob, rendered: Rendered, media_ids: tuple[str, ...]) -> list[Post]:
    options = job.place.options
    return [
        Post(
            text=text,
            visibility=visibility(job.document, job.place),
            media_ids=() if number else media_ids,
            spoiler=str(options.get("spoiler", "")),
            sensitive=bool(options.get("sensitive", False)),
            language=options.get("language"),
        )
        for number, text in enumerate(rendered.texts)
    ]
