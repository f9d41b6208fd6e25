"""Which addresses count as public, and which hosts the settings except."""

import pytest

from syncqueue.outbound.addresses import is_public
from syncqueue.outbound.connect import Outbound


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "172.32.0.1", "2606:2800:220:1::1", "2a00:1450::1"])
def test_addresses_of_the_open_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - as an address to connect to
        "10.0.0.1",
        "100.64.0.1",  # shared by a provider's customers
        "100.127.255.254",
        "127.0.0.1",
        "127.1.2.3",
        "169.254.169.254",  # where clouds keep their secrets
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.170",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_of_a_machine_a_network_or_nobody_are_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1.1.1.1",  # a network's own gateway, so the address behind it may be anything
        "2002:7f00:1::1",
        "2002:a00:1::",
        "2002:101:101::1",  # 6to4 is given up, whatever it leads to
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
    ],
)
def test_a_private_address_in_disguise_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["::ffff:1.1.1.1", "64:ff9b::1.1.1.1"])
def test_a_public_address_in_the_same_disguise_is(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f000001", "1.1.1.1:80", "1.1.1.1 "])
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize(
    ("entry", "host", "port", "is_allowed"),
    [
        ("intern.test", "intern.test", 443, True),
        ("Intern.test.", "INTERN.TEST", 443, True),
        ("intern.test:8080", "intern.test", 8080, True),
        ("intern.test:8080", "intern.test", 443, False),
        ("127.0.0.1", "127.0.0.1", 80, True),
        ("::1", "0:0:0:0:0:0:0:1", 80, True),
        ("[::1]:8080", "::1", 8080, True),
        ("[::1]:8080", "::1", 80, False),
        ("intern.test", "other.intern.test", 443, False),
        ("intern.test", "intern.test.evil.test", 443, False),
    ],
)
def test_the_settings_except_hosts_by_name_address_and_port(entry: str, host: str, port: int, is_allowed: bool) -> None:
    outbound = Outbound(public_only=True, allowed_private_hosts=(entry,))
    assert outbound.is_allowed_private(host, port) is is_allowed
    assert outbound.may_reach(host, port, "127.0.0.1") is is_allowed


def test_an_outbound_that_is_not_for_public_hosts_only_reaches_all() -> None:
    assert Outbound().may_reach("intern.test", 443, "10.0.0.1")
