"""Calls instances: one session for all, threads for the calls, time limits, and converted exceptions."""

from __future__ import annotations

import http.cookiejar
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import SplitResult

import requests
from mastodon import Mastodon
from mastodon.errors import MastodonError

from syncqueue.core.errors import (
    DestinationBroken,
    HandlerError,
    RetryLater,
    Unavailable,
    Unreachable,
)
from syncqueue.handlers.base import HandlerConfig, Place
from syncqueue.handlers.mastodon.answers import Answer, Asked, Doubtful, bad_token, judge, server_time
from syncqueue.handlers.mastodon.line import Line
from syncqueue.handlers.mastodon.memory import Memory
from syncqueue.handlers.mastodon.options import TOKEN
from syncqueue.handlers.media_reader import MediaReader
from syncqueue.outbound.connect import find_forbidden, is_unsent
from syncqueue.outbound.diagnosis import explain_unreachable
from syncqueue.outbound.requests_adapter import OutboundSession
from syncqueue.outbound.threads import HandlerThreads
from syncqueue.outbound.urls import endpoint_of, host_of, port_of, server_url

# Share of the attempt: connecting, a diagnosis and a response fit into the attempt, so it can report what happened.
ANSWER_SHARE, JOB_SHARE = 0.6, 0.9
# With less time left in an attempt, no further call is begun.
SHORTEST_CALL_SHARE = 0.05
NO_ENDPOINT = "no instance"  # nothing is sent there, so its breaker never opens
# Any version that has the endpoints used here; it is given because the library's own detection is unreliable.
_VERSION = "4.0.0"
USER_AGENT = "django-syncqueue (Mastodon.py)"

Operation = Callable[[Mastodon], object]


class OutOfTime(RetryLater):
    """The attempt has no time left for another request; none was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The account and the end of a job."""

    url: SplitResult  # the instance
    token: str = field(repr=False)
    ends_at: float  # end of the job, by the monotonic clock


class MastodonClient:
    """Calls any number of instances for any number of accounts, on one event loop."""

    def __init__(self, config: HandlerConfig) -> None:
        """Read the configuration; nothing is opened yet."""
        self._config = config
        self.outbound = config.outbound(public_only=True)
        self.memory = Memory()
        self._threads = HandlerThreads(config.service)
        self.media = MediaReader(self.outbound, self._threads)
        self._session: OutboundSession | None = None

    def caller(self, place: Place) -> Caller:
        """Return the login for one job, which begins now; raises `DestinationBroken` for a bad address or token."""
        try:
            url = server_url(place.address, self.outbound.is_allowed_private)
        except ValueError:
            raise DestinationBroken("The address is no instance, such as https://mastodon.social.") from None
        token = place.secret.get("access_token", "")
        if not TOKEN.fullmatch(token):
            raise DestinationBroken("The destination has no access token: enter one from the account's settings.")
        ends_at = time.monotonic() + self._config.attempt_timeout_seconds * JOB_SHARE
        return Caller(url=url, token=token, ends_at=ends_at)

    def endpoint(self, place: Place) -> str:
        """Return the "host:port" of a destination's instance, from its address; an attempt reports a malformed one."""
        try:
            return endpoint_of(server_url(place.address, self.outbound.is_allowed_private))
        except ValueError:
            return NO_ENDPOINT

    async def ask(self, caller: Caller, operation: Operation, asked: Asked | None = None) -> Any:
        """Send one request and return the JSON of its response; raises only `HandlerError`s, and never `Doubtful`."""
        try:
            return await self.call(caller, operation, asked)
        except Doubtful as doubtful:
            raise await self._explained(caller, doubtful) from None

    async def call(self, caller: Caller, operation: Operation, asked: Asked | None = None) -> Any:
        """Do the same as `ask`, but raise `Doubtful` for a refusal of unknown origin or subject."""
        asked = asked or Asked()
        left = caller.ends_at - time.monotonic()
        if left < self._config.attempt_timeout_seconds * SHORTEST_CALL_SHARE:
            raise OutOfTime("There is more to do than one attempt has time for; it continues soon.", after_seconds=1.0)
        line = Line(self._opened(), seconds=left)
        error, refusal = await self._threads.run(_exchange, operation, self._mastodon(caller, line, left), line, asked)
        if error is not None and not line.was_used:
            raise error  # no request was made: a bug, here or in the library
        if line.answer is None:
            # Without the cause: its text comes from the server and is unbounded.
            raise await self._unanswered(error, caller) from None
        self._note_clock(caller, line.answer)
        if refusal is not None:
            raise refusal
        return line.answer.content

    async def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run slow work without network calls, such as drawing, in a thread."""
        return await self._threads.run(work, *args, **kwargs)

    async def aclose(self) -> None:
        """Close connections and threads; a later call opens new ones."""
        opened, self._session = self._session, None
        self._threads.close()
        self.media.close()
        if opened is not None:
            opened.close()

    async def _explained(self, caller: Caller, doubtful: Doubtful) -> HandlerError:
        """Find out whose refusal it was, by requests with known responses: the own account, and the instance."""
        try:
            me = await self.call(caller, whose)
        except Doubtful as refused:
            is_page = doubtful.is_page or refused.is_page
            return DestinationBroken(bad_token(str(refused))) if not is_page else await self._blame(caller, refused)
        except HandlerError as error:
            return error
        return doubtful.refusal if isinstance(me, dict) and me.get("id") else Unavailable(str(doubtful))

    async def _blame(self, caller: Caller, refused: Doubtful) -> HandlerError:
        """Return whether a page that refuses everything comes from the instance, about the token, or from a proxy."""
        for path in DESCRIPTIONS:
            try:
                # Without the token: some servers refuse a bad token everywhere.
                found = await self.call(caller, describe(path, with_token=False))
            except Doubtful:
                continue
            except HandlerError as error:
                return error
            if isinstance(found, dict) and ("version" in found or "configuration" in found):
                return DestinationBroken(bad_token(str(refused)))
        return Unavailable(str(refused))

    def _note_clock(self, caller: Caller, answer: Answer) -> None:
        if (moment := server_time(answer.headers)) is not None:
            self.memory.note_offset(caller.url.geturl(), moment.timestamp() - time.time())

    def _opened(self) -> OutboundSession:
        """Return the session, created at first use. All accounts share it, so it must not keep cookies."""
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
            request_timeout=cast(float, timeout),  # passed to requests, which accepts a pair
            mastodon_version=_VERSION,
            version_check_mode="created",
            user_agent=USER_AGENT,
        )
        # Not as an argument: the library would read the token from a file of that name if there is one.
        api.access_token = caller.token
        return api

    async def _unanswered(self, error: Exception | None, caller: Caller) -> HandlerError:
        # The library hides the original exception.
        cause = error.__context__ if isinstance(error, MastodonError) else error
        if cause is not None and (forbidden := find_forbidden(cause)) is not None:
            return DestinationBroken(str(forbidden))
        if cause is not None and is_unsent(cause):
            host, port = host_of(caller.url), port_of(caller.url)
            return Unreachable(await explain_unreachable(host, port, cause, outbound=self.outbound))
        return Unavailable(f"The instance's answer was lost ({type(cause or error).__name__}).")


def _exchange(
    operation: Operation, api: Mastodon, line: Line, asked: Asked
) -> tuple[Exception | None, HandlerError | None]:
    """Interpret the response. Runs in a thread, where the JSON is parsed too.

    The library's results are not used, because it converts them and the response is available.
    """
    error: Exception | None = None
    try:
        operation(api)
    except Exception as raised:  # the library may raise anything; the response decides
        error = raised
    return error, judge(line.answer, asked, datetime.now(UTC)) if line.answer is not None else None


# Requests for which the library has no safe method

DESCRIPTIONS = ("/api/v2/instance", "/api/v1/instance")  # Mastodon 3 and some other servers do not have the first


def whose(api: Mastodon) -> object:
    """Read the account of the token."""
    return api.account_verify_credentials()


def describe(path: str, *, with_token: bool = True) -> Operation:
    """Read the instance's description of itself. With the library's method, a failure ends in a RecursionError."""

    def get(api: Mastodon) -> None:
        # With the token, because an instance may show its description to its own users only.
        _send(api, "GET", path, with_token=with_token)

    return get


def edit(status_id: str, fields: dict[str, Any]) -> Operation:
    """Edit a status. The library sends no language, and without one some servers set the account's."""

    def put(api: Mastodon) -> None:
        _send(api, "PUT", f"/api/v1/statuses/{status_id}", json=fields)

    return put


def _send(api: Mastodon, method: str, path: str, *, with_token: bool = True, **options: Any) -> None:
    headers = {"User-Agent": USER_AGENT} | ({"Authorization": f"Bearer {api.access_token}"} if with_token else {})
    api.session.request(method, f"{api.api_base_url}{path}", headers=headers, timeout=api.request_timeout, **options)
