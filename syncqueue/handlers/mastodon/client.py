"""The way to instances: one session for all, threads for the calls, their limits in time, and what is raised."""

from __future__ import annotations

import http.cookiejar
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import SplitResult

import requests
from mastodon import Mastodon
from mastodon.errors import MastodonError

from syncqueue.core.errors import (
    DestinationBroken,
    HandlerError,
    OutcomeUnknown,
    PermanentError,
    RetryLater,
    Unreachable,
)
from syncqueue.handlers.base import HandlerConfig, Place
from syncqueue.handlers.mastodon.answers import Asked, judge
from syncqueue.handlers.mastodon.instance import Limits, read_limits
from syncqueue.handlers.mastodon.line import Line
from syncqueue.handlers.mastodon.options import TOKEN, instance_url
from syncqueue.outbound.connect import find_forbidden, is_unsent
from syncqueue.outbound.diagnosis import explain_unreachable
from syncqueue.outbound.requests_adapter import OutboundSession, fetch, may_fetch
from syncqueue.outbound.threads import HandlerThreads
from syncqueue.outbound.urls import endpoint_of, host_of, port_of

# Of the attempt: connecting, a diagnosis and an answer stay below the whole, so it can say what happened.
ANSWER_SHARE, JOB_SHARE = 0.6, 0.9
# With less than this left of an attempt no further call is begun.
SHORTEST_CALL_SHARE = 0.05
LIMITS_SECONDS = 3600.0
NO_ENDPOINT = "no instance"  # nothing is ever sent there, so its breaker never opens
PICTURE_REDIRECTS = 3  # picture hosts send from one name to another
# Any that has the endpoints used here; it is stated so that the library does not look it up, which it does badly.
_VERSION = "4.0.0"
_USER_AGENT = "django-syncqueue (Mastodon.py)"

Operation = Callable[[Mastodon], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """In whose name, and until when."""

    url: SplitResult  # of the instance
    token: str
    ends_at: float  # of the job, by the monotonic clock


class MastodonClient:
    """Calls any number of instances for any number of accounts, on one event loop."""

    def __init__(self, config: HandlerConfig) -> None:
        """Read the configuration; nothing is opened yet."""
        self._config = config
        self.outbound = config.outbound(public_only=True)
        self._threads = HandlerThreads(config.service)
        self._session: OutboundSession | None = None
        self._limits: dict[str, tuple[float, Limits]] = {}  # by instance: until when they hold

    def caller(self, place: Place) -> Caller:
        """For one job, which begins now; raises `DestinationBroken` for an address or token that is none."""
        try:
            url = instance_url(place.address, self.outbound.is_allowed_private)
        except ValueError:
            raise DestinationBroken("The address is no instance, such as https://mastodon.social.") from None
        token = place.secret.get("access_token", "")
        if not TOKEN.fullmatch(token):
            raise DestinationBroken("The destination has no access token: enter one from the account's settings.")
        ends_at = time.monotonic() + self._config.attempt_timeout_seconds * JOB_SHARE
        return Caller(url=url, token=token, ends_at=ends_at)

    def endpoint(self, place: Place) -> str:
        """The "host:port" of a destination's instance, by its address alone; what is wrong with it an attempt tells."""
        try:
            return endpoint_of(instance_url(place.address, self.outbound.is_allowed_private))
        except ValueError:
            return NO_ENDPOINT

    async def call(self, caller: Caller, operation: Operation, asked: Asked | None = None) -> Any:
        """The JSON that one request is answered with; raises `HandlerError`s alone."""
        asked = asked or Asked()
        left = caller.ends_at - time.monotonic()
        if left < self._config.attempt_timeout_seconds * SHORTEST_CALL_SHARE:
            raise RetryLater("There is more to do than one attempt has time for; it goes on soon.", after_seconds=1.0)
        line = Line(self._opened(), seconds=left)
        error = await self._threads.run(_try, operation, self._mastodon(caller, line, left))
        if error is not None and not line.was_used:
            raise error  # nothing was asked for: a mistake of ours, or of the library
        if line.answer is None:
            # Without the cause: its text is the other side's, and unbounded.
            raise await self._unanswered(error, caller, asked) from None
        refusal = judge(line.answer, asked, datetime.now(UTC))
        if refusal is not None:
            raise refusal
        return line.answer.content

    async def limits(self, caller: Caller) -> Limits:
        """What the instance takes, asked at most once an hour."""
        address = caller.url.geturl()
        until, known = self._limits.get(address, (0.0, Limits()))
        if time.monotonic() >= until:
            known = read_limits(await self._description(caller))
            self._limits[address] = (time.monotonic() + LIMITS_SECONDS, known)
        return known

    def may_fetch(self, url: str) -> bool:
        """Whether a URL is of the form that `fetch` takes."""
        return may_fetch(self.outbound, url)

    async def fetch(self, url: str, *, max_bytes: int, seconds: float) -> bytes:
        """What a URL of a user's names; raises `FetchError`."""
        fetched = await self._threads.run(
            fetch, self._opened(), url, max_bytes=max_bytes, max_redirects=PICTURE_REDIRECTS, timeout_seconds=seconds
        )
        return fetched.content

    async def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Work that takes a while without the network, such as drawing, in a thread."""
        return await self._threads.run(work, *args, **kwargs)

    async def aclose(self) -> None:
        """Close connections and threads; a later call opens new ones."""
        opened, self._session = self._session, None
        self._threads.close()
        if opened is not None:
            opened.close()

    async def _description(self, caller: Caller) -> Any:
        for path in ("/api/v2/instance", "/api/v1/instance"):
            # Mastodon 3 and some other servers do not have the first.
            with suppress(PermanentError):
                return await self.call(caller, _describe(path))
        return None  # it does not say, so the defaults are taken: few instances have tighter ones

    def _opened(self) -> OutboundSession:
        """Made on first use; it is shared by all accounts, so it must keep none of their cookies."""
        if self._session is None:
            self._session = OutboundSession(self.outbound)
            self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        return self._session

    def _mastodon(self, caller: Caller, line: Line, left: float) -> Mastodon:
        seconds = self._config.attempt_timeout_seconds
        timeout = (min(self.outbound.connect_timeout_seconds, left), min(seconds * ANSWER_SHARE, left))
        api = Mastodon(
            api_base_url=caller.url.geturl(),
            session=cast(requests.Session, line),
            ratelimit_method="throw",
            request_timeout=cast(float, timeout),  # it goes to requests, which takes both apart
            mastodon_version=_VERSION,
            version_check_mode="created",
            user_agent=_USER_AGENT,
        )
        # Not as an argument: the library would read the token from a file of that name, if there is one.
        api.access_token = caller.token
        return api

    async def _unanswered(self, error: Exception | None, caller: Caller, asked: Asked) -> HandlerError:
        # The library wraps what happened, and says nothing of it.
        cause = error.__context__ if isinstance(error, MastodonError) else error
        if cause is not None and (forbidden := find_forbidden(cause)) is not None:
            return DestinationBroken(str(forbidden))
        if cause is not None and is_unsent(cause):
            host, port = host_of(caller.url), port_of(caller.url)
            return Unreachable(await explain_unreachable(host, port, cause, outbound=self.outbound))
        name = type(cause or error).__name__
        if asked.creates:
            return OutcomeUnknown(f"The instance's answer was lost ({name}): the status may be there or not.")
        return RetryLater(f"The instance's answer was lost ({name}).")


def _try(operation: Operation, api: Mastodon) -> Exception | None:
    """What the library raised. Its results are not used: it casts them, and what was answered is kept anyway."""
    try:
        operation(api)
    except Exception as error:  # the library raises what it likes; the answer decides what it means
        return error
    return None


def _describe(path: str) -> Operation:
    def get(api: Mastodon) -> None:
        # With the token, as an instance may keep its description for its own people. Not by the library's way:
        # where this look-up fails, that ends in a RecursionError.
        headers = {"Authorization": f"Bearer {api.access_token}", "User-Agent": _USER_AGENT}
        api.session.request("GET", f"{api.api_base_url}{path}", headers=headers, timeout=api.request_timeout)

    return get
