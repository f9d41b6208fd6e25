"""Texts as they are sent: tidied, with hashtags, shortened and divided."""

from __future__ import annotations

import pytest

from syncqueue.handlers.texts import Atom, cut_atoms, divided, hashtag, shortened, tidy


def atoms(*texts: str) -> list[Atom]:
    """One for each character of a text, and one for a whole URL or mention."""
    return [Atom(one, 1) for text in texts for one in ([text] if "://" in text or text[0] == "@" else text)]


def test_half_an_emoji_is_replaced_and_two_halves_are_joined() -> None:
    assert tidy("a\ud83c b \ud83c\udf89") == "a\ufffd b 🎉"


def test_blank_lines_around_go_and_an_indented_first_line_stays() -> None:
    assert tidy("\r\n\n    code\r\nrest \n\n") == "    code\nrest"


@pytest.mark.parametrize(
    ("tag", "word"),
    [
        ("web-dev", "web_dev"), ("C++", "C"), ("two words", "two_words"), ("#x", "x"), ("漢字", "漢字"), ("!!", ""),
        ("e\u0301", "é"),
    ],
)  # fmt: skip
def test_a_tag_becomes_a_word_that_can_be_a_hashtag(tag: str, word: str) -> None:
    assert hashtag(tag) == word


def test_a_text_is_shortened_to_so_many_characters_with_its_ending() -> None:
    assert shortened("12345", 5) == "12345"
    assert shortened("123456", 5) == "1234…"
    assert shortened("123 567", 5) == "123…"


def test_a_beginning_goes_back_to_a_word_unless_half_of_it_would_be_lost() -> None:
    assert cut_atoms(atoms("The quick brown fox"), 12) == "The quick…"
    assert cut_atoms(atoms("It incomprehensible"), 12) == "It incompreh…"


@pytest.mark.parametrize("link", ["https://example.org/", "@me@example.org"])
def test_an_ending_is_set_apart_from_a_link(link: str) -> None:
    assert cut_atoms(atoms("See ", link, " and more"), 5) == f"See {link} …"


def test_a_text_is_divided_at_paragraphs_before_lines_and_words() -> None:
    found = atoms("One two.\n\nThree four\nfive six")
    assert list(divided(found, lambda start: min(start + 14, len(found)))) == ["One two.", "Three four", "five six"]


def test_what_fits_nowhere_is_a_piece_of_its_own() -> None:
    found = atoms("https://example.org/", "ab")
    assert list(divided(found, lambda start: start)) == ["https://example.org/", "a", "b"]
