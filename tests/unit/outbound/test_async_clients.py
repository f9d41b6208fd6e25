"""httpx and aiohttp by way of connect.py: the same rules hold, whichever library asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
import pytest

from syncqueue.outbound.aiohttp_connector import connector
from syncqueue.outbound.connect import Outbound, find_forbidden, is_unsent
from syncqueue.outbound.httpx_transport import transport
from tests.loopback import Resolver, black_hole, closed_port, serving


@dataclass(frozen=True)
class Answer:
    """What came back, and the host that the request named."""

    status: int
    body: Any
    host: str


@dataclass(frozen=True)
class Library:
    """How a library posts, and what it raises where it cannot connect."""

    send: Callable[[str, Outbound, int], Awaitable[Answer]]
    refused: type[Exception]
    timed_out: type[Exception]

    def post(self, url: str, outbound: Outbound, *, count: int = 1) -> Answer:
        return asyncio.run(self._post(url, outbound, count))

    async def _post(self, url: str, outbound: Outbound, count: int) -> Answer:
        return await self.send(url, outbound, count)


async def _by_httpx(url: str, outbound: Outbound, count: int) -> Answer:
    made = transport(outbound, httpx.Limits(max_connections=2))
    async with httpx.AsyncClient(transport=made, trust_env=False) as client:
        for _ in range(count):
            answer = await client.post(url, json={})
    return Answer(answer.status_code, answer.json(), answer.request.headers["host"])


async def _by_aiohttp(url: str, outbound: Outbound, count: int) -> Answer:
    timeout = aiohttp.ClientTimeout(connect=outbound.connect_timeout_seconds)
    made = connector(outbound, keepalive_seconds=5)
    async with aiohttp.ClientSession(connector=made, timeout=timeout) as session:
        for _ in range(count):
            async with session.post(url, json={}) as answer:
                body = await answer.json(content_type=None)
    return Answer(answer.status, body, answer.request_info.headers["host"])


LIBRARIES = {
    "httpx": Library(_by_httpx, httpx.ConnectError, httpx.ConnectTimeout),
    "aiohttp": Library(_by_aiohttp, aiohttp.ClientOSError, aiohttp.ClientOSError),
}


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Library:
    return LIBRARIES[request.param]


def test_a_request_arrives_and_its_connection_is_kept(library: Library) -> None:
    with serving() as host:
        host.body = json.dumps({"well": True})
        assert library.post(f"http://127.0.0.1:{host.port}/", Outbound(), count=2).body == {"well": True}
        assert len(set(host.peers)) == 1


def test_a_dead_ipv6_route_does_not_keep_a_request_from_arriving(library: Library, resolver: Resolver) -> None:
    with serving() as host, black_hole(host.port) as (dead, port):
        resolver.names["dual.test"] = [dead, "127.0.0.1"]
        assert library.post(f"http://dual.test:{port}/", Outbound()).status == 200


@pytest.mark.parametrize("force_ipv4", [True, False])
def test_a_name_is_looked_up_once(library: Library, resolver: Resolver, force_ipv4: bool) -> None:
    with serving() as host:
        resolver.names["some.test"] = ["127.0.0.1"]
        answer = library.post(f"http://some.test:{host.port}/", Outbound(force_ipv4=force_ipv4))
        assert resolver.families == [Outbound(force_ipv4=force_ipv4).family]
        assert answer.host == f"some.test:{host.port}"


def test_a_private_host_is_refused_unless_the_settings_name_it(library: Library, resolver: Resolver) -> None:
    with serving() as host:
        resolver.names["intern.test"] = ["127.0.0.1"]
        url = f"http://intern.test:{host.port}/"
        with pytest.raises(library.refused) as caught:
            library.post(url, Outbound(public_only=True))
        assert "intern.test has no public address" in str(find_forbidden(caught.value))
        assert host.peers == []
        assert library.post(url, Outbound(public_only=True, allowed_private_hosts=("intern.test",))).status == 200


@pytest.mark.parametrize("spelling", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0x7f000001"])
def test_an_address_of_this_machine_is_refused_in_every_spelling(library: Library, spelling: str) -> None:
    """No name is looked up for an address, so the check of names does not see it."""
    with serving() as host:
        with pytest.raises(library.refused) as caught:
            library.post(f"http://{spelling}:{host.port}/", Outbound(public_only=True))
        assert find_forbidden(caught.value)
        assert host.peers == []


@pytest.mark.parametrize("spelling", ["2130706433", "127.1"])
def test_an_address_of_this_machine_in_short_is_not_called(library: Library, spelling: str) -> None:
    with serving() as host:
        with pytest.raises((library.refused, aiohttp.InvalidURL)):  # aiohttp takes it for no host at all
            library.post(f"http://{spelling}:{host.port}/", Outbound(public_only=True))
        assert host.peers == []


def test_forced_to_ipv4_an_ipv6_address_is_not_called(library: Library) -> None:
    with pytest.raises(library.refused) as caught:
        library.post(f"http://[::1]:{closed_port()}/", Outbound(force_ipv4=True))
    assert is_unsent(caught.value)


def test_the_peer_is_judged_again(library: Library, resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A route that is bent to this machine, as by a gateway between."""
    resolver.names["turning.test"] = ["93.184.216.34"]
    real = asyncio.SelectorEventLoop.sock_connect
    dialled: list[Any] = []

    async def bent(loop: Any, connection: Any, address: Any) -> None:
        dialled.append(address[0])
        await real(loop, connection, ("127.0.0.1", address[1]))

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", bent)
    with serving() as host:
        with pytest.raises(library.refused) as caught:
            library.post(f"http://turning.test:{host.port}/", Outbound(public_only=True))
        assert find_forbidden(caught.value)
        assert host.peers == []
    assert dialled == ["93.184.216.34"]


def test_what_was_never_sent_is_told_from_what_was(library: Library, resolver: Resolver) -> None:
    with pytest.raises(library.refused) as caught:
        library.post(f"http://127.0.0.1:{closed_port()}/", Outbound())
    assert is_unsent(caught.value)
    with pytest.raises(library.refused) as caught:
        library.post("http://nowhere.test/", Outbound())
    assert is_unsent(caught.value)


def test_a_host_that_swallows_connections_is_a_connect_timeout(library: Library) -> None:
    with black_hole() as (dead, port), pytest.raises(library.timed_out) as caught:
        library.post(
            f"http://[{dead}]:{port}/" if ":" in dead else f"http://{dead}:{port}/",
            Outbound(connect_timeout_seconds=0.1),
        )
    assert is_unsent(caught.value)


def test_a_failed_tls_handshake_is_a_connect_error(library: Library) -> None:
    with serving() as host, pytest.raises(library.refused):
        library.post(f"https://127.0.0.1:{host.port}/", Outbound())
