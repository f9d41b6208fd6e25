"""Posts events to receivers, over one pool of connections, with limits on time and size."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import SplitResult

import httpx

from syncqueue.core.errors import Busy, DestinationBroken, HandlerError, OutcomeUnknown, Unavailable, Unreachable
from syncqueue.handlers.base import HandlerConfig, Place
from syncqueue.handlers.webhook.answers import judge
from syncqueue.handlers.webhook.event import Event
from syncqueue.handlers.webhook.signing import read_secret, sign
from syncqueue.outbound.connect import find_forbidden, is_unsent
from syncqueue.outbound.diagnosis import explain_unreachable
from syncqueue.outbound.httpx_transport import transport
from syncqueue.outbound.urls import endpoint_of, host_of, port_of, read_url

ANSWER_SHARE = 0.6  # of the attempt, beside outbound.CONNECT_SHARE
LIMITS = httpx.Limits(max_connections=100, keepalive_expiry=5.0)
# Of an answer: what an error message may quote, and how long it is waited for once the status is known.
ANSWER_BYTES, ANSWER_BODY_SECONDS = 4096, 1.0
NO_ENDPOINT = "no receiver"  # nothing is ever sent there, so its breaker never opens
_USER_AGENT = "django-syncqueue (webhook)"
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout)


class WebhookClient:
    """Posts events to any number of receivers, on one event loop."""

    def __init__(self, config: HandlerConfig) -> None:
        """Read the configuration; nothing is opened yet."""
        self._seconds = config.attempt_timeout_seconds * ANSWER_SHARE
        self.outbound = config.outbound(public_only=True)
        self._opened: httpx.AsyncClient | None = None

    def receiver(self, address: str) -> SplitResult:
        """Return an address as a URL; raises `ValueError` without a message for one that may not be called."""
        url = read_url(address)
        is_allowed = url.scheme == "https" or self.outbound.is_allowed_private(host_of(url), port_of(url))
        if not is_allowed or url.fragment:
            raise ValueError
        return url

    def endpoint(self, place: Place) -> str:
        """Return the "host:port" of a destination's receiver. An attempt tells what is wrong with its address."""
        try:
            return endpoint_of(self.receiver(place.address))
        except ValueError:
            return NO_ENDPOINT

    def identity(self, place: Place) -> str:
        """Return the receiver's URL in one spelling; "" for an address that may not be called."""
        try:
            url = self.receiver(place.address)
        except ValueError:
            return ""
        return url._replace(netloc=url.netloc.lower(), path=url.path or "/").geturl()

    async def send(self, place: Place, event: Event) -> bytes:
        """Post one event; return how the answer begins. Raises `HandlerError`s; `OutcomeUnknown`: no answer."""
        url = self._url(place)
        headers = _headers(_key(place), event, int(time.time()))
        try:
            status, answered, body = await self._post(url.geturl(), headers, event.body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # Without the cause: its text may hold the address with what is secret in it.
            raise await self._unanswered(error, url) from None
        refusal = judge(status, answered, body, datetime.now(UTC))
        if refusal is not None:
            raise refusal
        return body

    async def aclose(self) -> None:
        """Close the connections; a later call opens new ones."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.aclose()

    def _url(self, place: Place) -> SplitResult:
        try:
            return self.receiver(place.address)
        except ValueError:
            raise DestinationBroken(
                "The address is no URL that may be called, such as https://example.org/hook."
            ) from None

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, httpx.Headers, bytes]:
        async with self._client().stream("POST", url, content=body, headers=headers) as response:
            return response.status_code, response.headers, await _beginning(response)

    def _client(self) -> httpx.AsyncClient:
        """Made on first use, because it belongs to the loop it is used on."""
        if self._opened is None:
            timeout = httpx.Timeout(self._seconds, connect=self.outbound.connect_timeout_seconds)
            self._opened = httpx.AsyncClient(
                transport=transport(self.outbound, LIMITS),
                timeout=timeout,
                follow_redirects=False,
                trust_env=False,
            )
        # One receiver's cookies are nobody's affair, also not its own at the next event.
        self._opened.cookies.clear()
        return self._opened

    async def _unanswered(self, error: Exception, url: SplitResult) -> HandlerError:
        if (forbidden := find_forbidden(error)) is not None:
            return DestinationBroken(str(forbidden))
        if isinstance(error, httpx.PoolTimeout):
            return Busy("All connections to receivers are waiting for answers; nothing was sent.")
        if isinstance(error, _NEVER_SENT) or is_unsent(error):
            return Unreachable(await explain_unreachable(host_of(url), port_of(url), error, outbound=self.outbound))
        if isinstance(error, httpx.InvalidURL):
            return DestinationBroken("The address is no URL that can be called.")
        if isinstance(error, httpx.WriteTimeout | httpx.WriteError):
            return Unavailable(f"The event could not be sent whole ({type(error).__name__}).")
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


async def _beginning(response: httpx.Response) -> bytes:
    """The first bytes of an answer. The status has decided already, so a body that drips or breaks changes nothing."""
    read = bytearray()
    with suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(ANSWER_BODY_SECONDS):
            async for chunk in response.aiter_raw(ANSWER_BYTES):
                read += chunk
                if len(read) >= ANSWER_BYTES:
                    break
    return bytes(read[:ANSWER_BYTES])
