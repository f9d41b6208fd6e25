"""Receivers on one port: ``POST /{name}``. A signed event to a new name creates a receiver."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from syncqueue.testing.sandbox import Call, Mode, Outcome, Service

from .. import TEMPLATES
from .receivers import Receiver
from .verify import why_refused

# Not valid anywhere else.
DEFAULT_SECRET = "whsec_c2FuZGJveC1zZWNyZXQtb2YtdGhlLWRlbW8taG9vay0x"  # noqa: S105 - known to everybody
SHOWN_COUNT = 100  # number of last objects of a receiver on the page
PREVIEW_CHARS = 600
_NAME = re.compile(r"[a-z0-9-]{1,40}")
_REFUSALS = {"limited": (429, "too many events"), "broken": (403, "not here"), "unauthorized": (401, "who are you?")}


class WebhookService(Service):
    """Receivers by name."""

    name = "webhook"
    title = "Webhooks"
    template = "webhook.html"
    template_folder = TEMPLATES

    def __init__(self, secret: str = DEFAULT_SECRET) -> None:
        self._secret = secret
        self._receivers: dict[str, Receiver] = {}

    async def read_call(self, request: Request) -> Call:
        body = await request.body()
        name = request.url.path.removeprefix("/")
        if request.method != "POST" or not _NAME.fullmatch(name):
            return Call(method="?", refused=_said(404, "there is no such receiver"))
        if reason := why_refused(self._secret, request.headers, body):
            return Call(method="?", chat=name, refused=_said(401, reason))
        return _call(name, request.headers["webhook-id"], body)

    def perform(self, call: Call) -> Outcome:
        event_id, kind, data = call.arguments
        receiver = self._receivers.setdefault(str(call.chat), Receiver(name=str(call.chat)))
        taken = receiver.take(event_id, kind, data)
        # What a receiver of users' events confirms with.
        confirmed = {"challenge": data["challenge"]} if kind == "ping" and "challenge" in data else {}
        return Outcome(response=JSONResponse({"taken": taken, **confirmed}), stored=taken)

    def refuse(self, mode: Mode, call: Call) -> Outcome | None:
        if mode.name == "error" and mode.params["html"]:
            page = "<html><body><h1>Something is wrong</h1></body></html>"
            return Outcome(response=HTMLResponse(page, status_code=mode.params["status"]))
        if mode.name == "error":
            return _said(mode.params["status"], "something is wrong")
        outcome = _said(*_REFUSALS[mode.name])
        if mode.name == "limited" and outcome.response is not None:
            outcome.response.headers["Retry-After"] = str(mode.params["retry_after"])
        return outcome

    def chat_key(self, given: object) -> int | str:
        return str(given).removeprefix("/")

    def state(self) -> dict[str, Any]:
        return {"receivers": [receiver.as_json() for receiver in self._receivers.values()]}

    def reset(self) -> None:
        self._receivers.clear()

    def page(self) -> dict[str, Any]:
        return {"receivers": [_view(receiver) for receiver in self._receivers.values()], "names": {}}

    def dump(self) -> dict[str, Any]:
        return {"receivers": [receiver.dump() for receiver in self._receivers.values()]}

    def load(self, dumped: dict[str, Any]) -> None:
        self._receivers = {one["name"]: Receiver.of(one) for one in dumped["receivers"]}

    def control_routes(self) -> Sequence[BaseRoute]:
        return [Route("/receivers/{name}/remove/{thing:path}", self.remove, methods=["POST"])]

    async def remove(self, request: Request) -> Response:
        """Remove an object, as if the receiver had deleted it."""
        receiver = self._receivers.get(request.path_params["name"])
        if receiver is None or receiver.things.pop(unquote(request.path_params["thing"]), None) is None:
            raise HTTPException(404, "There is no such object.")
        return JSONResponse({"removed": True})


def _call(name: str, event_id: str, body: bytes) -> Call:
    try:
        event = json.loads(body)
        kind, data = str(event["type"]), dict(event["data"])
    except (ValueError, TypeError, KeyError):
        return Call(method="?", chat=name, refused=_said(400, "expected type and data"))
    word = kind.rpartition(".")[2]
    logged = {"type": kind, "webhook_id": event_id, "id": data.get("id", ""), "text": str(data.get("text", ""))[:500]}
    return Call(method=word, chat=name, params=logged, arguments=(event_id, kind, data), is_post=word == "created")


def _said(status: int, text: str) -> Outcome:
    return Outcome(response=JSONResponse({"error": text}, status_code=status))


def _view(receiver: Receiver) -> dict[str, Any]:
    things = list(receiver.things.values())
    shown = [
        {
            "id": thing.id,
            "text": str(thing.data.get("text", ""))[:PREVIEW_CHARS],
            "tags": thing.data.get("tags", []),
            "is_private": bool(thing.data.get("is_private")),
            "event_count": thing.event_count,
        }
        for thing in things[-SHOWN_COUNT:]
    ]
    return {"name": receiver.name, "count": len(things), "hidden_count": len(things) - len(shown), "things": shown}
