"""Trying the ways to a host apart."""

from __future__ import annotations

import asyncio

from syncqueue.outbound.connect import Outbound
from syncqueue.outbound.probe import Reach, try_ways
from tests.loopback import Resolver, black_hole, closed_port, resolver, serving

__all__ = ["resolver"]


def tried(host: str, port: int) -> Reach:
    return asyncio.run(try_ways(host, port, Outbound(), timeout_seconds=0.5))


def test_one_way_that_hangs_does_not_hide_that_the_other_answers(resolver: Resolver) -> None:
    with serving() as host, black_hole(host.port) as (address, _port):
        resolver.names["two.test"] = [address, "127.0.0.1"]
        reach = tried("two.test", host.port)
    by_address = {way.address: way for way in reach.ways}
    assert by_address[address].hangs and "no answer within 0.5 s" in by_address[address].problem
    assert by_address["127.0.0.1"].problem == ""


def test_a_port_where_nobody_listens_is_refused_and_does_not_hang() -> None:
    (way,) = tried("127.0.0.1", closed_port()).ways
    assert (way.family, way.problem, way.hangs) == ("IPv4", "connection refused", False)


def test_a_name_that_nobody_knows_has_a_problem_and_no_ways(resolver: Resolver) -> None:
    reach = tried("nowhere.test", 443)
    assert list(reach.ways) == []
    assert "not known" in reach.problem
