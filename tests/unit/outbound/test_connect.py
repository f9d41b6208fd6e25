"""How connections are made: which address is tried when, and which never."""

import asyncio
import socket
import threading
from typing import Any

import pytest

from syncqueue.core.errors import Unreachable
from syncqueue.handlers.base import HandlerConfig
from syncqueue.outbound.connect import (
    CannotConnect,
    ForbiddenAddress,
    Outbound,
    connect,
    connect_async,
    find_forbidden,
    is_unsent,
)
from tests.loopback import Resolver, black_hole, closed_port, serving

PUBLIC = "93.184.216.34"
GUARDED = Outbound(public_only=True)


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The addresses that were connected to; each connection ends at a host of this machine, as by a bent route."""
    found: list[tuple[Any, ...]] = []
    real = asyncio.SelectorEventLoop.sock_connect

    async def bent(loop: Any, connection: socket.socket, address: tuple[Any, ...]) -> None:
        found.append(address[:2])
        await real(loop, connection, ("127.0.0.1", address[1]))

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", bent)
    return found


def test_the_socket_is_connected_and_blocks() -> None:
    with serving() as host, connect("127.0.0.1", host.port, Outbound()) as connection:
        assert connection.getpeername() == ("127.0.0.1", host.port)
        assert connection.getblocking()


def test_it_connects_on_an_event_loop_too() -> None:
    async def main(port: int) -> None:
        (await connect_async("127.0.0.1", port, Outbound())).close()

    with serving() as host:
        asyncio.run(main(host.port))


def test_an_ipv6_route_that_swallows_everything_does_not_keep_ipv4_from_being_used(resolver: Resolver) -> None:
    with serving() as host, black_hole(host.port) as (dead, port):
        resolver.names["dual.test"] = ["127.0.0.1", dead]
        with connect("dual.test", port, Outbound()) as connection:
            assert connection.getpeername() == ("127.0.0.1", port)


def test_ipv6_is_used_where_it_works(resolver: Resolver) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        resolver.names["dual.test"] = ["127.0.0.1", "::1"]
        with connect("dual.test", server.getsockname()[1], Outbound()) as connection:
            assert connection.getpeername()[0] == "::1"


def test_an_address_that_refuses_gives_way_to_the_next(resolver: Resolver) -> None:
    with serving() as host:
        resolver.names["dual.test"] = ["127.0.0.3", "::1", "127.0.0.1"]
        with connect("dual.test", host.port, Outbound()) as connection:
            assert connection.getpeername()[0] == "127.0.0.1"


def test_forced_to_ipv4_no_ipv6_socket_is_made(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    families: list[int] = []

    class Counted(socket.socket):
        def __init__(self, family: int = -1, *args: Any, **kwargs: Any) -> None:
            families.append(family)
            super().__init__(family, *args, **kwargs)

    def both(*args: Any, **kwargs: Any) -> list[Any]:  # a resolver that does not care for what it was asked
        return resolver.getaddrinfo(*args, **{**kwargs, "family": 0})

    with serving() as host:
        resolver.names["dual.test"] = ["::1", "127.0.0.1"]
        monkeypatch.setattr(socket, "getaddrinfo", both)
        monkeypatch.setattr(socket, "socket", Counted)
        connect("dual.test", host.port, Outbound(force_ipv4=True)).close()
    assert socket.AF_INET in families
    assert socket.AF_INET6 not in families


def test_when_every_address_fails_the_first_failure_is_told(resolver: Resolver) -> None:
    resolver.names["dual.test"] = ["::1", "127.0.0.1"]
    with pytest.raises(CannotConnect, match=r"dual\.test:\d+ cannot be connected to: .*'::1'") as caught:
        connect("dual.test", closed_port(), Outbound())
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


def test_a_host_that_swallows_connections_is_given_up() -> None:
    with black_hole() as (dead, port):
        with pytest.raises(CannotConnect) as caught:
            connect(dead, port, Outbound(connect_timeout_seconds=0.1))
        assert isinstance(caught.value.__cause__, TimeoutError)


def test_a_resolver_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()

    def hang(*_: Any, **__: Any) -> list[Any]:
        is_over.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        with pytest.raises(CannotConnect) as caught:
            connect("slow.test", 443, Outbound(connect_timeout_seconds=0.1))
    finally:
        is_over.set()
    assert isinstance(caught.value.__cause__, TimeoutError)


@pytest.mark.parametrize("name", ["nowhere.test", "a" * 64 + ".test", "a..test"])
def test_a_name_that_stands_for_nothing_cannot_be_connected_to(name: str, resolver: Resolver) -> None:
    with pytest.raises(CannotConnect) as caught:
        connect(name, 443, Outbound())
    assert is_unsent(caught.value)


def test_a_refused_address_tells_host_and_setting_and_the_log_the_address(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ForbiddenAddress) as caught:
        connect("localhost", closed_port(), GUARDED)
    assert str(caught.value) == (
        "localhost has no public address, so it is not called. To allow it, an administrator adds it with its port to "
        "SYNCQUEUE['ALLOWED_PRIVATE_HOSTS']; the log names the address."
    )
    assert "localhost is 127.0.0.1" in caplog.text or "localhost is ::1" in caplog.text


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "localhost", "::ffff:127.0.0.1"])
def test_other_ways_to_write_a_private_address_are_refused(host: str) -> None:
    with serving() as server, pytest.raises(ForbiddenAddress):
        connect(host, server.port, GUARDED)


def test_a_name_that_turns_private_leads_to_what_was_judged(
    monkeypatch: pytest.MonkeyPatch, dialled: list[tuple[Any, ...]]
) -> None:
    answers = [PUBLIC, "127.0.0.1"]

    def turning(_: Any, port: int, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    monkeypatch.setattr(socket, "getaddrinfo", turning)
    with serving() as host:
        # The route is bent to this machine, which is what the second look at the peer is for.
        with pytest.raises(ForbiddenAddress, match=r"turning\.test has no public"):
            connect("turning.test", host.port, GUARDED)
        assert dialled == [(PUBLIC, host.port)]
    assert answers == ["127.0.0.1"]  # asked once


def test_of_a_name_with_both_kinds_only_public_addresses_are_tried(
    resolver: Resolver, dialled: list[tuple[Any, ...]]
) -> None:
    resolver.names["mixed.test"] = ["::1", "10.0.0.1", PUBLIC]
    with serving() as host:
        with pytest.raises(ForbiddenAddress):
            connect("mixed.test", host.port, GUARDED)
        assert dialled == [(PUBLIC, host.port)]


def test_a_private_host_that_the_settings_name_is_reached(resolver: Resolver) -> None:
    with serving() as host:
        resolver.names["intern.test"] = ["127.0.0.1"]
        outbound = Outbound(public_only=True, allowed_private_hosts=(f"intern.test:{host.port}",))
        connect("intern.test", host.port, outbound).close()


def test_what_a_library_wraps_is_found_again() -> None:
    inner = ForbiddenAddress("intern.test", "10.0.0.1")
    wrapped = RuntimeError("a library's own", ValueError("with the cause as an argument"))
    wrapped.args[1].__context__ = inner
    assert is_unsent(wrapped)
    assert find_forbidden(wrapped) is inner
    assert not is_unsent(ConnectionResetError())
    assert find_forbidden(CannotConnect()) is None


def test_an_earlier_request_that_was_not_sent_says_nothing_about_a_later_one() -> None:
    try:
        raise Unreachable("It is away.") from CannotConnect()
    except Unreachable:
        with pytest.raises(ConnectionResetError) as caught:
            raise ConnectionResetError  # noqa: B904 - as a library does that knows nothing of the other one
    assert not is_unsent(caught.value)


def test_it_is_made_of_a_services_settings() -> None:
    config = HandlerConfig(
        service="x", force_ipv4=True, attempt_timeout_seconds=4.0, allowed_private_hosts=("intern.test",)
    )
    assert config.outbound(public_only=True) == Outbound(
        force_ipv4=True, public_only=True, allowed_private_hosts=("intern.test",), connect_timeout_seconds=1.0
    )
    assert HandlerConfig(service="x", attempt_timeout_seconds=600).outbound(public_only=False) == Outbound()
