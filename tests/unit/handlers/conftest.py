"""A Bot API behind a mock transport: the real client library runs, no network does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from project.sandbox.telegram.tdlib import complaint
from syncqueue.handlers.base import Document, DocumentJob, HandlerConfig, Place, RemotePart
from syncqueue.handlers.telegram.handler import TelegramHandler
from tests.loopback import resolver  # noqa: F401 - a fixture

TOKEN = "110201543:sandbox-token-of-the-demo-bot"
CHAT = {"id": -1001234567890, "type": "channel", "title": "News", "username": "news"}


@dataclass(frozen=True)
class Call:
    """One request as the service received it."""

    method: str
    params: dict[str, Any]
    files: dict[str, tuple[str, bytes]]  # name and content by field


@dataclass
class BotApi:
    """Answers well, unless answers were put into `answers`: a response or an httpx error, used up in order."""

    answers: list[httpx.Response | httpx.HTTPError | None] = field(default_factory=list)  # None: answer well
    calls: list[Call] = field(default_factory=list)
    chat: dict[str, Any] = field(default_factory=lambda: dict(CHAT))
    member: dict[str, Any] = field(default_factory=lambda: administrator(can_post_messages=True))
    complaints: list[str] = field(default_factory=list)  # of the real TDLib, about what was to be sent

    def refuse(self, status: int, description: str, **parameters: int) -> None:
        """Answer the next request as the Bot API refuses one."""
        body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
        if parameters:
            body["parameters"] = parameters
        self.answers.append(httpx.Response(status, json=body))

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The mock transport's function."""
        call = _read(request)
        self.calls.append(call)
        self._judge(call)
        prepared = self.answers.pop(0) if self.answers else None
        if isinstance(prepared, httpx.HTTPError):
            raise prepared
        return prepared or httpx.Response(200, json={"ok": True, "result": self._result(call)})

    def _judge(self, call: Call) -> None:
        shown = {**call.params, **(call.params.get("media") or {})}
        for text, entities in (("text", "entities"), ("caption", "caption_entities")):
            if text in shown and (why := complaint(shown[text], shown.get(entities) or [])):
                self.complaints.append(f"{why}: {shown[text]!r}")

    def _result(self, call: Call) -> Any:
        match call.method:
            case "deleteMessage":
                return True
            case "getMe":
                return BOT
            case "getChatMember":
                return self.member
            case "getChat":
                return self.chat | {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": GIFTS}
        return {"message_id": 40 + len(self.calls), "date": 1_700_000_000, "chat": self.chat, "text": "..."}


GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
)


RIGHTS = (
    "can_be_edited", "is_anonymous", "can_manage_chat", "can_delete_messages", "can_manage_video_chats",
    "can_restrict_members", "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories",
    "can_edit_stories", "can_delete_stories",
)  # fmt: skip
BOT = {"id": 110201543, "is_bot": True, "first_name": "Demo", "username": "demo_bot"}


def administrator(**rights: bool) -> dict[str, Any]:
    """The bot as an administrator with these rights alone."""
    return {"status": "administrator", "user": BOT, **dict.fromkeys(RIGHTS, False), **rights}


def _read(request: httpx.Request) -> Call:
    method = request.url.path.rpartition("/")[2]
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart"):
        return Call(method, {k: _value(v) for k, v in parse_qsl(request.content.decode())}, {})
    params, files = {}, {}
    for part in BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.content).walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if part.get_filename():
            files[name] = (part.get_filename(), content)
        elif name:
            params[name] = _value(content.decode())
    return Call(method, params, files)


def _value(text: str) -> Any:
    return json.loads(text) if text[:1] in "[{" or text in ("true", "false") else text


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[BotApi]:
    """The service, in place of the network. The real TDLib judges every text and entity list that reaches it."""
    service = BotApi()
    transport = httpx.MockTransport(service.answer)

    async def handle(_: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        return await transport.handle_async_request(request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    yield service
    assert service.complaints == []


class Bench:
    """A handler with what the executor would give it."""

    def __init__(self) -> None:
        self.config = HandlerConfig(service="telegram", options={"API_BASE_URL": "http://bots.test"})
        self.place = Place(id=1, name="News", address="@news", secret={"token": TOKEN})
        self.checkpoints: list[tuple[RemotePart, ...]] = []

    def run(self, act: Callable[[TelegramHandler], Awaitable[Any]]) -> Any:
        """`act` with a handler, on a loop of its own, as the worker and the web process do."""

        async def main() -> Any:
            handler = TelegramHandler(self.config)
            try:
                return await act(handler)
            finally:
                await handler.aclose()

        return asyncio.run(main())

    def job(self, document: Document | str = "", parts: tuple[RemotePart, ...] = ()) -> DocumentJob:
        """A job at the place; its checkpoints are kept."""

        async def store(stored: Any) -> str:
            self.checkpoints.append(tuple(stored))
            return "next key"

        document = Document(text=document) if isinstance(document, str) else document
        return DocumentJob(
            place=self.place, document=document, parts=parts, idempotency_key="key", uncertain=False, store=store
        )

    def create(self, document: Document | str) -> Any:
        return self.run(lambda handler: handler.create(self.job(document)))

    def update(self, document: Document | str, *parts: RemotePart) -> Any:
        return self.run(lambda handler: handler.update(self.job(document, parts)))

    def delete(self, *parts: RemotePart) -> Any:
        return self.run(lambda handler: handler.delete(self.job(parts=parts)))


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A handler, its place and its jobs."""
    yield Bench()
