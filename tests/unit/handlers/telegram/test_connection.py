"""Connections of the real client library on this machine's own network."""

import asyncio
import json
import socket
from dataclasses import replace
from typing import Any

import pytest

from syncqueue.core.errors import OutcomeUnknown, Unreachable
from syncqueue.handlers.base import Place, RemotePart
from syncqueue.handlers.telegram.handler import TelegramHandler
from tests.loopback import Resolver, black_hole, closed_port, serving

OTHER_TOKEN = "220201543:another-token-of-another-bot"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's proxy has no place here."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def point(bench: Any, url: str, *, attempt_timeout_seconds: float = 20.0, force_ipv4: bool = False) -> None:
    bench.config = replace(
        bench.config,
        options={"API_BASE_URL": url},
        attempt_timeout_seconds=attempt_timeout_seconds,
        force_ipv4=force_ipv4,
    )


def test_with_ipv6_black_holed_a_note_arrives_at_the_first_attempt(bench: Any, resolver: Resolver) -> None:
    with serving() as host, black_hole(host.port) as (dead, port):
        resolver.names["dual.test"] = [dead, "127.0.0.1"]
        point(bench, f"http://dual.test:{port}")
        (part,) = bench.create("Hello")
        assert part.id == "41"
        assert len(host.peers) == 1
        assert resolver.families == [socket.AF_UNSPEC]


def test_forced_to_ipv4_no_ipv6_address_is_asked_for(bench: Any, resolver: Resolver) -> None:
    with serving() as host, black_hole(host.port) as (_, port):
        resolver.names["dual.test"] = ["::1", "127.0.0.1"]
        point(bench, f"http://dual.test:{port}", force_ipv4=True)
        bench.create("Hello")
        assert len(host.peers) == 1
        assert resolver.families == [socket.AF_INET]


def test_a_refused_connection_names_family_and_address(bench: Any) -> None:
    port = closed_port()
    point(bench, f"http://127.0.0.1:{port}")
    with pytest.raises(Unreachable, match=rf"127\.0\.0\.1:{port} .* IPv4 127\.0\.0\.1: connection refused"):
        bench.create("Hello")


def test_a_host_that_answers_on_no_address_names_each(bench: Any, resolver: Resolver) -> None:
    with black_hole() as (dead, port):
        resolver.names["dual.test"] = [dead, "127.0.0.1"]
        point(bench, f"http://dual.test:{port}", attempt_timeout_seconds=2)
        with pytest.raises(Unreachable) as caught:
            bench.create("Hello")
        text = str(caught.value)
        assert f"{dead}: no answer within 0.5 s" in text
        assert "IPv4 127.0.0.1: connection refused" in text


def test_forced_to_ipv4_the_failure_speaks_of_ipv4_alone(bench: Any, resolver: Resolver) -> None:
    resolver.names["dual.test"] = ["::1", "127.0.0.1"]
    point(bench, f"http://dual.test:{closed_port()}", force_ipv4=True)
    with pytest.raises(Unreachable) as caught:
        bench.create("Hello")
    assert "IPv4 127.0.0.1: connection refused" in str(caught.value)
    assert "IPv6" not in str(caught.value)


@pytest.mark.parametrize("act", ["create", "update", "delete"])
def test_a_name_that_nobody_knows_is_unreachable(bench: Any, resolver: Resolver, act: str) -> None:
    point(bench, "http://nowhere.test")
    part = RemotePart(kind="text", id="7")
    acts = {
        "create": lambda: bench.create("Hello"),
        "update": lambda: bench.update("Hello", part),
        "delete": lambda: bench.delete(part),
    }
    with pytest.raises(Unreachable, match="name cannot be resolved"):
        acts[act]()


def test_a_failed_tls_handshake_is_unreachable_and_says_so(bench: Any) -> None:
    with serving() as host:
        point(bench, f"https://127.0.0.1:{host.port}")
        with pytest.raises(Unreachable, match="TLS failed"):
            bench.create("Hello")


def test_a_host_that_hangs_after_accepting_leaves_a_create_unknown(bench: Any) -> None:
    with serving() as host:
        host.ready.clear()
        point(bench, f"http://127.0.0.1:{host.port}", attempt_timeout_seconds=2)
        with pytest.raises(OutcomeUnknown, match="ReadTimeout"):
            bench.create("Hello")
        assert len(host.peers) == 1


def test_a_connection_closed_without_an_answer_leaves_a_create_unknown(bench: Any) -> None:
    async def main() -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            point(bench, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            handler = TelegramHandler(bench.config)
            with pytest.raises(OutcomeUnknown, match="RemoteProtocolError|ReadError"):
                await handler.create(bench.job("Hello"))
            await handler.aclose()

    asyncio.run(main())


def test_all_bots_share_one_pool_of_connections(bench: Any) -> None:
    async def both(handler: TelegramHandler) -> None:
        await handler.create(bench.job("Hello"))
        bench.place = Place(id=2, name="Other", address="@other", secret={"token": OTHER_TOKEN})
        await handler.create(bench.job("Hello"))

    with serving() as host:
        point(bench, f"http://127.0.0.1:{host.port}")
        bench.run(both)
        assert len(host.peers) == 2
        assert len(set(host.peers)) == 1


def test_a_closed_handler_holds_no_connection_and_can_be_used_again(bench: Any) -> None:
    async def twice(handler: TelegramHandler) -> None:
        await handler.create(bench.job("Hello"))
        await handler.aclose()
        await handler.create(bench.job("Hello"))

    with serving() as host:
        point(bench, f"http://127.0.0.1:{host.port}")
        bench.run(twice)
        assert len(set(host.peers)) == 2


def test_no_request_but_the_one_asked_for_is_made(bench: Any) -> None:
    with serving() as host:
        host.body = json.dumps({"ok": True, "result": True})
        point(bench, f"http://127.0.0.1:{host.port}")
        bench.delete(RemotePart(kind="text", id="7"))
        assert len(host.peers) == 1
