"""Where the handler connects to, and what it refuses: instances and pictures are named by users."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from syncqueue.core.errors import DestinationBroken, Unavailable, Unreachable
from syncqueue.handlers.base import Document
from syncqueue.handlers.mastodon.handler import MastodonHandler
from tests.loopback import Resolver, black_hole, resolver  # noqa: F401 - a fixture
from tests.services.mastodon.desk import Desk

PUBLIC = "93.184.216.34"


class _Redirect(BaseHTTPRequestHandler):
    """Sends every request on to `target`."""

    status = 301
    target = ""

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Location", f"{self.target}{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def redirecting(desk: Desk, status: int) -> Iterator[str]:
    """The address of a host that sends everybody on to the desk's instance."""
    answer = type("Redirect", (_Redirect,), {"status": status, "target": desk.sandbox.mastodon_url})
    with ThreadingHTTPServer(("127.0.0.1", 0), answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def point(desk: Desk, host: str, **changes: Any) -> int:
    """The desk's instance by another name; answers its port."""
    port = urlsplit(desk.sandbox.mastodon_url).port or 0
    desk.place = replace(desk.place, address=f"http://{host}:{port}")
    desk.config = replace(desk.config, **{"allowed_private_hosts": (host,), **changes})
    return port


def test_an_instance_on_a_private_address_is_refused(desk: Desk, resolver: Resolver) -> None:  # noqa: F811
    resolver.names["intern.test"] = ["127.0.0.1"]
    desk.config = replace(desk.config, allowed_private_hosts=())
    desk.place = replace(desk.place, address="https://intern.test")
    with pytest.raises(DestinationBroken, match=r"intern\.test has no public address.*ALLOWED_PRIVATE_HOSTS"):
        desk.create("Hello")
    assert desk.requests() == []


def test_an_instance_whose_name_turns_private_gets_no_token(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is public when it is judged; what answers is this machine."""
    asked: list[str] = []

    def turning(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        address = PUBLIC if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async def dial(_: Any, connection: socket.socket, address: Any) -> None:
        assert address[0] == PUBLIC  # the one that was judged, not what a second look-up would find
        connection.setblocking(True)
        connection.connect(("127.0.0.1", urlsplit(desk.sandbox.mastodon_url).port))
        connection.setblocking(False)

    monkeypatch.setattr(socket, "getaddrinfo", turning)
    monkeypatch.setattr("asyncio.selector_events.BaseSelectorEventLoop.sock_connect", dial)
    desk.config = replace(desk.config, allowed_private_hosts=())
    desk.place = replace(desk.place, address="https://turning.test")
    with pytest.raises(DestinationBroken, match=r"turning\.test has no public address"):
        desk.create("Hello")
    assert desk.requests() == []


def test_a_dead_ipv6_route_does_not_keep_a_note_from_going_out(desk: Desk, resolver: Resolver) -> None:  # noqa: F811
    port = point(desk, "dual.test")
    with black_hole(port) as (dead, _):
        resolver.names["dual.test"] = [dead, "127.0.0.1"]
        desk.create("Hello")
    assert desk.texts() == ["Hello"]


def test_forced_to_ipv4_no_ipv6_address_is_asked_for(desk: Desk, resolver: Resolver) -> None:  # noqa: F811
    resolver.names["dual.test"] = ["::1", "127.0.0.1"]
    point(desk, "dual.test", force_ipv4=True)
    desk.create("Hello")
    assert desk.texts() == ["Hello"]
    assert set(resolver.families) == {socket.AF_INET}


def test_an_address_that_hangs_is_bounded_and_named(desk: Desk, resolver: Resolver) -> None:  # noqa: F811
    with black_hole() as (dead, port):
        resolver.names["dual.test"] = [dead]
        desk.place = replace(desk.place, address=f"http://dual.test:{port}")
        desk.config = replace(desk.config, allowed_private_hosts=("dual.test",), attempt_timeout_seconds=2.0)
        with pytest.raises(Unreachable, match="no answer within"):
            desk.create("Hello")


@pytest.mark.parametrize(("status", "error"), [(301, DestinationBroken), (307, Unavailable)])
def test_a_redirect_is_never_followed(desk: Desk, status: int, error: type[Exception]) -> None:
    with redirecting(desk, status) as address:
        desk.place = replace(desk.place, address=address)
        with pytest.raises(error, match="redirect"):
            desk.create("Hello")
    assert desk.requests() == []


class _Bomb(BaseHTTPRequestHandler):
    """Answers everything with a little that unpacks to a lot."""

    body = gzip.compress(gzip.compress(bytes(50_000_000)))

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Encoding", "gzip, gzip")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_an_answer_is_not_unpacked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(_Bomb, "do_GET", _asking(asked, _Bomb.do_GET))
    with ThreadingHTTPServer(("127.0.0.1", 0), _Bomb) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            desk.place = replace(desk.place, address=f"http://127.0.0.1:{server.server_address[1]}")
            with pytest.raises(Unavailable):
                desk.create("Hello")
        finally:
            server.shutdown()
            thread.join()
    assert set(asked) == {"identity"}


def _asking(asked: list[str], answer: Callable[[_Bomb], None]) -> Callable[[_Bomb], None]:
    def get(request: _Bomb) -> None:
        asked.append(request.headers["Accept-Encoding"])
        answer(request)

    return get


def test_thirty_attempts_at_once_find_a_connection_each(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.sandbox.set_mode("mastodon", "slow", delay_seconds=0.3)

    async def at_once(handler: MastodonHandler) -> None:
        for _ in range(2):
            await asyncio.gather(*(handler.check(desk.place) for _ in range(30)))

    with caplog.at_level(logging.WARNING, "urllib3"):
        desk.run(at_once, seconds=30)
    assert [record.getMessage() for record in caplog.records if record.name.startswith("urllib3")] == []


def test_a_token_is_never_read_from_a_file(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "a-token-that-is-the-name-of-a-file-here"
    Path(name).write_text(desk.sandbox.mastodon_token)
    desk.place = replace(desk.place, secret={"access_token": name})
    with pytest.raises(DestinationBroken, match="401"):
        desk.create("Hello")
    desk.place = replace(desk.place, secret={"access_token": str(tmp_path / name)})
    with pytest.raises(DestinationBroken, match="no access token"):
        desk.create("Hello")
    assert desk.texts() == []


@pytest.mark.parametrize("address", ["", "mastodon.social", "http://mastodon.social", "https://user:pw@a.example", "x"])
def test_an_address_that_is_no_instance_breaks_the_destination_and_has_an_endpoint(desk: Desk, address: str) -> None:
    desk.place = replace(desk.place, address=address)
    with pytest.raises(DestinationBroken, match="no instance"):
        desk.create("Hello")
    assert MastodonHandler(desk.config).endpoint(desk.place) == "no instance"


def test_the_endpoint_needs_no_secret(desk: Desk) -> None:
    place = replace(desk.place, secret={}, address="https://mastodon.social")
    assert MastodonHandler(desk.config).endpoint(place) == "mastodon.social:443"


def test_a_picture_on_a_private_address_stays_a_link(desk: Desk, resolver: Resolver) -> None:  # noqa: F811
    resolver.names["intern.test"] = ["127.0.0.1"]
    port = urlsplit(desk.sandbox.pictures_url).port
    desk.create(Document(text=f"![x](https://intern.test:{port}/leaf.png)", format="markdown"))
    [status] = desk.statuses()
    assert status["media"] == []
    assert status["text"] == f"x: https://intern.test:{port}/leaf.png"
    assert [entry for entry in desk.sandbox.log() if entry["service"] == "pictures"] == []
