"""What is said of a host that cannot be reached."""

import asyncio
import ssl
from typing import Any

from syncqueue.outbound.connect import Outbound
from syncqueue.outbound.diagnosis import explain_unreachable
from tests.loopback import Resolver, black_hole, closed_port, serving

REFUSED = ConnectionRefusedError("refused")


def explain(host: str, port: int, error: BaseException = REFUSED, **options: Any) -> str:
    return asyncio.run(explain_unreachable(host, port, error, timeout_seconds=0.3, **options))


def test_a_refused_connection_names_family_and_address() -> None:
    port = closed_port()
    assert explain("127.0.0.1", port) == (f"127.0.0.1:{port} cannot be reached: IPv4 127.0.0.1: connection refused.")


def test_each_family_is_named_with_what_became_of_it(resolver: Resolver) -> None:
    with black_hole() as (address, port):
        resolver.names["dual.test"] = [address, "127.0.0.1"]
        family = "IPv6" if ":" in address else "IPv4"
        assert explain("dual.test", port) == (
            f"dual.test:{port} cannot be reached: {family} {address}: no answer within 0.3 s; "
            f"IPv4 127.0.0.1: connection refused."
        )


def test_an_unknown_name_is_called_that(resolver: Resolver) -> None:
    assert explain("nowhere.test", 443) == (
        "nowhere.test:443 cannot be reached: its name cannot be resolved (Name or service not known)."
    )


def test_only_the_family_the_attempt_could_use_is_tried(resolver: Resolver) -> None:
    resolver.names["dual.test"] = ["::1", "127.0.0.1"]
    assert "IPv6" not in explain("dual.test", closed_port(), outbound=Outbound(force_ipv4=True))


def test_many_addresses_of_one_family_do_not_hide_the_other(resolver: Resolver) -> None:
    resolver.names["big.test"] = [*(f"::{n:x}" for n in range(0x10, 0x20)), "127.0.0.1"]
    text = explain("big.test", closed_port())
    assert text.count("IPv6") == 2
    assert "IPv4 127.0.0.1: connection refused" in text


def test_a_host_that_answers_by_now_is_told_with_what_had_failed() -> None:
    with serving() as host:
        error = ConnectionError("All connection attempts failed")
        error.__cause__ = ExceptionGroup("several", [ConnectionRefusedError(111, "Connect call failed")])
        assert explain("127.0.0.1", host.port, error) == (
            f"127.0.0.1:{host.port} cannot be reached: IPv4 127.0.0.1: reachable now; "
            "during the attempt: connection refused."
        )


def test_a_bad_certificate_is_told_although_the_host_answers() -> None:
    with serving() as host:
        error = ConnectionError("failed")
        error.__cause__ = ssl.SSLError(1, "[SSL] bad")
        error.__cause__.__context__ = OSError("something below")
        assert "during the attempt: TLS failed" in explain("127.0.0.1", host.port, error)


def test_an_attempt_that_timed_out_is_told_so() -> None:
    with serving() as host:
        assert "during the attempt: timed out" in explain("127.0.0.1", host.port, TimeoutError())
