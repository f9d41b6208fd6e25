"""Looking without changing anything: the probe against the sandbox, which checks edits in the real server's order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from project.sandbox.testing import RunningSandbox
from syncqueue.core.errors import RateLimited, Unavailable
from syncqueue.handlers.base import HandlerConfig, Place
from syncqueue.handlers.telegram.channel import Channel
from syncqueue.handlers.telegram.client import TelegramClient
from syncqueue.handlers.telegram.probe import Sight, is_exact, look
from syncqueue.handlers.telegram.render import RenderedMessage

KINDS = ["channel", "supergroup", "group", "private"]


class Watch:
    """Looks at a chat of the sandbox, and posts there."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.token = sandbox.bot_token

    def at(self, chat: int | str, number: int) -> Sight:
        sight: Sight = self._run(lambda client: look(client, self.token, str(chat), number))
        return sight

    def is_exact(self, chat: int | str) -> bool:
        return bool(self._run(lambda client: is_exact(client, self.token, str(chat))))

    def post(self, chat: int | str, kind: Any = "text") -> int:
        place = Place(id=1, name="x", address=str(chat), secret={"token": self.token})
        message = RenderedMessage(kind=kind, text="Hello", file_name="a.txt", file_bytes=b"Hello")
        return int(self._run(lambda client: Channel(client, place).send(message)).id)

    def _run(self, act: Callable[[TelegramClient], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            url = self.sandbox.telegram_url
            client = TelegramClient(HandlerConfig(service="telegram", options={"API_BASE_URL": url}))
            try:
                return await act(client)
            finally:
                await client.aclose()

        return asyncio.run(main())


@pytest.fixture
def watch(sandbox: RunningSandbox) -> Watch:
    return Watch(sandbox)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_message_is_told_apart_and_none_is_changed(
    sandbox: RunningSandbox, watch: Watch, kind: str
) -> None:
    chat = sandbox.make_chat(kind)
    text, file = watch.post(chat), watch.post(chat, "document")
    theirs = sandbox.post_as_somebody(chat, "Theirs")
    before = sandbox.messages(chat)
    sights = [watch.at(chat, number) for number in (text, file, theirs, theirs + 1)]
    assert sights == [Sight.OURS_TEXT, Sight.OURS_FILE, Sight.NOT_OURS, Sight.GONE]
    assert sandbox.messages(chat) == before
    assert not any(entry["stored"] for entry in sandbox.log() if entry["method"].startswith("edit"))


def test_a_deleted_message_is_gone(sandbox: RunningSandbox, watch: Watch) -> None:
    number = watch.post("@news")
    sandbox.remove_message("@news", number)
    assert watch.at("@news", number) is Sight.GONE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("may_edit_others", [False, True])
def test_it_is_exact_unless_the_bot_may_edit_what_others_post_in_a_channel(
    sandbox: RunningSandbox, watch: Watch, kind: str, may_edit_others: bool
) -> None:
    chat = sandbox.make_chat(kind)
    sandbox.set_rights(chat, can_edit_messages=may_edit_others)
    assert watch.is_exact(chat) is not (kind == "channel" and may_edit_others)
    theirs = sandbox.post_as_somebody(chat, "Theirs")
    assert (watch.at(chat, theirs) is Sight.NOT_OURS) is watch.is_exact(chat)


def test_words_that_say_nothing_of_the_message_are_unknown(sandbox: RunningSandbox, watch: Watch) -> None:
    number = watch.post("@news")
    sandbox.plan_answers("telegram", {"mode": "error", "status": 400, "description": "Bad Request: SOMETHING_NEW"})
    assert watch.at("@news", number) is Sight.UNKNOWN


def test_a_limit_or_an_outage_ends_the_looking(sandbox: RunningSandbox, watch: Watch) -> None:
    sandbox.plan_answers("telegram", "limited", "error")
    with pytest.raises(RateLimited):
        watch.at("@news", 1)
    with pytest.raises(Unavailable):
        watch.at("@news", 1)
