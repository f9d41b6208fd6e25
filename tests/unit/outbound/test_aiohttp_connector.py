"""aiohttp by way of connect.py."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from syncqueue.outbound.aiohttp_connector import connector
from syncqueue.outbound.connect import Outbound, find_forbidden, is_unsent
from tests.loopback import Resolver, black_hole, closed_port, serving


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    host: str  # as the request named it


def post(url: str, outbound: Outbound, *, count: int = 1) -> Answer:
    async def main() -> Answer:
        timeout = aiohttp.ClientTimeout(connect=outbound.connect_timeout_seconds)
        made = connector(outbound, keepalive_seconds=5)
        async with aiohttp.ClientSession(connector=made, timeout=timeout) as session:
            for _ in range(count):
                async with session.post(url, json={}) as answer:
                    body = await answer.json(content_type=None)
            return Answer(answer.status, body, answer.request_info.headers["host"])

    return asyncio.run(main())


def test_a_request_arrives_and_its_connection_is_kept() -> None:
    with serving() as host:
        host.body = json.dumps({"well": True})
        assert post(f"http://127.0.0.1:{host.port}/", Outbound(), count=2).body == {"well": True}
        assert len(set(host.peers)) == 1


def test_a_dead_ipv6_route_does_not_keep_a_request_from_arriving(resolver: Resolver) -> None:
    with serving() as host, black_hole(host.port) as (dead, port):
        resolver.names["dual.test"] = [dead, "127.0.0.1"]
        assert post(f"http://dual.test:{port}/", Outbound()).status == 200


@pytest.mark.parametrize("force_ipv4", [True, False])
def test_a_name_is_looked_up_once(resolver: Resolver, force_ipv4: bool) -> None:
    with serving() as host:
        resolver.names["some.test"] = ["127.0.0.1"]
        answer = post(f"http://some.test:{host.port}/", Outbound(force_ipv4=force_ipv4))
        assert resolver.families == [Outbound(force_ipv4=force_ipv4).family]
        assert answer.host == f"some.test:{host.port}"


def test_a_private_host_is_refused_unless_the_settings_name_it(resolver: Resolver) -> None:
    with serving() as host:
        resolver.names["intern.test"] = ["127.0.0.1"]
        url = f"http://intern.test:{host.port}/"
        with pytest.raises(aiohttp.ClientError) as caught:
            post(url, Outbound(public_only=True))
        assert "intern.test has no public address" in str(find_forbidden(caught.value))
        assert host.peers == []
        assert post(url, Outbound(public_only=True, allowed_private_hosts=("intern.test",))).status == 200


def test_the_peer_is_judged_again(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A route that is bent to this machine, as by a gateway between."""
    resolver.names["turning.test"] = ["93.184.216.34"]
    real = asyncio.SelectorEventLoop.sock_connect
    dialled: list[Any] = []

    async def bent(loop: Any, connection: Any, address: Any) -> None:
        dialled.append(address[0])
        await real(loop, connection, ("127.0.0.1", address[1]))

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", bent)
    with serving() as host:
        with pytest.raises(aiohttp.ClientError) as caught:
            post(f"http://turning.test:{host.port}/", Outbound(public_only=True))
        assert find_forbidden(caught.value)
        assert host.peers == []
    assert dialled == ["93.184.216.34"]


def test_what_was_never_sent_is_told_from_what_was(resolver: Resolver) -> None:
    with pytest.raises(aiohttp.ClientError) as caught:
        post(f"http://127.0.0.1:{closed_port()}/", Outbound())
    assert is_unsent(caught.value)
    with pytest.raises(aiohttp.ClientError) as caught:
        post("http://nowhere.test/", Outbound())
    assert is_unsent(caught.value)


def test_a_host_that_swallows_connections_is_a_connect_timeout() -> None:
    with black_hole() as (dead, port), pytest.raises(aiohttp.ClientError) as caught:
        post(
            f"http://[{dead}]:{port}/" if ":" in dead else f"http://{dead}:{port}/",
            Outbound(connect_timeout_seconds=0.1),
        )
    assert is_unsent(caught.value)


def test_a_failed_tls_handshake_is_a_connect_error() -> None:
    with serving() as host, pytest.raises(aiohttp.ClientError):
        post(f"https://127.0.0.1:{host.port}/", Outbound())
