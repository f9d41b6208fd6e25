"""URLs that name a server."""

from __future__ import annotations

import pytest

from syncqueue.outbound.urls import server_url


@pytest.mark.parametrize("text", ["https://mastodon.social", "https://a.example:8443", "https://[2001:db8::1]"])
def test_a_server_is_https_and_a_host(text: str) -> None:
    assert server_url(text, lambda host, port: False).geturl() == text


def test_one_slash_at_the_end_is_the_same_server() -> None:
    assert server_url("https://a.example/", lambda host, port: False).geturl() == "https://a.example"


@pytest.mark.parametrize(
    "text",
    [
        "", "mastodon.social", "@me@mastodon.social", "http://a.example", "ftp://a.example", "https://a.example//",
        "https://a.example/path", "https://u:p@a.example", "https://a.example?x", "https://a.example#x", "https://",
        "https://A.example", "https://a.example:99999", "https://a .example", "https://[::1", "https://a.example:",
        "https://a\n.example",
    ],
)  # fmt: skip
def test_nothing_else_is_a_server(text: str) -> None:
    with pytest.raises(ValueError):
        server_url(text, lambda host, port: False)


def test_a_host_that_the_settings_name_may_do_without_tls() -> None:
    allowed = lambda host, port: (host, port) == ("127.0.0.1", 8022)  # noqa: E731
    assert server_url("http://127.0.0.1:8022", allowed).port == 8022
    with pytest.raises(ValueError):
        server_url("http://127.0.0.1:8023", allowed)
