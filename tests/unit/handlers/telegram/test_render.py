"""A document as a text or a file."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from project.sandbox.telegram.tdlib import complaint
from syncqueue.handlers.base import Document
from syncqueue.handlers.telegram.render import (
    CAPTION_LIMIT,
    TEXT_LIMIT,
    cut,
    file_name,
    render,
    render_as,
)
from syncqueue.handlers.texts import tidy


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


def test_the_link_is_added_only_where_the_destination_wants_it() -> None:
    document = Document(text="Hello", url="https://site.example/1", tags=("a",))
    assert render(document).text == "Hello\n\n#a"
    assert render(document, link=True).text == "Hello\n\n#a\nhttps://site.example/1"


def test_without_entities_the_same_words_are_shown_and_never_the_source() -> None:
    document = Document(text="see [this](https://example.org)<!-- x --> ||ab c||", format="markdown", tags=("a",))
    message = render(document).unformatted()
    assert (message.text, message.entities) == ("see this ██ █\n\n#a", ())


@pytest.mark.parametrize("text", ["[x]: https://e.example", "<!-- x -->", "![](x.png)", ""])
def test_markdown_of_which_nothing_can_be_seen_is_blank(text: str) -> None:
    assert render(Document(text=text, format="markdown", tags=("a",))).is_blank
    assert not render(Document(text=text + "\n\nx", format="markdown")).is_blank


def test_a_caption_keeps_its_formatting_and_its_spoilers() -> None:
    document = Document(text="a **bold** ||" + "secret " * 2000 + "||", format="markdown", tags=("a",))
    message = render(document)
    spoiler = message.entities[-1]
    assert (spoiler.type, spoiler.offset) == ("spoiler", 7)
    assert message.text[spoiler.offset + spoiler.length :] == "…\n\n#a"
    assert complaint(message.text, [entity.to_dict() for entity in message.entities]) == ""


def test_neither_a_file_nor_its_name_and_caption_hold_comments() -> None:
    comment = "<!-- " + "secret " * 2000 + "-->"
    message = render(Document(text=f"{comment} first\n\nword{comment}\n\n" + "text " * 2000, format="markdown"))
    assert message.kind == "document"
    assert "secret" not in message.text + message.file_name + message.file_bytes.decode()
    assert message.file_name == "first.md"


def test_a_spoiler_in_the_first_line_is_not_in_the_files_name() -> None:
    assert "secret" not in render(Document(text="||secret||\n\n" + "a " * 3000, format="markdown")).file_name


def test_a_text_kept_as_text_is_cut_and_points_to_its_page() -> None:
    document = Document(text="word " * 2000, url="https://site.example/1", tags=("a",))
    message = render_as("text", document)
    assert message.kind == "text"
    assert message.text.endswith("word…\n\n#a\nhttps://site.example/1")
    assert units(message.text) <= TEXT_LIMIT


def test_a_short_text_can_be_a_file() -> None:
    message = render_as("document", Document(text="Hello"))
    assert (message.kind, message.text, message.file_bytes) == ("document", "Hello", b"Hello")


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
        assert units(message.unformatted().text) <= limit
        if message.kind == "document" and format == "plain":
            assert message.file_bytes.decode() == tidy(text)
