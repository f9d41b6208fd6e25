"""Posts events to receivers, over one pool of connections, with limits on time and size."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import SplitResult

import aiohttp
from yarl import URL

from syncqueue.core.errors import DestinationBroken, HandlerError, OutcomeUnknown, Unreachable
from syncqueue.handlers.base import HandlerConfig, Place
from syncqueue.handlers.webhook.answers import judge
from syncqueue.handlers.webhook.event import Event
from syncqueue.handlers.webhook.signing import read_secret, sign
from syncqueue.outbound.aiohttp_connector import connector
from syncqueue.outbound.connect import find_forbidden, is_unsent
from syncqueue.outbound.diagnosis import explain_unreachable
from syncqueue.outbound.urls import endpoint_of, host_of, port_of, read_url

ANSWER_SHARE = 0.6  # share of the attempt for a response, in addition to base.CONNECT_SHARE
KEEPALIVE_SECONDS = 5.0
# For the body of a response: the maximum that an error message may quote, and the time limit after the status.
ANSWER_BYTES, ANSWER_BODY_SECONDS = 4096, 1.0
NO_ENDPOINT = "no receiver"  # nothing is sent there, so its breaker never opens
_USER_AGENT = "django-syncqueue (webhook)"


class WebhookClient:
    """Posts events to any number of receivers, on one event loop."""

    def __init__(self, config: HandlerConfig) -> None:
        """Read the configuration; nothing is opened yet."""
        self._seconds = config.attempt_timeout_seconds * ANSWER_SHARE
        self.outbound = config.outbound(public_only=True)
        self._opened: aiohttp.ClientSession | None = None

    def receiver(self, address: str) -> SplitResult:
        """Return an address as a URL; raises `ValueError` without a message for one that may not be called."""
        url = read_url(address)
        is_allowed = url.scheme == "https" or self.outbound.is_allowed_private(host_of(url), port_of(url))
        if not is_allowed or url.fragment:
            raise ValueError
        return url

    def endpoint(self, place: Place) -> str:
        """Return the "host:port" of a destination's receiver. An attempt reports a malformed address."""
        try:
            return endpoint_of(self.receiver(place.address))
        except ValueError:
            return NO_ENDPOINT

    def identity(self, place: Place) -> str:
        """Return the receiver's URL in a normal form; "" for an address that may not be called."""
        try:
            url = self.receiver(place.address)
        except ValueError:
            return ""
        return url._replace(netloc=url.netloc.lower(), path=url.path or "/").geturl()

    async def send(self, place: Place, event: Event) -> bytes:
        """Post one event; return the beginning of the response. Raises `HandlerError`s."""
        url = self._url(place)
        headers = _headers(_key(place), event, int(time.time()))
        try:
            status, answered, body = await self._post(url.geturl(), headers, event.body)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Without the cause: its text may contain the address, which may contain a secret.
            raise await self._unanswered(error, url) from None
        refusal = judge(status, answered, body, datetime.now(UTC))
        if refusal is not None:
            raise refusal
        return body

    async def aclose(self) -> None:
        """Close the connections; a later call opens new ones."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    def _url(self, place: Place) -> SplitResult:
        try:
            return self.receiver(place.address)
        except ValueError:
            raise DestinationBroken(
                "The address is no URL that may be called, such as https://example.org/hook."
            ) from None

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        async with self._session().post(URL(url), data=body, headers=headers, allow_redirects=False) as response:
            answered = {name.lower(): value for name, value in response.headers.items()}
            return response.status, answered, await _beginning(response)

    def _session(self) -> aiohttp.ClientSession:
        """Return the session, created at first use, because it belongs to the loop that uses it."""
        if self._opened is None:
            connect = self.outbound.connect_timeout_seconds
            self._opened = aiohttp.ClientSession(
                connector=connector(self.outbound, keepalive_seconds=KEEPALIVE_SECONDS),
                timeout=aiohttp.ClientTimeout(total=None, connect=connect, sock_read=self._seconds),
                skip_auto_headers=("accept-encoding",),  # a short response needs no compression
                auto_decompress=False,
                # Cookies of a receiver must not be sent to others, nor to itself with the next event.
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._opened

    async def _unanswered(self, error: Exception, url: SplitResult) -> HandlerError:
        if (forbidden := find_forbidden(error)) is not None:
            return DestinationBroken(str(forbidden))
        if is_unsent(error):
            return Unreachable(await explain_unreachable(host_of(url), port_of(url), error, outbound=self.outbound))
        if isinstance(error, ValueError):  # aiohttp.InvalidURL is one too
            return DestinationBroken("The address is no URL that can be called.")
        return OutcomeUnknown(f"The receiver's answer was lost ({type(error).__name__}).")


def _key(place: Place) -> bytes:
    try:
        return read_secret(place.secret.get("secret", ""))
    except ValueError:
        raise DestinationBroken("The destination has no signing secret: enter the receiver's, whsec_...") from None


def _headers(key: bytes, event: Event, timestamp: int) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "user-agent": _USER_AGENT,
        "webhook-id": event.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(key, event.id, timestamp, event.body),
        "idempotency-key": event.id,
    }


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """Return the first bytes of a response. The status has decided already, so a broken body does not matter."""
    read = bytearray()
    with suppress(aiohttp.ClientError, OSError):  # TimeoutError is an OSError
        async with asyncio.timeout(ANSWER_BODY_SECONDS):
            async for chunk in response.content.iter_any():
                read += chunk
                if len(read) >= ANSWER_BYTES:
                    break
    return bytes(read[:ANSWER_BYTES])
