"""The real client library on this machine's own network: roads that lead nowhere, answers that never come, secrets."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from syncqueue.core.errors import ConfigurationError, DestinationBroken, HandlerError, Unavailable, Unreachable
from syncqueue.handlers.base import Document, DocumentJob, HandlerConfig, Place, RemotePart
from syncqueue.handlers.manticore import client
from syncqueue.handlers.manticore.handler import ManticoreHandler
from tests.loopback import Host, Resolver, black_hole, closed_port, serving

TOKEN = "a-token-that-nobody-may-read"
PASSWORD = "a-password-that-nobody-may-read"
SECRETS = [{"token": TOKEN}, {"username": "writer", "password": PASSWORD}]


class Desk:
    """A handler, and jobs as the executor would give it."""

    def __init__(self, url: str, secret: dict[str, str] | None = None, **config: Any) -> None:
        self.config = HandlerConfig(service="manticore", options={"URL": url}, **config)
        self.place = Place(id=1, name="Search", address="notes", secret=secret or {})

    def delete(self) -> None:
        """Take a row away: one request, without a look at the table."""
        asyncio.run(self._act("delete", RemotePart(kind="row", id="7", address="notes")))

    def create(self) -> None:
        """Make the table, look at it, write a row."""
        asyncio.run(self._act("create"))

    async def _act(self, step: Any, *parts: RemotePart) -> None:
        async def store(given: Sequence[RemotePart]) -> str:
            raise AssertionError(f"One request leaves nothing to store half-way: {given}")

        job = DocumentJob(
            place=self.place,
            document=Document(text="Hello"),
            parts=parts,
            idempotency_key="key",
            uncertain=False,
            store=store,
            step=step,
            source="notes.note",
            object_pk="7",
        )
        handler = ManticoreHandler(self.config)
        try:
            await getattr(handler, step)(job)
        finally:
            await handler.aclose()


def good(host: Host) -> None:
    """Answer a deletion well."""
    host.body = json.dumps({"table": "notes", "id": 7, "found": True, "result": "deleted"})


def test_with_ipv6_black_holed_a_row_is_written_at_the_first_attempt(resolver: Resolver) -> None:
    with serving() as host, black_hole(host.port) as (dead, port):
        good(host)
        resolver.names["dual.test"] = [dead, "127.0.0.1"]
        Desk(f"http://dual.test:{port}").delete()
        assert len(host.peers) == 1


def test_force_ipv4_asks_for_no_other_address(resolver: Resolver) -> None:
    with serving() as host:
        good(host)
        resolver.names["dual.test"] = ["::1", "127.0.0.1"]
        Desk(f"http://dual.test:{host.port}", force_ipv4=True).delete()
        assert {int(family) for family in resolver.families} == {2}


def test_a_server_that_is_away_is_said_so_by_address_and_nothing_was_sent() -> None:
    port = closed_port()
    with pytest.raises(
        Unreachable, match=rf"127\.0\.0\.1:{port} cannot be reached: IPv4 127\.0\.0\.1: connection refused"
    ):
        Desk(f"http://127.0.0.1:{port}").delete()


def test_addresses_that_swallow_everything_are_unreachable_within_the_attempt(resolver: Resolver) -> None:
    with black_hole() as (dead, port):
        resolver.names["dead.test"] = [dead]
        with pytest.raises(Unreachable, match="no answer within"):
            Desk(f"http://dead.test:{port}", attempt_timeout_seconds=2).delete()


def test_an_answer_that_never_comes_ends_by_itself() -> None:
    with serving() as host:
        host.ready.clear()
        desk = Desk(f"http://127.0.0.1:{host.port}", attempt_timeout_seconds=2)
        with pytest.raises(Unavailable, match="did not answer in time"):
            desk.create()


@pytest.mark.parametrize("body", ["[]", "{}", "[[1]]", "<html></html>", "", '"text"', "null", "[null]"])
def test_another_server_at_the_address_is_no_success(body: str) -> None:
    with serving() as host:
        host.body = body
        for act in (Desk.create, Desk.delete):
            with pytest.raises(HandlerError):
                act(Desk(f"http://127.0.0.1:{host.port}"))


@contextmanager
def answering(data: bytes) -> Iterator[int]:
    """A port that answers each connection with `data` and closes it: no HTTP server."""

    def answer(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection = listener.accept()[0]
                with connection, suppress(OSError):
                    connection.sendall(data)
                    connection.recv(65536)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_port_that_speaks_something_else_is_told_in_words() -> None:
    mysql = b"J\x00\x00\x00\n6.3.8 abc@def\x00"
    with answering(mysql) as port, pytest.raises(Unavailable, match=r"does not speak HTTP.*9308.*9306 is for MySQL"):
        Desk(f"http://127.0.0.1:{port}").delete()


@pytest.mark.parametrize("kind", ["application/json; charset=klingon", "image/png", "text/html"])
def test_an_answer_in_another_form_is_an_outage(kind: str) -> None:
    with serving() as host:
        good(host)
        host.headers = {"Content-Type": kind}
        with pytest.raises(Unavailable):
            Desk(f"http://127.0.0.1:{host.port}").delete()


def test_an_answer_without_end_is_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_ANSWER_BYTES", 1000)
    with serving() as host:
        host.body = json.dumps({"result": "deleted", "more": "x" * 2000})
        with pytest.raises(Unavailable, match="more than 1000 bytes"):
            Desk(f"http://127.0.0.1:{host.port}").delete()


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("status", [200, 401, 409, 500])
def test_no_log_line_and_no_error_holds_a_secret(
    secret: dict[str, str], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), serving() as host:
        good(host)
        host.status = status
        desk = Desk(f"http://127.0.0.1:{host.port}", secret)
        error = None
        try:
            desk.delete()
        except HandlerError as raised:
            error = raised
        assert (error is None) is (status == 200)
    for text in (caplog.text, str(error), repr(desk.place)):
        assert TOKEN not in text and PASSWORD not in text


def test_a_url_that_is_none_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigurationError, match=r"\['OPTIONS'\]\['URL'\]") as refused:
        Desk("http://user:hidden@127.0.0.1:9308").delete()
    assert "hidden" not in str(refused.value)


def test_a_place_that_is_no_table_is_broken_and_nothing_is_asked() -> None:
    with serving() as host:
        desk = Desk(f"http://127.0.0.1:{host.port}")
        desk.place = replace(desk.place, address="notes; DROP TABLE notes")
        with pytest.raises(DestinationBroken):
            desk.delete()
        assert host.peers == []


@pytest.mark.parametrize(
    ("address", "options", "secret"),
    [
        ("", {}, {}),
        ("Notes", {}, {}),
        ("1notes", {}, {}),
        ("notes, other", {}, {}),
        ("n" * 64, {}, {}),
        ("select", {}, {}),
        ("order", {}, {}),
        ("notes", {"colour": 1}, {}),
        ("notes", {}, {"password": "x"}),
        ("notes", {}, {"token": "x", "username": "y"}),
        ("notes", {}, {"token": "x\r\nHost: y"}),
    ],
)
def test_a_destination_of_wrong_form_is_refused_before_it_is_saved(
    address: str, options: dict[str, Any], secret: dict[str, str]
) -> None:
    handler = ManticoreHandler(HandlerConfig(service="manticore"))
    with pytest.raises(ValueError, match=r"\.$"):
        handler.clean(address, options, secret)


@pytest.mark.parametrize("secret", [{}, *SECRETS, {"username": "writer"}])
def test_a_destination_of_right_form_is_taken(secret: dict[str, str]) -> None:
    ManticoreHandler(HandlerConfig(service="manticore")).clean("notes_2", {}, secret)
