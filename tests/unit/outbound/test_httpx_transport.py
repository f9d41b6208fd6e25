"""httpx by way of outbound.py."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from syncqueue.outbound.connect import Outbound, find_forbidden, is_unsent
from syncqueue.outbound.httpx_transport import transport
from tests.loopback import Resolver, black_hole, closed_port, serving

LIMITS = httpx.Limits(max_connections=2)


def post(url: str, outbound: Outbound, *, count: int = 1) -> httpx.Response:
    async def main() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport(outbound, LIMITS), trust_env=False) as client:
            for _ in range(count):
                answer = await client.post(url, json={})
            return answer

    return asyncio.run(main())


def test_a_request_arrives_and_its_connection_is_kept() -> None:
    with serving() as host:
        host.body = json.dumps({"well": True})
        assert post(f"http://127.0.0.1:{host.port}/", Outbound(), count=2).json() == {"well": True}
        assert len(set(host.peers)) == 1


def test_a_dead_ipv6_route_does_not_keep_a_request_from_arriving(resolver: Resolver) -> None:
    with serving() as host, black_hole(host.port) as (dead, port):
        resolver.names["dual.test"] = [dead, "127.0.0.1"]
        assert post(f"http://dual.test:{port}/", Outbound()).status_code == 200


@pytest.mark.parametrize("force_ipv4", [True, False])
def test_a_name_is_looked_up_once(resolver: Resolver, force_ipv4: bool) -> None:
    with serving() as host:
        resolver.names["some.test"] = ["127.0.0.1"]
        answer = post(f"http://some.test:{host.port}/", Outbound(force_ipv4=force_ipv4))
        assert resolver.families == [Outbound(force_ipv4=force_ipv4).family]
        assert answer.request.headers["host"] == f"some.test:{host.port}"


def test_a_private_host_is_refused_unless_the_settings_name_it(resolver: Resolver) -> None:
    with serving() as host:
        resolver.names["intern.test"] = ["127.0.0.1"]
        url = f"http://intern.test:{host.port}/"
        with pytest.raises(httpx.ConnectError) as caught:
            post(url, Outbound(public_only=True))
        assert "intern.test has no public address" in str(find_forbidden(caught.value))
        assert host.peers == []
        assert post(url, Outbound(public_only=True, allowed_private_hosts=("intern.test",))).status_code == 200


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
        with pytest.raises(httpx.ConnectError) as caught:
            post(f"http://turning.test:{host.port}/", Outbound(public_only=True))
        assert find_forbidden(caught.value)
        assert host.peers == []
    assert dialled == ["93.184.216.34"]


def test_what_was_never_sent_is_told_from_what_was(resolver: Resolver) -> None:
    with pytest.raises(httpx.ConnectError) as caught:
        post(f"http://127.0.0.1:{closed_port()}/", Outbound())
    assert is_unsent(caught.value)
    with pytest.raises(httpx.ConnectError) as caught:
        post("http://nowhere.test/", Outbound())
    assert is_unsent(caught.value)


def test_a_host_that_swallows_connections_is_a_connect_timeout() -> None:
    with black_hole() as (dead, port), pytest.raises(httpx.ConnectTimeout) as caught:
        post(
            f"http://[{dead}]:{port}/" if ":" in dead else f"http://{dead}:{port}/",
            Outbound(connect_timeout_seconds=0.1),
        )
    assert is_unsent(caught.value)


def test_a_failed_tls_handshake_is_a_connect_error() -> None:
    with serving() as host, pytest.raises(httpx.ConnectError):
        post(f"https://127.0.0.1:{host.port}/", Outbound())
