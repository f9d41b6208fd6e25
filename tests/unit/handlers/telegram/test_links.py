"""Which links a message may have: what is taken here is taken by the real TDLib."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from project.sandbox.telegram.tdlib import complaint
from syncqueue.handlers.telegram.links import absolute, is_accepted, mail_address


def taken_by_tdlib(url: str) -> bool:
    return not complaint("word", [{"type": "text_link", "offset": 0, "length": 4, "url": url}])


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org", "http://example.org:8000/a?b=c#d", "HTTPS://EXAMPLE.ORG/", "http://127.0.0.1/x",
        "http://[::1]/", "https://müller.example/ä", "https://a_b.example", "https://e.example/%zz/{x}|y",
        "http://a%41.example", "https://e.example?x", "https://e.example#x", "tg://resolve?domain=x", "ton://x",
        "tonsite://x.ton",
    ],
)  # fmt: skip
def test_a_good_link_is_taken(url: str) -> None:
    assert is_accepted(url)
    assert taken_by_tdlib(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/x", "http://host/", "ftp://example.org/", "javascript:alert(1)", "http://e.example:0/",
        "http://e.example:/", "http://e.example:70000/", "http://e.example:8x/", "http://a{b}.example",
        "http://a|b.example", "http://a\\b.example", "http://a b.example", "http://a%4.example", "http://a%zz.example",
        "", "/x", "//e.example/x", "tel:+123", "tg://", "http://",
    ],
)  # fmt: skip
def test_a_link_that_telegram_refuses_is_not_tried(url: str) -> None:
    assert not is_accepted(url)
    assert not taken_by_tdlib(url)


@pytest.mark.parametrize("url", ["mailto:a@b.example", "http://user:word@e.example/", "http://a..example/"])
def test_a_link_that_telegram_would_make_something_else_of_is_not_tried(url: str) -> None:
    assert not is_accepted(url)


@settings(deadline=None, max_examples=500)
@given(st.text(alphabet=st.sampled_from("htp:/.@%?#[]{}|\\ ab1é🎉-_+\t\n~"), max_size=30))
def test_whatever_is_taken_here_is_taken_by_telegram(rest: str) -> None:
    for url in (f"http://{rest}", f"https://a.bc{rest}", f"tg://{rest}"):
        assert not is_accepted(url) or taken_by_tdlib(url), url


def test_a_relative_link_without_a_base_is_none() -> None:
    assert absolute("/x", "") == ""
    assert absolute("/x", "https://e.example/y") == "https://e.example/x"
    assert absolute("http://[broken", "https://e.example/y") == ""


def test_the_address_of_a_mail_link_is_found() -> None:
    assert mail_address("mailto:bob@example.org?subject=x") == "bob@example.org"
    assert mail_address("https://example.org/@bob") == ""
