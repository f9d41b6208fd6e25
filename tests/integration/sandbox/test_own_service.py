"""A service of one's own: a few lines, in a thread of the test or in a process of its own."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from syncqueue.testing.sandbox import (
    JsonService,
    Mode,
    RunningSandbox,
    SandboxRefused,
    answer,
    running,
    running_process,
)
from syncqueue.testing.sandbox.json_service import Asked
from syncqueue.testing.sandbox.service import Outcome

SHELF = """
from syncqueue.testing.sandbox import JsonService, answer

class Shelf(JsonService):
    name = "shelf"
    calls = {"POST /{place}": "create"}

    def create(self, asked):
        return answer(201, {"id": self.keep(asked.path["place"], asked.body["text"]).id}, stored=True)
"""


class Shelf(JsonService):
    """Keeps texts; takes a token."""

    name = "shelf"
    calls = {"POST /{place}/texts": "create", "DELETE /{place}/texts/{id}": "delete", "GET /{token}": "look"}

    def check(self, asked: Asked) -> Outcome | None:
        return answer(401, {"error": "no"}) if asked.headers.get("authorization") == "wrong" else None

    def create(self, asked: Asked) -> Outcome:
        thing = self.keep(asked.path["place"], asked.body["text"])
        return answer(201, {"id": thing.id}, stored=True)

    def delete(self, asked: Asked) -> Outcome:
        return answer(204, stored=self.things.pop(asked.path["id"], None) is not None)

    def look(self, asked: Asked) -> Outcome:
        return answer(200, {"token": "seen"})


@pytest.fixture
def shelf() -> Iterator[RunningSandbox]:
    """Started in a thread."""
    with running(Shelf()) as sandbox:
        yield sandbox


@pytest.fixture
def client(shelf: RunningSandbox) -> Iterator[httpx.Client]:
    """Who calls it."""
    with httpx.Client(base_url=shelf.urls["shelf"], trust_env=False, timeout=30) as client:
        yield client


def post(client: httpx.Client, text: str) -> httpx.Response:
    return client.post("/top/texts", json={"text": text})


def test_what_is_posted_is_kept_logged_and_on_the_page(shelf: RunningSandbox, client: httpx.Client) -> None:
    assert post(client, "<b>Hello</b>").json() == {"id": "1"}
    assert [(one["place"], one["text"]) for one in shelf.state()["services"]["shelf"]["things"]] == [
        ("top", "<b>Hello</b>")
    ]
    (entry,) = shelf.log()
    assert (entry["method"], entry["chat"], entry["stored"], entry["answered"]) == ("create", "top", True, True)
    assert "&lt;b&gt;Hello&lt;/b&gt;" in httpx.get(shelf.control_url, trust_env=False).text
    assert client.delete("/top/texts/1").status_code == 204
    assert shelf.state()["services"]["shelf"]["things"] == []


def test_each_mode_does_what_it_says(shelf: RunningSandbox, client: httpx.Client) -> None:
    shelf.plan_answers("shelf", {"mode": "limited", "retry_after": 7}, {"mode": "error", "status": 503, "html": True})
    limited = post(client, "One")
    assert (limited.status_code, limited.headers["retry-after"], limited.json()) == (429, "7", {"error": "limited"})
    broken = post(client, "Two")
    assert (broken.status_code, broken.headers["content-type"]) == (503, "text/html; charset=utf-8")
    shelf.plan_answers("shelf", "store-then-reset")
    with pytest.raises(httpx.ReadError):
        post(client, "Three")
    assert [one["text"] for one in shelf.state()["services"]["shelf"]["things"]] == ["Three"]
    shelf.set_mode("shelf", "down")
    with pytest.raises(httpx.ConnectError):
        post(client, "Four")


def test_a_wrong_credential_and_an_unknown_call_are_refused_and_tokens_are_not_logged(
    shelf: RunningSandbox, client: httpx.Client
) -> None:
    refused = client.post("/top/texts", json={"text": "x", "token": "secret"}, headers={"Authorization": "wrong"})
    assert refused.status_code == 401
    assert client.get("/a-secret").json() == {"token": "seen"}
    assert client.put("/nowhere").status_code == 404
    assert "secret" not in str(shelf.log())


def test_a_person_can_change_and_remove_what_is_there(shelf: RunningSandbox, client: httpx.Client) -> None:
    post(client, "One")
    shelf.call("/services/shelf/things/1/change", {"text": "Two"})
    assert [one["text"] for one in shelf.state()["services"]["shelf"]["things"]] == ["Two"]
    shelf.call("/services/shelf/things/1/remove", {})
    assert shelf.state()["services"]["shelf"]["things"] == []
    with pytest.raises(SandboxRefused, match="no such thing"):
        shelf.call("/services/shelf/things/1/remove", {})


def test_the_words_of_a_refusal_are_the_services() -> None:
    class Wordy(Shelf):
        def refusal(self, mode: Mode, status: int) -> Outcome:
            return answer(status, {"says": mode.name})

    with running(Wordy()) as other:
        other.set_mode("shelf", "broken")
        said = httpx.post(f"{other.urls['shelf']}/top/texts", json={"text": "One"}, trust_env=False)
    assert (said.status_code, said.json()) == (403, {"says": "broken"})


def test_it_is_gone_at_the_end() -> None:
    with running(Shelf()) as sandbox:
        url = urlsplit(sandbox.urls["shelf"])
    with socket.socket() as probe:
        assert probe.connect_ex((url.hostname, url.port)) != 0


def test_a_service_that_cannot_start_says_why() -> None:
    class Broken(Shelf):
        def control_routes(self) -> list[object]:  # type: ignore[override]
            raise ValueError("no routes today")

    with pytest.raises(ValueError, match="no routes today"), running(Broken()):
        pass


def test_a_process_of_its_own_is_started_by_the_name_of_the_class(tmp_path: Path) -> None:
    (tmp_path / "shelf.py").write_text(SHELF)
    command = [sys.executable, "-m", "syncqueue.testing.sandbox", "shelf:Shelf", "--control-port", "0", "--port", "0"]
    state = ["--state", str(tmp_path / "state.json"), "--exit-with-parent"]
    with running_process([*command, *state], tmp_path) as (_, urls):
        assert httpx.post(f"{urls['shelf']}/top", json={"text": "Kept"}, trust_env=False).json() == {"id": "1"}
    with running_process([*command, *state], tmp_path) as (_, urls):
        things = RunningSandbox(urls).state()["services"]["shelf"]["things"]
        assert [one["text"] for one in things] == ["Kept"]
        assert httpx.post(f"{urls['shelf']}/top", json={"text": "More"}, trust_env=False).json() == {"id": "2"}
