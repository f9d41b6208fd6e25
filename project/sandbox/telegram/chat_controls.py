"""The switches of chats on the control port: new ones, rights of the bot, names, topics, and what others post."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .channels import DEFAULT_RIGHTS, SOMEBODY, STATUSES, TOPIC_STATES, TYPES, Channel, Channels


class ChatControls:
    """Below ``/services/telegram/chats``. Each takes and answers JSON; 400 names what does not fit."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def routes(self) -> list[BaseRoute]:
        acts = {
            "migrate": self.migrate, "rights": self.set_rights, "rename": self.rename, "topics": self.set_topics,
            "post": self.post,
        }  # fmt: skip
        return [
            Route("/chats", self.make, methods=["POST"]),
            *(Route(f"/chats/{{chat}}/{name}", act, methods=["POST"]) for name, act in acts.items()),
        ]

    async def make(self, request: Request) -> Response:
        """A new chat with the bot in it: `{"type": "supergroup", "title": "...", "username": "", "topics": {}}`."""
        given = await _given(request)
        _check_known(given.get("type"), TYPES)
        for state in (given.get("topics") or {}).values():
            _check_known(state, TOPIC_STATES)
        title, username = str(given.get("title", "A chat")), str(given.get("username", ""))
        return JSONResponse(self._channels.make(given["type"], title, username, given.get("topics")).as_chat())

    async def migrate(self, request: Request) -> Response:
        """The group becomes a supergroup with another number: posts and deletions are told where it is."""
        channel = self._chat(request)
        if channel.moved_to is not None:
            raise HTTPException(404, "The chat has moved already.")
        return JSONResponse(self._channels.migrate(channel).as_chat())

    async def set_rights(self, request: Request) -> Response:
        """What the bot may do: `{"status": "administrator", "can_post_messages": false}`; the rest stays."""
        channel, given = self._chat(request), await _given(request)
        if "status" in given:
            _check_known(given["status"], STATUSES)
            channel.status = given.pop("status")
        for right, is_given in given.items():
            _check_known(right, DEFAULT_RIGHTS)
            channel.rights[right] = bool(is_given)
        return JSONResponse({"status": channel.status, **channel.rights})

    async def rename(self, request: Request) -> Response:
        """Another public name, or none: `{"username": "other"}`. The number stays."""
        channel, given = self._chat(request), await _given(request)
        channel.username = str(given.get("username", ""))
        return JSONResponse(channel.as_chat())

    async def set_topics(self, request: Request) -> Response:
        """The chat is a forum with these topics: `{"5": "open", "6": "closed"}`."""
        channel, given = self._chat(request), await _given(request)
        for state in given.values():
            _check_known(state, TOPIC_STATES)
        channel.topics = {str(number): str(state) for number, state in given.items()}
        return JSONResponse(channel.as_chat())

    async def post(self, request: Request) -> Response:
        """Somebody else posts a text: `{"text": "Hello"}`."""
        channel, given = self._chat(request), await _given(request)
        message = self._channels.post(channel, text=str(given.get("text", "")), author=SOMEBODY)
        return JSONResponse(message.as_seen())

    def _chat(self, request: Request) -> Channel:
        channel = self._channels.find(request.path_params["chat"])
        if channel is None:
            raise HTTPException(404, "There is no such chat.")
        return channel


async def _given(request: Request) -> dict[str, Any]:
    body = await request.body()
    given = await request.json() if body else {}
    if not isinstance(given, dict):
        raise HTTPException(400, "Send a JSON object.")
    return given


def _check_known(value: object, known: Collection[str]) -> None:
    if value not in known:
        raise HTTPException(400, f"{value!r} is not known here. Known: {', '.join(known)}.")
