"""How figures and addresses are shown."""

import pytest

from syncqueue.presentation.figures import duration_words, web_url


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"), (0.9, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (7800, "2 h 10 min"),
        (86400, "1 d 0 h"), (273600, "3 d 4 h"),
    ],
)  # fmt: skip
def test_a_duration_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)", " javascript:alert(1)", "data:text/html,x", "//host/x", "/x", "", None, 3, "http:x",
        "http://[broken",
    ],
)  # fmt: skip
def test_only_web_addresses_are_linked(text: object) -> None:
    assert web_url(text) == ""


@pytest.mark.parametrize("text", ["https://t.me/news/7", "http://127.0.0.1:8001/c/1", "HTTPS://EXAMPLE.ORG/"])
def test_web_addresses_are_kept(text: str) -> None:
    assert web_url(text) == text
