"""The Bot API over HTTP: ``/bot<token>/<method>``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from syncqueue.testing.sandbox import Call, Mode, Outcome, Service

from .. import TEMPLATES
from .channels import Channel, Channels, Message
from .chat_controls import ChatControls
from .errors import BotError
from .methods import METHODS, POSTING
from .page import channel_views
from .params import Params, read_params

DEFAULT_TOKEN = "110201543:sandbox-token-of-the-demo-bot"  # noqa: S105 - known to everybody, opens only this sandbox
_PATH = re.compile(r"/bot(?P<token>\d+:[^/]+)/(?P<method>[A-Za-z]+)")
_WORDS = {400: "Bad Request: message is too long"}
_PHRASES = {known.value: known.phrase for known in HTTPStatus}
_BY_LOWER_NAME = {name.lower(): name for name in METHODS}  # the real server does not look at letter case


class TelegramService(Service):
    """Bots by token, channels by id and name."""

    name = "telegram"
    title = "Telegram"
    template = "telegram.html"
    template_folder = TEMPLATES

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = frozenset(tokens)
        self._channels = Channels()

    async def read_call(self, request: Request) -> Call:
        path = _PATH.fullmatch(request.url.path)
        name = _BY_LOWER_NAME.get(path["method"].lower()) if path else None
        try:
            params = await read_params(request)
        except BotError as error:
            return Call(method=name or "?", refused=_refused(error))
        if path is None or (name is None and path["token"] in self._tokens):
            return Call(method="?", params=params.for_log(), refused=_refused(BotError(404, "Not Found")))
        if path["token"] not in self._tokens:
            return Call(method=name or "?", params=params.for_log(), refused=_refused(_unauthorized()))
        return self._call(str(name), params, int(path["token"].partition(":")[0]))

    def _call(self, name: str, params: Params, bot_id: int) -> Call:
        given = params.text("chat_id")
        return Call(
            method=name,
            chat=self.chat_key(given) if given else None,
            params=params.for_log(),
            arguments=(params, bot_id),
            is_post=name in POSTING,
        )

    def perform(self, call: Call) -> Outcome:
        try:
            done = METHODS[call.method](self._channels, *call.arguments)
        except BotError as error:
            return _refused(error)
        answer = JSONResponse({"ok": True, "result": done.result})
        return Outcome(response=answer, stored=done.message_id is not None, message_id=done.message_id)

    def refuse(self, mode: Mode, call: Call) -> Outcome | None:
        if mode.name == "broken" and call.chat is None:
            return None  # the bot itself is well
        if mode.name == "error":
            return Outcome(response=_server_error(**{k: mode.params[k] for k in ("status", "html", "description")}))
        if mode.name == "limited":
            wait = mode.params["retry_after"]
            return _refused(BotError(429, f"Too Many Requests: retry after {wait}", retry_after=wait))
        if mode.name == "broken":
            return _refused(BotError(403, "Forbidden: bot was kicked from the channel chat"))
        return _refused(_unauthorized())

    def chat_key(self, given: object) -> int | str:
        channel = self._channels.find(given)
        return channel.id if channel else str(given)

    def state(self) -> dict[str, Any]:
        return {
            "chats": [
                {
                    "id": channel.id,
                    "type": channel.type,
                    "username": channel.username,
                    "title": channel.title,
                    "messages": [message.as_seen() for message in channel.messages.values()],
                }
                for channel in self._channels.all
            ]
        }

    def reset(self) -> None:
        self._channels.reset()

    def page(self) -> dict[str, Any]:
        names = {channel.id: channel.name for channel in self._channels.all}
        return {"channels": channel_views(self._channels), "names": names}

    def dump(self) -> dict[str, Any]:
        return self._channels.dump()

    def load(self, dumped: dict[str, Any]) -> None:
        self._channels.load(dumped)

    def control_routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/messages/{chat}/{message_id:int}/lock", self.lock, methods=["POST"]),
            Route("/messages/{chat}/{message_id:int}/remove", self.remove, methods=["POST"]),
            *ChatControls(self._channels).routes(),
        ]

    async def lock(self, request: Request) -> Response:
        """From now on this message cannot be deleted (as a message older than 48 hours)."""
        message = self._message(request)[1]
        message.is_locked = True
        return JSONResponse(message.as_seen())

    async def remove(self, request: Request) -> Response:
        """Somebody takes this message away by hand."""
        channel, message = self._message(request)
        del channel.messages[message.message_id]
        return JSONResponse(message.as_seen())

    def _message(self, request: Request) -> tuple[Channel, Message]:
        channel = self._channels.find(request.path_params["chat"])
        message = channel.messages.get(request.path_params["message_id"]) if channel else None
        if channel is None or message is None:
            raise HTTPException(404, "There is no such message.")
        return channel, message


def _unauthorized() -> BotError:
    return BotError(401, "Unauthorized")


def _refused(error: BotError) -> Outcome:
    return Outcome(response=JSONResponse(error.as_json(), status_code=error.code))


def _server_error(status: int, html: bool, description: str) -> Response:
    """As the server fails (JSON), or as a proxy before it does (a page of HTML).

    A 400 without words is one about the content, which no repetition makes better.
    """
    if html:
        return HTMLResponse("<html><body><h1>Something is wrong</h1></body></html>", status_code=status)
    words = description or _WORDS.get(status) or _PHRASES.get(status, "Error")
    return JSONResponse(BotError(status, words).as_json(), status_code=status)
