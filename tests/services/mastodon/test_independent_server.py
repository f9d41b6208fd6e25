"""The handler against `mastodon-mock`: a server that speaks the API, and that nobody here wrote.

`make pytest-mastodon` installs it into an environment of its own, because its web server would replace the sandbox's.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from project.sandbox.testing import RunningSandbox, stop
from syncqueue.handlers.base import Document, Place
from syncqueue.handlers.mastodon.trace import TRACE, Trace, traces_in
from tests.eventually import eventually
from tests.loopback import closed_port
from tests.services.mastodon.desk import Crash, Desk

EXECUTABLE = os.environ.get("TEST_MASTODON_SERVER", "")
pytestmark = pytest.mark.skipif(not EXECUTABLE, reason="`make pytest-mastodon` runs these.")

ACCOUNT_COUNT = 10  # one for each test
START_SECONDS = 60.0  # a busy machine's import of its libraries


@dataclass(frozen=True)
class Server:
    """The server, as its own API shows it to an account."""

    url: str
    token: str

    def ask(self, path: str) -> Any:
        """What it answers to a GET."""
        request = Request(f"{self.url}{path}", headers={"Authorization": f"Bearer {self.token}"})  # noqa: S310
        with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
            return json.load(answer)

    def statuses(self) -> list[dict[str, Any]]:
        """Of the account, the oldest first, each with its source."""
        account = self.ask("/api/v1/accounts/verify_credentials")["id"]
        listed = reversed(self.ask(f"/api/v1/accounts/{account}/statuses?limit=40"))
        return [status | self.ask(f"/api/v1/statuses/{status['id']}/source") for status in listed]

    def texts(self) -> list[str]:
        """As they were entered."""
        return [status["text"] for status in self.statuses()]


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """A process of its own, with accounts that nobody has used yet."""
    tokens = [f"a-token-of-account-number-{number}" for number in range(ACCOUNT_COUNT)]
    seeds = [f'[[seed.accounts]]\nusername = "a{n}"\naccess_token = "{token}"\n' for n, token in enumerate(tokens)]
    settings = tmp_path_factory.mktemp("server") / "settings.toml"
    settings.write_text('[database]\npath = ":memory:"\n' + "".join(seeds))
    port = closed_port()
    command = [EXECUTABLE, "serve", "--config", str(settings), "--port", str(port)]
    command += ["--in-memory", "--log-level", "warning"]
    silent = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=silent, stderr=silent, text=True)  # noqa: S603 - our own settings
    found = [Server(f"http://127.0.0.1:{port}", token) for token in tokens]

    def is_up() -> None:
        try:
            found[0].ask("/api/v1/instance")
        except OSError as error:
            raise AssertionError("It is not up.") from error

    try:
        eventually(is_up, START_SECONDS)
        yield found
    finally:
        stop(process)


@pytest.fixture
def server(accounts: list[Server]) -> Server:
    """With an account that has no status yet."""
    return accounts.pop()


@pytest.fixture
def there(server: Server, sandbox: RunningSandbox) -> Desk:
    """A desk at its account; pictures come from the sandbox."""
    desk = Desk(sandbox)
    desk.place = Place(id=1, name="Notes", address=server.url, secret={"access_token": server.token})
    return desk


def test_a_note_is_posted_edited_made_private_and_deleted(there: Desk, server: Server) -> None:
    there.create(r"Hello <b> @a@b.example \\ &amp; 🎉")
    assert server.texts() == [r"Hello <b> @a@b.example \\ &amp; 🎉"]
    first = there.parts[0].id
    there.update("Second")
    assert [(status["id"], status["text"]) for status in server.statuses()] == [(first, "Second")]
    there.update(Document(text="Secret", is_private=True))
    there.update(Document(text="Secret still", is_private=True))
    assert [(status["visibility"], status["text"]) for status in server.statuses()] == [("private", "Secret still")]
    there.delete()
    assert server.texts() == []


def test_a_thread_with_a_picture_grows_and_shrinks(there: Desk, server: Server) -> None:
    long = " ".join(f"This is sentence number {number} of a story that goes on." for number in range(20))
    picture = f"![leaf]({there.sandbox.pictures_url}/leaf.png)"
    there.create(Document(text=f"{long}\n\n{picture}", format="markdown"))
    statuses = server.statuses()
    assert " ".join(status["text"] for status in statuses) == long
    assert [status["in_reply_to_id"] for status in statuses] == [None, *(status["id"] for status in statuses[:-1])]
    assert [shown["description"] for shown in statuses[0]["media_attachments"]] == ["leaf"]
    there.update("Short")
    assert server.texts() == ["Short"]


@pytest.mark.parametrize("end", ["update", "delete"])
def test_a_status_of_a_process_that_died_is_found_by_its_trace(there: Desk, server: Server, end: str) -> None:
    there.stores_left = 1  # what is about to be posted is stored, what was posted is not
    with pytest.raises(Crash):
        there.create("Hello. " * 100)
    assert [part.kind for part in there.parts] == [TRACE]
    # Another key: the server would know the first one.
    trace: Trace = traces_in(there.parts)[0]
    there.parts = (replace(trace, key="another").part(there.place.address, ""),)
    if end == "delete":
        there.delete()
        assert server.texts() == []
    else:
        there.update("Hello again")
        assert server.texts() == ["Hello again"]


def test_a_repeated_key_is_answered_with_the_first_status_which_is_then_put_right(there: Desk, server: Server) -> None:
    there.uncertain = True  # an attempt was cut off that has left no trace
    there.create("First")
    there.parts, there.uncertain, there._key_count = (), True, 1
    there.create("Second")
    assert server.texts() == ["Second"]
