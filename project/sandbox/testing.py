"""A sandbox for tests: the real process on free ports, and the switches of its control port as methods."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

from .mastodon.service import DEFAULT_TOKENS as MASTODON_TOKENS
from .telegram.service import DEFAULT_TOKEN
from .webhook.service import DEFAULT_SECRET

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 20.0  # a busy machine's import of the web server
CALL_SECONDS = 10.0
STOP_SECONDS = 5.0


class SandboxRefused(Exception):
    """The control port refused a call; the text is its reason."""


class RunningSandbox:
    """A sandbox process. `process` is its handle, for tests that kill it."""

    bot_token = DEFAULT_TOKEN
    webhook_secret = DEFAULT_SECRET
    mastodon_token, mastodon_second_token = MASTODON_TOKENS  # of @notes and @archive

    def __init__(self, process: subprocess.Popen[str], urls: dict[str, str]) -> None:
        self.process = process
        self.control_url = urls["control"]
        self.telegram_url = urls["telegram"]
        self.mastodon_url = urls["mastodon"]
        self.manticore_url = urls["manticore"]
        self.webhook_url = urls["webhook"]
        self.pictures_url = urls["pictures"]
        self._opener = build_opener(ProxyHandler({}))  # never through a proxy of the machine

    def set_mode(self, service: str, mode: str, **params: Any) -> None:
        """Turn the switch of a service. Returns when the port is open or closed as it should be."""
        self._call(f"/services/{service}/mode", {"mode": mode, **params})

    def plan_answers(self, service: str, *answers: str | dict[str, Any]) -> None:
        """The next requests meet these modes, one each: `"hang"` or `{"mode": "limited", "retry_after": 1}`."""
        self._call(f"/services/{service}/plan", list(answers))

    def state(self) -> dict[str, Any]:
        """Everything a visitor of the services could see."""
        state: dict[str, Any] = self._call("/state.json")
        return state

    def log(self, after: int = 0) -> list[dict[str, Any]]:
        """The requests numbered above `after`, oldest first."""
        entries: list[dict[str, Any]] = self._call(f"/log.json?after={after}")
        return entries

    def messages(self, chat: int | str = "@news") -> list[dict[str, Any]]:
        """The visible messages of a Telegram channel in order."""
        for channel in self.state()["services"]["telegram"]["chats"]:
            if chat in (channel["id"], "@" + channel["username"]):
                messages: list[dict[str, Any]] = channel["messages"]
                return messages
        raise LookupError(f"The sandbox has no channel {chat!r}.")

    def set_options(self, service: str, **options: Any) -> None:
        """Make a service another kind of server until the next reset: `idempotency=False`, `delete_limit=2`."""
        self._call(f"/services/{service}/options", options)

    def statuses(self, account: str = "@notes") -> list[dict[str, Any]]:
        """The visible statuses of a Mastodon account, oldest first."""
        for known in self.state()["services"]["mastodon"]["accounts"]:
            if known["username"] == account.lstrip("@"):
                return [status for status in known["statuses"] if not status["deleted"]]
        raise LookupError(f"The sandbox has no account {account!r}.")

    def remove_status(self, status_id: str) -> None:
        """Somebody takes this status of a Mastodon account away by hand."""
        self._call(f"/services/mastodon/statuses/{status_id}/remove", {})

    def documents(self, table: str) -> list[dict[str, Any]]:
        """The rows of a Manticore table with their ids, in the order they were first stored."""
        for known in self.state()["services"]["manticore"]["tables"]:
            if known["name"] == table:
                documents: list[dict[str, Any]] = known["documents"]
                return documents
        raise LookupError(f"The sandbox has no table {table!r}.")

    def manticore_sql(self, statement: str) -> None:
        """Somebody else changes Manticore's tables: nothing of it is in the log, whatever the switch says."""
        self._call("/services/manticore/sql", {"query": statement})

    def received(self, receiver: str = "notes") -> list[dict[str, Any]]:
        """The objects that a receiver of webhooks knows, in the order they were first told of: `id`, `data`."""
        for known in self.state()["services"]["webhook"]["receivers"]:
            if known["name"] == receiver:
                objects: list[dict[str, Any]] = known["objects"]
                return objects
        return []

    def remove_received(self, receiver: str, object_id: str) -> None:
        """Somebody takes an object away at a receiver."""
        self._call(f"/services/webhook/receivers/{receiver}/remove/{quote(object_id)}", {})

    def lock_message(self, chat: int | str, message_id: int) -> None:
        """This message cannot be deleted any more."""
        self._call(f"/services/telegram/messages/{quote(str(chat))}/{message_id}/lock", {})

    def remove_message(self, chat: int | str, message_id: int) -> None:
        """Somebody takes this message away by hand."""
        self._call(f"/services/telegram/messages/{quote(str(chat))}/{message_id}/remove", {})

    def migrate(self, chat: int | str) -> int:
        """The chat becomes a supergroup; answers its number."""
        return int(self._call(f"/services/telegram/chats/{quote(str(chat))}/migrate", {})["id"])

    def reset(self) -> None:
        """Messages, log, plans and modes as at the start. Message ids and log numbers go on rising."""
        self._call("/reset", {})

    def _call(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.control_url + path, data, {"Content-Type": "application/json"})  # noqa: S310
        try:
            with self._opener.open(request, timeout=CALL_SECONDS) as answer:
                return json.load(answer)
        except HTTPError as error:
            with error:
                raise SandboxRefused(f"{path}: {error.code} {error.read().decode()}") from error


@contextmanager
def running_sandbox(options: Sequence[str] = ()) -> Iterator[RunningSandbox]:
    """Start a sandbox as a process of its own, and end it surely. `options` are further ones of the command line."""
    command = [sys.executable, "-m", "project.sandbox", "--control-port", "0", "--telegram-port", "0"]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [*command, "--exit-with-parent", *options],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield RunningSandbox(process, _urls(process, errors))
        finally:
            stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    """SIGTERM, then SIGKILL; afterwards the process is gone and its pipes are closed."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


def _urls(process: subprocess.Popen[str], errors: IO[str]) -> dict[str, str]:
    """The one line that a sandbox prints when its ports are open. A process that is stuck is killed."""
    deadline = threading.Timer(START_SECONDS, process.kill)
    deadline.start()
    try:
        line = process.stdout.readline() if process.stdout else ""
    finally:
        deadline.cancel()
    if not line:
        process.wait()
        errors.seek(0)
        raise RuntimeError(f"The sandbox did not start (exit {process.returncode}): {errors.read()}")
    urls: dict[str, str] = json.loads(line)
    return urls
