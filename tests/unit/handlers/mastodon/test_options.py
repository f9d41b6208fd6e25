"""Tokens and options of destinations, and who may see what."""

from __future__ import annotations

import pytest

from syncqueue.handlers.base import Document, Place
from syncqueue.handlers.mastodon.options import OPTIONS, TOKEN, visibility


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
