"""The real client library on this machine's own network: dead addresses of one family, and answers that never come."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from syncqueue.core.errors import Unavailable, Unreachable
from syncqueue.handlers.base import Document, DocumentJob, HandlerConfig, Place, RemotePart
from syncqueue.handlers.webhook.handler import WebhookHandler
from tests.loopback import Host, Resolver, black_hole, closed_port, serving

SECRET = "whsec_" + base64.b64encode(b"a" * 32).decode()


def job_for(url: str) -> DocumentJob:
    """A new note, for a receiver."""

    async def store(_: Sequence[RemotePart]) -> str:
        return "next key"

    return DocumentJob(
        place=Place(id=1, name="hook", address=f"{url}/hook", secret={"secret": SECRET}),
        document=Document(text="Hello"),
        parts=(),
        idempotency_key="key",
        uncertain=False,
        store=store,
        source="notes.note",
        object_pk="1",
    )


def create(url: str, **config: Any) -> None:
    """Tell the receiver of a new note."""

    async def go() -> None:
        handler = WebhookHandler(
            HandlerConfig(service="webhook", allowed_private_hosts=("dual.test", "127.0.0.1"), **config)
        )
        try:
            await handler.create(job_for(url))
        finally:
            await handler.aclose()

    asyncio.run(go())


def test_with_ipv6_black_holed_an_event_arrives_at_the_first_attempt(resolver: Resolver) -> None:
    with serving() as host, black_hole(host.port) as (dead, port):
        resolver.names["dual.test"] = [dead, "127.0.0.1"]
        create(f"http://dual.test:{port}")
        assert len(host.peers) == 1
        assert resolver.families == [socket.AF_UNSPEC]


def test_an_event_does_not_wait_for_receivers_that_hang() -> None:
    """A limit of connections would make it look as if its receiver could not be reached."""
    hanging = 120

    async def main(slow: Host, quick: Host) -> None:
        config = HandlerConfig(service="webhook", allowed_private_hosts=("127.0.0.1",), attempt_timeout_seconds=200)
        handler = WebhookHandler(config)
        try:
            waiting = [
                asyncio.ensure_future(handler.create(job_for(f"http://127.0.0.1:{slow.port}"))) for _ in range(hanging)
            ]
            await handler.create(job_for(f"http://127.0.0.1:{quick.port}"))
            slow.ready.set()
            await asyncio.gather(*waiting)
        finally:
            await handler.aclose()

    with serving() as slow, serving() as quick:
        slow.ready.clear()
        asyncio.run(main(slow, quick))
        assert len(slow.peers) == hanging
        assert len(quick.peers) == 1


def test_forced_to_ipv4_no_ipv6_address_is_asked_for(resolver: Resolver) -> None:
    with serving() as host, black_hole(host.port) as (_, port):
        resolver.names["dual.test"] = ["::1", "127.0.0.1"]
        create(f"http://dual.test:{port}", force_ipv4=True)
        assert len(host.peers) == 1
        assert resolver.families == [socket.AF_INET]


def test_forced_to_ipv4_the_failure_speaks_of_ipv4_alone(resolver: Resolver) -> None:
    resolver.names["dual.test"] = ["::1", "127.0.0.1"]
    with pytest.raises(Unreachable) as caught:
        create(f"http://dual.test:{closed_port()}", force_ipv4=True)
    assert "IPv4: connection refused" in str(caught.value)
    assert "IPv6" not in str(caught.value)


def test_a_receiver_that_answers_on_no_address_names_each_without_addresses_of_the_inner_network(
    resolver: Resolver,
) -> None:
    with black_hole() as (dead, port):
        resolver.names["dual.test"] = [dead, "127.0.0.1"]
        with pytest.raises(Unreachable) as caught:
            create(f"http://dual.test:{port}", attempt_timeout_seconds=2)
    assert ": no answer within 0.5 s" in str(caught.value)
    assert "IPv4: connection refused" in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


def test_a_receiver_that_hangs_after_accepting_is_an_outage(resolver: Resolver) -> None:
    with serving() as host:
        host.ready.clear()
        resolver.names["dual.test"] = ["127.0.0.1"]
        with pytest.raises(Unavailable, match="answer was lost"):
            create(f"http://dual.test:{host.port}", attempt_timeout_seconds=2)
        assert len(host.peers) == 1
