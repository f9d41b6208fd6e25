"""Calls the Bot API: one connection pool with its limits, converted exceptions, and logs without tokens."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
from telegram import Bot
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

from syncqueue.core.errors import DestinationBroken, HandlerError, OutcomeUnknown, Unavailable, Unreachable
from syncqueue.handlers.base import HandlerConfig
from syncqueue.handlers.telegram.answers import NOT_CONNECTED, ErrorAnswer, translate
from syncqueue.outbound.diagnosis import explain_unreachable
from syncqueue.outbound.httpx_transport import transport
from syncqueue.outbound.urls import endpoint_of, host_of, port_of
from syncqueue.secrets import RedactSecrets

T = TypeVar("T")

REAL_URL = "https://api.telegram.org"
# Real tokens have 35 characters after the colon; the Bot API's documentation shows others.
TOKEN = re.compile(r"[0-9]{5,}:[A-Za-z0-9_-]{20,}")
# Well above any CONCURRENCY; httpx keeps a connection for 5 s after its last use.
LIMITS = httpx.Limits(max_connections=100, keepalive_expiry=5.0)
ANSWER_SHARE = 0.7  # share of the attempt for a response, in addition to handlers.base.CONNECT_SHARE
# The server waits up to 8 s for flood limits before it responds, and then needs its usual time: with a shorter timeout,
# responses are lost although the message is sent.
LEAST_ANSWER_SECONDS = 14.0
LEAST_ATTEMPT_SECONDS = round(LEAST_ANSWER_SECONDS / ANSWER_SHARE, 3)

_TALKATIVE = ("telegram", "httpx", "httpcore")
_REDACT = RedactSecrets()


def keep_tokens_out_of_logs() -> None:
    """Add the filter to every logger of the libraries, because every URL that they log contains the token.

    To each one, because the filter of a logger does not apply to records of its child loggers.
    """
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in _TALKATIVE:
            logging.getLogger(name).addFilter(_REDACT)


keep_tokens_out_of_logs()


class BotRequest(HTTPXRequest):
    """The library's transport, which returns every error response unchanged (see `ErrorAnswer`).

    The library would take a proxy's 404 or 403 for a refused token, reduce a status to its phrase, and change the
    texts that distinguish refusals.
    """

    __slots__ = ()

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """Send one request; raises `ErrorAnswer` for anything but a success."""
        status, payload = await super().do_request(*args, **kwargs)
        answer = _answer(payload)
        if 200 <= status < 300 and "result" in answer:
            return status, payload
        parameters = answer.get("parameters")
        raise ErrorAnswer(
            status,
            str(answer.get("description", "")),
            parameters if isinstance(parameters, dict) else None,
            is_bot_api=bool(answer) and not 200 <= status < 300,
        )


def _answer(payload: bytes) -> dict[str, Any]:
    """Parse a Bot API response; empty if it is not one."""
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) and "ok" in answer else {}


class TelegramClient:
    """Calls the Bot API for any number of bots over one connection pool, on one event loop."""

    def __init__(self, config: HandlerConfig) -> None:
        """Read the options; raises `ConfigurationError` for a malformed API_BASE_URL."""
        self._url = config.base_url("API_BASE_URL", REAL_URL)
        self._outbound = config.outbound(public_only=False)
        self._attempt_seconds = config.attempt_timeout_seconds
        self._request: BotRequest | None = None

    @property
    def endpoint(self) -> str:
        """The "host:port" that is called."""
        return endpoint_of(self._url)

    async def call(self, token: str, operation: Callable[[Bot], Awaitable[T]], *, creates: bool = False) -> T:
        """Send one request as the bot of `token`; raises only `HandlerError`s.

        `creates`: the request creates something, so a lost response is an `OutcomeUnknown`.
        """
        bot = self._bot(token)
        try:
            return await operation(bot)
        except TelegramError as error:
            # Without the cause: some messages, and the URLs in those of httpx, contain the token.
            raise await self._translated(error, creates=creates) from None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # From the library, for a malformed result; the text quotes the response.
            said = f"What answers at {self.endpoint} is no Bot API: its result cannot be read ({type(error).__name__})."
            raise (OutcomeUnknown(said) if creates else Unavailable(said)) from None

    async def aclose(self) -> None:
        """Close the connections; a later call opens new ones."""
        request, self._request = self._request, None
        if request is not None:
            # Not with Bot.shutdown(), which does nothing unless the Bot was initialised with a getMe.
            await request.shutdown()

    def _bot(self, token: str) -> Bot:
        if not TOKEN.fullmatch(token):
            raise DestinationBroken("The destination has no bot token: enter the one that @BotFather shows.")
        # A Bot consists of token and URLs only, so none is kept; the request object has the connections.
        request = self._shared_request()
        base = self._url.geturl()
        return Bot(
            token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=request,
            get_updates_request=request,
        )

    def _shared_request(self) -> BotRequest:
        """Return the request object, created at first use, because it belongs to the loop that uses it."""
        if self._request is None:
            self._request = self._new_request()
            keep_tokens_out_of_logs()
        return self._request

    def _new_request(self) -> BotRequest:
        answer_seconds = self._attempt_seconds * ANSWER_SHARE
        options: dict[str, Any] = {"limits": LIMITS}
        if self._outbound.force_ipv4:
            # Only then: a custom transport ignores the proxy of the environment, which Telegram may need.
            options["transport"] = transport(self._outbound, LIMITS)
        return BotRequest(
            connect_timeout=self._outbound.connect_timeout_seconds,
            read_timeout=answer_seconds,
            write_timeout=answer_seconds,
            media_write_timeout=answer_seconds,
            httpx_kwargs=options,
        )

    async def _translated(self, error: TelegramError, *, creates: bool) -> HandlerError:
        if not isinstance(error.__cause__, NOT_CONNECTED):
            return translate(error, creates=creates)
        host, port = host_of(self._url), port_of(self._url)
        return Unreachable(await explain_unreachable(host, port, error, outbound=self._outbound))
