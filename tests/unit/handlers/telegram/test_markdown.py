"""Markdown as text and entities."""

from hypothesis import given, settings
from hypothesis import strategies as st
from telegramify_markdown import utf16_len

from syncqueue.handlers.telegram.markdown import to_message
from syncqueue.handlers.telegram.render import tidy


def marked(source: str, base_url: str = "") -> list[tuple[str, str]]:
    """Each entity's kind and the text it covers."""
    text, entities = to_message(source, base_url)
    units = text.encode("utf-16-le")
    return [(str(e.type), units[2 * e.offset : 2 * (e.offset + e.length)].decode("utf-16-le")) for e in entities]


def test_markup_becomes_entities_that_cover_the_words_it_stood_around() -> None:
    assert marked("a **bold** and `code`") == [("bold", "bold"), ("code", "code")]


def test_entities_behind_emoji_still_cover_their_words() -> None:
    assert marked("🎉🎉 *fine*") == [("italic", "fine")]


def test_headings_and_lists_carry_no_pictograms() -> None:
    assert to_message("# Title\n\n- one\n- two")[0] == "Title\n\n• one\n• two"


def test_a_generic_type_outside_of_code_keeps_its_angle_brackets() -> None:
    assert to_message("Use Vec<T> or `Box<T>`")[0] == "Use Vec<T> or Box<T>"


def test_a_block_of_html_is_shown_as_it_was_written() -> None:
    assert to_message("<div>\nHello **you**\n</div>\n\nrest")[0] == "<div>\nHello you\n</div>\n\nrest"


def test_comments_stay_unseen() -> None:
    assert to_message("seen <!-- secret --> too\n\n<!-- more\nsecrets -->\n\nend")[0] == "seen  too\n\nend"


def test_dollar_signs_are_no_mathematics() -> None:
    assert to_message("cd $HOME/$USER\n\n$$x$$")[0] == "cd $HOME/$USER\n\n$$x$$"


def test_a_backslash_before_a_tag_stays_one_backslash() -> None:
    assert to_message(r"\<b> and \\<b>")[0] == r"<b> and \<b>"


def test_a_relative_link_is_completed_from_the_objects_page() -> None:
    _, (entity,) = to_message("[there](/notes/2)", "https://site.example/notes/1")
    assert entity.url == "https://site.example/notes/2"


def test_a_link_telegram_would_refuse_becomes_plain_text() -> None:
    for target in ("/notes/2", "javascript:alert(1)", "http://[broken", "#part"):
        assert to_message(f"[there]({target})") == ("there", ())


def test_trailing_white_space_is_gone_from_text_and_entities() -> None:
    text, (entity,) = to_message("```\ncode  \n\n```\n")
    assert (text, entity.offset, entity.length) == ("code", 0, 4)


def test_a_thousand_nested_html_lines_are_read_in_a_few_rounds() -> None:
    source = "<p>\n" * 1000
    assert to_message(source)[0].count("<p>") == 1000


@settings(deadline=None)  # how fast it is depends on who else uses the machine
@given(st.text(alphabet=st.sampled_from("ab <>/$*_`~|#[]()!-\\\n>1.\t🎉漢é&"), max_size=60))
def test_entities_of_any_source_lie_inside_the_text_and_never_split_a_character(source: str) -> None:
    text, entities = to_message(tidy(source))
    borders, units = {0}, 0
    for character in text:
        units += utf16_len(character)
        borders.add(units)
    for entity in entities:
        assert entity.length > 0
        assert {entity.offset, entity.offset + entity.length} <= borders
