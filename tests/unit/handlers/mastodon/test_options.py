"""Addresses, tokens and options of destinations, and who may see what."""

from __future__ import annotations

import pytest

from syncqueue.handlers.base import Document, Place
from syncqueue.handlers.mastodon.options import OPTIONS, TOKEN, instance_url, over_limit, visibility


def place(**options: object) -> Place:
    return Place(id=1, name="Me", address="https://a.example", options=options)


@pytest.mark.parametrize(
    ("chosen", "is_private", "seen"),
    [
        (None, False, "public"),
        (None, True, "private"),
        ("public", True, "private"),
        ("unlisted", False, "unlisted"),
        ("unlisted", True, "private"),
        ("private", False, "private"),
        ("direct", False, "direct"),
        ("direct", True, "direct"),
    ],
)
def test_a_private_document_is_never_more_open_than_to_followers(
    chosen: str | None, is_private: bool, seen: str
) -> None:
    options = {} if chosen is None else {"visibility": chosen}
    assert visibility(Document(text="x", is_private=is_private), place(**options)) == seen


def test_what_is_too_long_becomes_a_thread_unless_told_otherwise() -> None:
    assert over_limit(place()) == "thread"
    assert over_limit(place(over_limit="image")) == "image"


@pytest.mark.parametrize("address", ["https://mastodon.social", "https://a.example:8443", "https://[2001:db8::1]"])
def test_an_instance_is_https_and_a_host(address: str) -> None:
    assert instance_url(address, lambda host, port: False).geturl() == address


def test_one_slash_at_the_end_is_the_same_instance() -> None:
    assert instance_url("https://a.example/", lambda host, port: False).geturl() == "https://a.example"


@pytest.mark.parametrize(
    "address",
    [
        "", "mastodon.social", "@me@mastodon.social", "http://a.example", "ftp://a.example", "https://a.example//",
        "https://a.example/path", "https://u:p@a.example", "https://a.example?x", "https://a.example#x", "https://",
        "https://A.example", "https://a.example:99999", "https://a .example", "https://[::1", "https://a.example:",
        "https://a\n.example",
    ],
)  # fmt: skip
def test_nothing_else_is_an_instance(address: str) -> None:
    with pytest.raises(ValueError):
        instance_url(address, lambda host, port: False)


def test_a_host_that_the_settings_name_may_do_without_tls() -> None:
    allowed = lambda host, port: (host, port) == ("127.0.0.1", 8022)  # noqa: E731
    assert instance_url("http://127.0.0.1:8022", allowed).port == 8022
    with pytest.raises(ValueError):
        instance_url("http://127.0.0.1:8023", allowed)


@pytest.mark.parametrize(
    "token", ["a" * 43, "ZTK1MWMWZDGTMGMXOS0ZY2UXLWI5ZWETMWEZYZZIYTLHNTI0", "eyJ0eXAi.eyJhdWQ_-.x-_y" * 9]
)
def test_tokens_of_all_servers_are_taken(token: str) -> None:
    assert TOKEN.fullmatch(token)


@pytest.mark.parametrize(
    "token",
    ["", "short", "/etc/passwd-and-some-more", "../../../../../secrets.txt", "a" * 20 + "\n", "a b" * 20, "ä" * 30],
)
def test_a_path_is_no_token(token: str) -> None:
    assert not TOKEN.fullmatch(token)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("visibility", "unlisted", "secret"),
        ("over_limit", "image", "cut"),
        ("link", True, "yes"),
        ("spoiler", "Politics", "x" * 201),
        ("sensitive", False, 0),
        ("language", "pt-BR", "Portuguese"),
        ("mentions", False, "no"),
    ],
)
def test_each_option_has_its_values(name: str, good: object, bad: object) -> None:
    assert OPTIONS[name].holds(good)
    assert not OPTIONS[name].holds(bad)
    assert not OPTIONS[name].holds(None)
