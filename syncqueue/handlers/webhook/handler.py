"""The webhook handler: it sends an event for every change of an object."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncqueue.core.errors import DestinationBroken, OutcomeUnknown, Unavailable
from syncqueue.handlers.base import (
    Document,
    DocumentHandler,
    DocumentJob,
    HandlerConfig,
    Place,
    PreviewPart,
    RemotePart,
)
from syncqueue.handlers.webhook.client import WebhookClient
from syncqueue.handlers.webhook.event import KIND, Event, as_received, confirmed, doubtful, event_of, is_short
from syncqueue.handlers.webhook.signing import read_secret
from syncqueue.outbound.threads import HandlerThreads

# How long, and for how many destinations of users, a process remembers that the receiver has confirmed.
CONFIRMED_SECONDS = 24 * 3600.0
_MOST_CONFIRMED = 10_000


class WebhookHandler(DocumentHandler):
    """Posts an event to a URL for each object that is created, changed or deleted.

    A receiver that stores objects by `data.id`, or ignores a webhook-id that it has seen, shows each object once.
    """

    default_kind: ClassVar[str] = KIND
    secret_fields: ClassVar[Mapping[str, Any]] = {"secret": gettext_lazy("Signing secret")}

    def __init__(self, config: HandlerConfig) -> None:
        """Read the configuration."""
        super().__init__(config)
        self._client = WebhookClient(config)
        self._threads = HandlerThreads(config.service)  # for encoding long events
        self._confirms = config.options.get("CONFIRM", True) is not False
        # (destination, URL, secret) -> valid until, in monotonic seconds.
        self._confirmed_until: dict[tuple[int, str, str], float] = {}

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        """Send "created"; if the response is lost, store that it may have been accepted."""
        await self._be_confirmed(job.place)
        try:
            await self._client.send(job.place, await self._event(job))
        except OutcomeUnknown as error:
            await job.checkpoint([self._here(doubtful(job), job.place)])
            raise Unavailable(str(error)) from error
        return [self._here(confirmed(job), job.place)]

    async def update(self, job: DocumentJob) -> Sequence[RemotePart]:
        """Send "updated", or again the "created" whose response was lost."""
        await self._be_confirmed(job.place)
        await self._send_again(job)
        return [self._here(confirmed(job), job.place)]

    async def delete(self, job: DocumentJob) -> None:
        """Send "deleted"."""
        await self._send_again(job)

    async def check(self, place: Place) -> str:
        """Send a signed event of type "ping"; the receiver of a user must confirm it."""
        if self._confirms and place.is_users:
            await self._ask_to_confirm(place)
        else:
            await self._client.send(place, Event.ping(uuid.uuid4().hex))
        return _("%(endpoint)s accepted a signed ping.") % {"endpoint": self.endpoint(place)}

    async def preview(self, document: Document, place: Place) -> Sequence[PreviewPart]:
        """Return the data of the event."""
        data = await self._threads.run(as_received, document)
        text = data.pop("text")
        return [PreviewPart(kind=KIND, text=text, fields=data)]

    def lost_part(self, place: Place, source: str, object_pk: str) -> RemotePart:
        """Return the part that exists if a receiver accepted the event."""
        return self._here(RemotePart(kind=KIND, id=f"{source}:{object_pk}", address=place.address), place)

    async def identify(self, place: Place) -> str:
        """Return the receiver's URL."""
        return self._client.identity(place)

    def endpoint(self, place: Place) -> str:
        """Return the receiver's host and port."""
        return self._client.endpoint(place)

    def clean(self, address: str, options: Mapping[str, Any], secret: Mapping[str, str]) -> None:
        """Validate URL and secret."""
        try:
            self._client.receiver(address)
        except ValueError:
            raise ValueError(
                _("The address is a URL such as https://example.org/hook, without user and password.")
            ) from None
        if options:
            raise ValueError(_("Unknown option “%(name)s”; there are none.") % {"name": next(iter(options))})
        try:
            read_secret(secret.get("secret", ""))
        except ValueError:
            raise ValueError(
                _(
                    "The signing secret is whsec_ and 24 to 64 bytes in base64, as the receiver shows it. To make "
                    "one: echo whsec_$(openssl rand -base64 32)"
                )
            ) from None

    async def aclose(self) -> None:
        """Close the connections."""
        self._threads.close()
        await self._client.aclose()

    async def _be_confirmed(self, place: Place) -> None:
        """Ask a user's receiver from time to time to confirm, because users can enter any URL."""
        if not self._confirms or not place.is_users:
            return
        about = (place.id, place.address, place.secret.get("secret", ""))
        if time.monotonic() > self._confirmed_until.get(about, 0.0):
            await self._ask_to_confirm(place)
            if len(self._confirmed_until) >= _MOST_CONFIRMED:
                self._confirmed_until.clear()
            self._confirmed_until[about] = time.monotonic() + CONFIRMED_SECONDS

    async def _ask_to_confirm(self, place: Place) -> None:
        challenge = uuid.uuid4().hex
        try:
            answer = await self._client.send(place, Event.ping(challenge))
        except OutcomeUnknown as error:
            raise Unavailable(str(error)) from error
        if challenge.encode() not in answer:
            raise DestinationBroken(
                'The receiver has not confirmed that it wants these events: it must answer the event "ping" with the '
                "text in data.challenge."
            )

    async def _send_again(self, job: DocumentJob) -> None:
        """Send an event that may be repeated, so that a lost response needs no decision of a person."""
        try:
            await self._client.send(job.place, await self._event(job))
        except OutcomeUnknown as error:
            raise Unavailable(str(error)) from error

    async def _event(self, job: DocumentJob) -> Event:
        return event_of(job) if is_short(job.document) else await self._threads.run(event_of, job)

    def _here(self, part: RemotePart, place: Place) -> RemotePart:
        return replace(part, identity=self._client.identity(place))
