"""A document as a text or a file."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncqueue.handlers.base import Document
from syncqueue.handlers.telegram.render import (
    CAPTION_LIMIT,
    TEXT_LIMIT,
    cut,
    file_name,
    hashtag,
    render,
    render_as,
    tidy,
)


def units(text: str) -> int:
    """UTF-16 units, counted without the library."""
    return len(text.encode("utf-16-le")) // 2


def test_a_short_text_is_sent_as_it_is() -> None:
    message = render(Document(text="Hello *you*"))
    assert (message.kind, message.text, message.entities) == ("text", "Hello *you*", ())


def test_exactly_the_limit_is_text_and_one_unit_more_is_a_file() -> None:
    assert render(Document(text="a" * TEXT_LIMIT)).kind == "text"
    assert render(Document(text="a" * (TEXT_LIMIT + 1))).kind == "document"


def test_an_emoji_counts_as_two_units() -> None:
    assert render(Document(text="🎉" * (TEXT_LIMIT // 2))).kind == "text"
    assert render(Document(text="🎉" * (TEXT_LIMIT // 2) + "a")).kind == "document"


def test_markdown_is_measured_after_rendering() -> None:
    source = f"[{'a' * 4000}](https://example.org/{'b' * 200})"
    message = render(Document(text=source, format="markdown"))
    assert (message.kind, units(message.text)) == ("text", 4000)


def test_tags_that_push_a_text_over_the_limit_make_it_a_file() -> None:
    assert render(Document(text="a" * (TEXT_LIMIT - 3), tags=("news",))).kind == "document"


def test_a_file_holds_the_whole_original_text() -> None:
    source = "# Title 漢字\n\n" + "wörd " * 2000 + "end"
    message = render(Document(text=source, format="markdown", tags=("news",)))
    assert message.file_bytes.decode() == source
    assert message.file_name == "Title 漢字.md"
    assert message.text.startswith("Title 漢字\n\nwörd wörd")
    assert message.text.endswith("…\n\n#news")
    assert units(message.text) <= CAPTION_LIMIT


def test_a_plain_file_is_called_txt_and_after_its_title() -> None:
    assert render(Document(text="a" * 5000, title="On trees")).file_name == "On trees.txt"


def test_tags_already_in_the_text_are_not_said_again() -> None:
    message = render(Document(text="about #News and #newspapers", tags=("news", "paper", "paper")))
    assert message.text == "about #News and #newspapers\n\n#paper"


def test_a_captions_tags_are_those_its_excerpt_does_not_show() -> None:
    message = render(Document(text="#news " + "word " * 2000 + "#late", tags=("news", "late")))
    assert message.text.startswith("#news word")
    assert message.text.endswith("\n\n#late")


@pytest.mark.parametrize(
    ("tag", "word"),
    [("web-dev", "web_dev"), ("C++", "C"), ("two words", "two_words"), ("#x", "x"), ("漢字", "漢字"), ("!!", "")],
)
def test_a_tag_becomes_a_word_telegram_links(tag: str, word: str) -> None:
    assert hashtag(tag) == word


def test_the_link_is_added_only_where_the_destination_wants_it() -> None:
    document = Document(text="Hello", url="https://site.example/1", tags=("a",))
    assert render(document).text == "Hello\n\n#a"
    assert render(document, link=True).text == "Hello\n\n#a\nhttps://site.example/1"


def test_without_entities_the_source_is_shown_because_it_holds_the_links() -> None:
    document = Document(text="see [this](https://example.org)", format="markdown", tags=("a",))
    message = render(document).unformatted()
    assert (message.text, message.entities) == ("see [this](https://example.org)\n\n#a", ())


def test_without_entities_a_source_over_the_limit_gives_way_to_the_rendered_text() -> None:
    document = Document(text=f"{'a' * 4000} [x](https://example.org/{'b' * 100})", format="markdown")
    assert render(document).unformatted().text == "a" * 4000 + " x"


def test_markdown_that_renders_to_nothing_is_shown_as_its_source() -> None:
    assert render(Document(text="[x]: https://e.example", format="markdown")).text == "[x]: https://e.example"


def test_a_text_kept_as_text_is_cut_and_points_to_its_page() -> None:
    document = Document(text="word " * 2000, url="https://site.example/1", tags=("a",))
    message = render_as("text", document)
    assert message.kind == "text"
    assert message.text.endswith("word…\n\n#a\nhttps://site.example/1")
    assert units(message.text) <= TEXT_LIMIT


def test_a_short_text_can_be_a_file() -> None:
    message = render_as("document", Document(text="Hello"))
    assert (message.kind, message.text, message.file_bytes) == ("document", "Hello", b"Hello")


def test_half_an_emoji_is_replaced_and_two_halves_are_joined() -> None:
    assert tidy("a\ud83c b \ud83c\udf89") == "a\ufffd b 🎉"


def test_blank_lines_around_go_and_an_indented_first_line_stays() -> None:
    assert tidy("\r\n\n    code\r\nrest \n\n") == "    code\nrest"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("../../etc/passwd", "etc passwd.md"),
        ('a\x00b\u202e"c".exe', "a b c .exe.md"),
        ("日本語のメモ", "日本語のメモ.md"),
        ("word " * 20, f"{'word ' * 11}word.md"),
        ("漢" * 100, f"{'漢' * 60}.md"),
        (" . ", "note.md"),
    ],
)
def test_a_file_name_is_safe_anywhere(title: str, name: str) -> None:
    assert file_name(title, ".md") == name


@settings(deadline=None)  # how fast it is depends on who else uses the machine
@given(st.text(max_size=200), st.integers(1, 60))
def test_a_cut_text_never_exceeds_its_limit_and_is_the_beginning(source: str, limit: int) -> None:
    text = tidy(source)
    short = cut(text, limit)
    assert units(short) <= limit
    assert text.startswith(short.removesuffix("…")) or short == text


# Long enough to cross both limits; examples stay small because a piece is repeated.
_PIECES = st.tuples(st.text(max_size=20), st.integers(0, 1500)).map(lambda pair: pair[0] * pair[1])


@settings(deadline=None)  # how fast it is depends on who else uses the machine
@given(
    text=_PIECES,
    format=st.sampled_from(["plain", "markdown"]),
    tags=st.lists(st.text(max_size=300), max_size=30).map(tuple),
    url=st.sampled_from(["", "https://site.example/1", "https://site.example/" + "x" * 1500]),
    link=st.booleans(),
)
def test_no_message_exceeds_telegrams_limits(
    text: str, format: str, tags: tuple[str, ...], url: str, link: bool
) -> None:
    document = Document(text=text, format=format, tags=tags, url=url)  # type: ignore[arg-type]
    for message in (render(document, link=link), *(render_as(k, document) for k in ("text", "document"))):
        limit = TEXT_LIMIT if message.kind == "text" else CAPTION_LIMIT
        assert units(message.text) <= limit
        assert units(message.plain) <= limit
        assert message.kind == "text" or message.file_bytes.decode() == tidy(text)
