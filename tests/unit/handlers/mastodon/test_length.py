"""How long a text is for an instance, and where it is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mastodon import Mastodon

from syncqueue.handlers.mastodon.instance import Limits
from syncqueue.handlers.mastodon.length import count, cut, pieces

LIMITS = Limits()
LONG_URL = "https://example.org/" + "x" * 200
FAMILY = "👨‍👩‍👧"


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("Hello", 5),
        ("中文", 2),
        (FAMILY, 1),
        ("e\u0301", 1),
        ("🇩🇪", 1),
        (LONG_URL, 23),
        (f"See {LONG_URL}, or http://example.com.", 4 + 23 + 5 + 23 + 1),
        ("@bob@example.social hi", 7),
        ("mail bob@example.social", 23),
        (f"{LONG_URL}\n\n{LONG_URL}", 48),
    ],
)
def test_it_is_counted_as_the_instance_counts(text: str, length: int) -> None:
    assert count(text, LIMITS) == length == Mastodon.get_status_length(text)


@given(st.lists(st.sampled_from([*"ab 中🎉\u200d.@/:\n", "https://example.org/", "@bob@a.example "])).map("".join))
def test_it_agrees_with_the_library_on_any_text(text: str) -> None:
    # A sign that joins a URL with what follows may be counted once more, never once less. A mention ends with a space:
    # of one that runs into a URL the library counts the name alone.
    assert 0 <= count(text, LIMITS) - Mastodon.get_status_length(text) <= text.count("\u200d") + text.count("://")


def test_a_mention_that_runs_into_a_url_is_not_counted_too_short() -> None:
    text = "@bob@a.example.https://example.org/"
    assert count(text, LIMITS) >= Mastodon.get_status_length(text)


def test_an_instance_has_its_own_figure_for_urls() -> None:
    assert count(LONG_URL, Limits(url_characters=40)) == 40


def test_where_an_instance_says_nothing_of_urls_they_count_in_full() -> None:
    assert count(LONG_URL, Limits(url_characters=None)) == len(LONG_URL)


def test_a_text_that_fits_is_not_cut() -> None:
    assert cut("Just fits", 9, LIMITS) == "Just fits"


def test_a_cut_ends_at_a_word_and_says_so() -> None:
    assert cut("The quick brown fox jumps", 20, LIMITS) == "The quick brown…"


def test_a_text_without_spaces_is_cut_between_graphemes() -> None:
    assert cut(FAMILY * 30, 12, LIMITS) == FAMILY * 10 + "…"


def test_a_url_is_left_whole_or_left_out_and_no_sign_joins_it() -> None:
    text = f"Look here: {LONG_URL} nowhere else"
    assert cut(text, 40, LIMITS) == f"Look here: {LONG_URL} …"
    assert cut(text, 30, LIMITS) == "Look here:…"


@given(st.text(alphabet="ab 中\n.。🎉", max_size=200), st.integers(5, 60))
def test_a_cut_always_fits(text: str, limit: int) -> None:
    assert count(cut(text, limit, LIMITS), LIMITS) <= limit


def test_pieces_end_where_a_reader_pauses() -> None:
    text = "First paragraph here.\n\nSecond one. It has two sentences"
    assert list(pieces(text, 30, LIMITS)) == ["First paragraph here.", "Second one. It has two", "sentences"]
    assert list(pieces("第一句话在这里。第二句话在那里。第三句", 10, LIMITS)) == [
        "第一句话在这里。",
        "第二句话在那里。",
        "第三句",
    ]


@given(st.text(alphabet="ab 中\n.。🎉", max_size=300), st.integers(3, 60))
def test_pieces_fit_and_lose_nothing_but_spaces(text: str, limit: int) -> None:
    found = list(pieces(text, limit, LIMITS))
    assert all(0 < count(piece, LIMITS) <= limit for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_neither_urls_nor_mentions_nor_graphemes_are_torn() -> None:
    words = [LONG_URL, "@bob@example.social", FAMILY]
    found = list(pieces(" ".join(words * 20), 50, LIMITS))
    assert {word for piece in found for word in piece.split()} == set(words)


def test_a_url_longer_than_a_status_is_torn_after_all() -> None:
    found = list(pieces("https://example.org/" + "x" * 900, 500, Limits(url_characters=None)))
    assert [len(piece) for piece in found] == [500, 420]


def test_the_order_is_kept() -> None:
    numbers = [int(word) for piece in pieces(" ".join(map(str, range(900))), 90, LIMITS) for word in piece.split()]
    assert all(second - first == 1 for first, second in pairwise(numbers))
    assert len(numbers) == 900


STRICT = LIMITS.strict()


@pytest.mark.parametrize(
    "text", [FAMILY, "e\u0301", "🇩🇪", LONG_URL, "@bob@example.social hi", f"See {LONG_URL}, or not."]
)
def test_a_strict_server_counts_every_code_point(text: str) -> None:
    assert count(text, STRICT) == len(text)


@given(st.lists(st.sampled_from([*"ab 中\u0301\n", FAMILY, "https://example.org/ ", "@bob@a.example "])).map("".join))
def test_pieces_for_a_strict_server_fit_and_lose_nothing_but_spaces(text: str) -> None:
    found = list(pieces(text, 60, STRICT))
    assert all(0 < len(piece) <= 60 for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())


@given(st.lists(st.sampled_from([*"ab 中.", FAMILY, "https://example.org/ ", "@bob@a.example "])).map("".join))
def test_a_cut_for_a_strict_server_fits(text: str) -> None:
    assert len(cut(text, 40, STRICT)) <= 40


def test_a_grapheme_longer_than_a_status_is_torn_after_all() -> None:
    assert [len(piece) for piece in pieces("e" + "\u0301" * 900, 500, STRICT)] == [500, 401]
