"""Calls AT Protocol servers: one connection pool, limits on time and size, and converted exceptions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import SplitResult

import httpx

from syncqueue import DestinationBroken, RateLimited, Unavailable, Unreachable
from syncqueue.handlers.bluesky.answers import Answer, Lost, judge
from syncqueue.handlers.public import (
    ConfigurationError,
    HandlerConfig,
    HandlerError,
    HandlerThreads,
    MediaReader,
    Place,
    endpoint_of,
    explain_unreachable,
    find_forbidden,
    host_of,
    http_transport,
    is_unsent,
    port_of,
    server_url,
)

REAL_URL = "https://bsky.social"
WEB_URL = "https://bsky.app"  # where people read posts, also those of other servers
# Share of the attempt: connecting, a diagnosis and a response fit into it, so it can report what happened.
ANSWER_SHARE, JOB_SHARE = 0.6, 0.9
# With less time left in an attempt, no further call is begun.
SHORTEST_CALL_SHARE = 0.05
# Maximum size of a response; a page of an account's posts has less.
MOST_BYTES = 8 * 1024 * 1024
LIMITS = httpx.Limits(max_connections=100, keepalive_expiry=5.0)
NO_ENDPOINT = "no server"  # nothing is sent there, so its breaker never opens
USER_AGENT = "django-syncqueue (bluesky)"


class OutOfTime(RateLimited):
    """The attempt has no time left for another request; none was made."""

    def __init__(self) -> None:
        """The next attempt continues."""
        said = "There is more to do than one attempt has time for; it continues soon."
        super().__init__(said, after_seconds=1.0, scope="task")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to a server."""

    name: str  # of the method: "com.atproto.repo.putRecord"
    is_query: bool = False  # GET
    params: Mapping[str, str] | None = None
    json: Any = None
    content: bytes | None = None
    content_type: str = ""
    may_repeat: bool = True  # a repetition does no harm


class BlueskyClient:
    """Calls any number of servers for any number of accounts, on one event loop."""

    def __init__(self, config: HandlerConfig) -> None:
        """Read the options; raises `ConfigurationError` for malformed URLs."""
        self._config = config
        self.outbound = config.outbound(public_only=True)
        self.web_url = config.base_url("WEB_URL", WEB_URL).geturl()
        given = config.base_url("PDS_URL", REAL_URL).geturl()
        try:
            self._usual = server_url(given, self.outbound.is_allowed_private)
        except ValueError:
            raise ConfigurationError(
                f"SYNCQUEUE['HANDLERS'][{config.service!r}]['OPTIONS']['PDS_URL']: expected https and a host; "
                "ALLOWED_PRIVATE_HOSTS names those that are reached without TLS."
            ) from None
        self.threads = HandlerThreads(config.service)
        self.media = MediaReader(self.outbound, self.threads)
        self._opened: httpx.AsyncClient | None = None

    @property
    def attempt_seconds(self) -> float:
        """The maximum duration of an attempt."""
        return self._config.attempt_timeout_seconds

    def job_ends_at(self) -> float:
        """Return when a job that begins now should end, by the monotonic clock."""
        return time.monotonic() + self.attempt_seconds * JOB_SHARE

    def server(self, place: Place) -> SplitResult:
        """Return the server of a destination; raises `ValueError` without a message for one that may not be called."""
        given = str(place.options.get("host") or "")
        return server_url(given.strip(), self.outbound.is_allowed_private) if given else self._usual

    def endpoint(self, place: Place) -> str:
        """Return the "host:port" of a destination's server."""
        try:
            return endpoint_of(self.server(place))
        except ValueError:
            return NO_ENDPOINT

    async def call(self, server: SplitResult, request: Request, *, token: str, ends_at: float) -> dict[str, Any]:
        """Send one request and return the JSON object of the response; raises only `HandlerError`s."""
        try:
            return await self._call(server, request, token, ends_at)
        except Lost as lost:
            if not request.may_repeat:
                raise
            # Usually the server had closed the connection before it was used; these calls may be repeated.
            try:
                return await self._call(server, request, token, ends_at)
            except (RateLimited, Unreachable, DestinationBroken):
                raise lost from None  # the first request may have arrived, even if the second failed

    async def aclose(self) -> None:
        """Close connections and threads; a later call opens new ones."""
        opened, self._opened = self._opened, None
        self.threads.close()
        self.media.close()
        if opened is not None:
            await opened.aclose()

    async def _call(self, server: SplitResult, request: Request, token: str, ends_at: float) -> dict[str, Any]:
        left = ends_at - time.monotonic()
        if left < self.attempt_seconds * SHORTEST_CALL_SHARE:
            raise OutOfTime()
        try:
            async with asyncio.timeout(min(self.attempt_seconds * ANSWER_SHARE, left)):
                answer = await self._exchange(server, request, token)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            # Without the cause: its text comes from the server and is unbounded.
            raise await self._unanswered(error, server) from None
        if (refusal := judge(answer, datetime.now(UTC))) is not None:
            raise refusal
        found: dict[str, Any] = answer.content
        return found

    async def _exchange(self, server: SplitResult, request: Request, token: str) -> Answer:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if request.content_type:
            headers["Content-Type"] = request.content_type
        async with self._client().stream(
            "GET" if request.is_query else "POST",
            f"{server.geturl()}/xrpc/{request.name}",
            params=request.params,
            json=request.json,
            content=request.content,
            headers=headers,
        ) as response:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise ValueError  # no expected response is that large
            named = {name.lower(): value for name, value in response.headers.items()}
            return Answer(status=response.status_code, headers=named, body=bytes(body))

    def _client(self) -> httpx.AsyncClient:
        """Return the client, created at first use for the loop that uses it. Redirects and cookies are off."""
        if self._opened is None:
            self._opened = httpx.AsyncClient(
                transport=http_transport(self.outbound, LIMITS),
                trust_env=False,
                timeout=httpx.Timeout(self.attempt_seconds, connect=self.outbound.connect_timeout_seconds),
                headers={"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "identity"},
            )
        self._opened.cookies.clear()  # cookies of one account must not be sent for others
        return self._opened

    async def _unanswered(self, error: Exception, server: SplitResult) -> HandlerError:
        if (forbidden := find_forbidden(error)) is not None:
            return DestinationBroken(str(forbidden))
        if is_unsent(error):
            host, port = host_of(server), port_of(server)
            return Unreachable(await explain_unreachable(host, port, error, outbound=self.outbound))
        if isinstance(error, TimeoutError | httpx.TimeoutException):
            return Unavailable(f"The server's answer was lost ({type(error).__name__}).")  # it had its full time
        return Lost(f"The server's answer was lost ({type(error).__name__}).")
