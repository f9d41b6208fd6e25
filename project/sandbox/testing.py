"""A sandbox for tests: the real process on free ports, with the control API as methods."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from syncqueue.testing import sandbox as engine
from syncqueue.testing.sandbox.client import SandboxRefused as SandboxRefused
from syncqueue.testing.sandbox.client import running_process
from syncqueue.testing.sandbox.client import stop as stop

from .bluesky.service import DEFAULT_ACCOUNTS as BLUESKY_ACCOUNTS
from .mastodon.service import DEFAULT_TOKENS as MASTODON_TOKENS
from .telegram.service import DEFAULT_TOKEN
from .webhook.service import DEFAULT_SECRET

REPOSITORY = Path(__file__).resolve().parents[2]


class RunningSandbox(engine.RunningSandbox):
    """A running sandbox with the demo's services. `process` is its handle, for tests that kill it."""

    bot_token = DEFAULT_TOKEN
    webhook_secret = DEFAULT_SECRET
    mastodon_token, mastodon_second_token = MASTODON_TOKENS  # of @notes and @archive

    bluesky_account, bluesky_second_account = BLUESKY_ACCOUNTS  # thenotes.test and thearchive.test

    def __init__(self, process: subprocess.Popen[str], urls: dict[str, str]) -> None:
        super().__init__(urls)
        self.process = process
        self.telegram_url = urls["telegram"]
        self.mastodon_url = urls["mastodon"]
        self.manticore_url = urls["manticore"]
        self.webhook_url = urls["webhook"]
        self.bluesky_url = urls["bluesky"]
        self.pictures_url = urls["pictures"]

    def messages(self, chat: int | str = "@news") -> list[dict[str, Any]]:
        """Return the visible messages of a Telegram channel in order."""
        for channel in self.state()["services"]["telegram"]["chats"]:
            if chat in (channel["id"], "@" + channel["username"]):
                messages: list[dict[str, Any]] = channel["messages"]
                return messages
        raise LookupError(f"The sandbox has no channel {chat!r}.")

    def statuses(self, account: str = "@notes") -> list[dict[str, Any]]:
        """Return the visible statuses of a Mastodon account, oldest first."""
        for known in self.state()["services"]["mastodon"]["accounts"]:
            if known["username"] == account.lstrip("@"):
                return [status for status in known["statuses"] if not status["deleted"]]
        raise LookupError(f"The sandbox has no account {account!r}.")

    def remove_status(self, status_id: str) -> None:
        """Remove a status of a Mastodon account, as a person would."""
        self.call(f"/services/mastodon/statuses/{status_id}/remove", {})

    def change_status(self, status_id: str, **values: str) -> None:
        """Change a status of a Mastodon account (`text`, `visibility`), as a person would in another program."""
        self.call(f"/services/mastodon/statuses/{status_id}/change", values)

    def post_status(self, text: str, account: str = "@notes", **values: Any) -> str:
        """Make a status appear on a Mastodon account: `application="A phone"`, `age_seconds=3600`; returns its id."""
        body = {"text": text, **values}
        return str(self.call(f"/services/mastodon/accounts/{account.lstrip('@')}/post", body)["id"])

    def posts(self, handle: str = "thenotes.test") -> list[dict[str, Any]]:
        """Return the posts of a Bluesky account that readers see, by their keys."""
        for known in self.state()["services"]["bluesky"]["accounts"]:
            if known["handle"] == handle:
                there = [post for post in known["posts"] if not post["deleted"]]
                return sorted(there, key=lambda post: str(post["rkey"]))
        raise LookupError(f"The sandbox has no account {handle!r}.")

    def remove_post(self, rkey: str) -> None:
        """Remove a post of a Bluesky account, as a person would."""
        self.call(f"/services/bluesky/posts/{rkey}/remove", {})

    def change_post(self, rkey: str, text: str) -> None:
        """Edit a post of a Bluesky account, as a person would in another program. Readers see the first text."""
        self.call(f"/services/bluesky/posts/{rkey}/change", {"text": text})

    def post_on_bluesky(self, text: str, account: str = "thenotes", **values: Any) -> str:
        """Make a post appear on a Bluesky account: `clock=7`, `age_seconds=3600`; returns its key."""
        return str(self.call(f"/services/bluesky/accounts/{account}/post", {"text": text, **values})["rkey"])

    def expire_sessions(self, *, refresh: bool = False) -> None:
        """End the access tokens of Bluesky's accounts now, or all tokens."""
        self.call("/services/bluesky/sessions/expire", {"refresh": refresh})

    def revoke_connections(self) -> None:
        """People take back what they allowed applications on Mastodon."""
        self.call("/services/mastodon/oauth/revoke", {})

    def forget_applications(self) -> None:
        """Mastodon forgets all applications."""
        self.call("/services/mastodon/oauth/forget", {})

    def documents(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of a Manticore table with their ids, in the order in which they were first stored."""
        for known in self.state()["services"]["manticore"]["tables"]:
            if known["name"] == table:
                documents: list[dict[str, Any]] = known["documents"]
                return documents
        raise LookupError(f"The sandbox has no table {table!r}.")

    def manticore_sql(self, statement: str) -> None:
        """Somebody else changes Manticore's tables: nothing of it is in the log, whatever the switch says."""
        self.call("/services/manticore/sql", {"query": statement})

    def received(self, receiver: str = "notes") -> list[dict[str, Any]]:
        """Return the objects of a webhook receiver, in the order of their first event: `id`, `data`."""
        for known in self.state()["services"]["webhook"]["receivers"]:
            if known["name"] == receiver:
                objects: list[dict[str, Any]] = known["objects"]
                return objects
        return []

    def remove_received(self, receiver: str, object_id: str) -> None:
        """Remove an object of a receiver, as a person would."""
        self.call(f"/services/webhook/receivers/{receiver}/remove/{quote(object_id)}", {})

    def lock_message(self, chat: int | str, message_id: int) -> None:
        """Make a message undeletable."""
        self.call(f"/services/telegram/messages/{quote(str(chat))}/{message_id}/lock", {})

    def remove_message(self, chat: int | str, message_id: int) -> None:
        """Remove a message, as a person would."""
        self.call(f"/services/telegram/messages/{quote(str(chat))}/{message_id}/remove", {})

    def migrate(self, chat: int | str) -> int:
        """Turn a chat into a supergroup; returns its new id."""
        return int(self.call(f"/services/telegram/chats/{quote(str(chat))}/migrate", {})["id"])

    def make_chat(self, type_: str, title: str = "A chat", **values: Any) -> int:
        """A new Telegram chat with the bot in it ("supergroup", "group", "private", "channel"); returns its number."""
        return int(self.call("/services/telegram/chats", {"type": type_, "title": title, **values})["id"])

    def set_rights(self, chat: int | str, **rights: Any) -> None:
        """What the bot may do in a chat: `status="left"`, `can_post_messages=False`. Until the next reset."""
        self.call(f"/services/telegram/chats/{quote(str(chat))}/rights", rights)

    def rename_chat(self, chat: int | str, username: str) -> None:
        """Give a chat another public name, or none. Its number stays."""
        self.call(f"/services/telegram/chats/{quote(str(chat))}/rename", {"username": username})

    def set_topics(self, chat: int | str, **topics: str) -> None:
        """Make a chat a forum with these topics: `**{"5": "open"}`, or "closed", "deleted"."""
        self.call(f"/services/telegram/chats/{quote(str(chat))}/topics", topics)

    def post_as_somebody(self, chat: int | str, text: str) -> int:
        """Somebody else posts a text in a chat; returns its number there."""
        return int(self.call(f"/services/telegram/chats/{quote(str(chat))}/post", {"text": text})["message_id"])


@contextmanager
def running_sandbox(options: Sequence[str] = ()) -> Iterator[RunningSandbox]:
    """Start a sandbox in a separate process and always end it. `options`: further command-line options."""
    command = [sys.executable, "-m", "project.sandbox", "--control-port", "0", "--telegram-port", "0"]
    with running_process([*command, "--exit-with-parent", *options], REPOSITORY) as (process, urls):
        yield RunningSandbox(process, urls)
