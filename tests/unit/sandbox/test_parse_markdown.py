"""Telegram's MarkdownV2 style as the sandbox reads it."""

import pytest

from project.sandbox.telegram.errors import BotError
from project.sandbox.telegram.parse_markdown import RESERVED, parse_markdown


def entity(kind: str, offset: int, length: int, **more: str) -> dict:
    return {"type": kind, "offset": offset, "length": length, **more}


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("plain", "plain", []),
        ("*a* _b_ __c__ ~d~", "a b c d", [
            entity("bold", 0, 1), entity("italic", 2, 1), entity("underline", 4, 1), entity("strikethrough", 6, 1),
        ]),
        ("*a _b_*", "a b", [entity("bold", 0, 3), entity("italic", 2, 1)]),
        ("||s||", "s", [entity("spoiler", 0, 1)]),
        ("😀`a*b`", "😀a*b", [entity("code", 2, 3)]),
        ("```py\nx = 1\n```", "x = 1\n", [entity("pre", 0, 6, language="py")]),
        ("[x](https://e.org/a\\)b)", "x", [entity("text_link", 0, 1, url="https://e.org/a)b")]),
        ("![😀](tg://emoji?id=5)", "😀", [entity("custom_emoji", 0, 2, custom_emoji_id="5")]),
        (">one\n>two\nthree", "one\ntwo\nthree", [entity("blockquote", 0, 7)]),
        (r"1\.5 \+ 2 \\", "1.5 + 2 \\", []),
    ],
)  # fmt: skip
def test_text_and_entities(source, text, entities):
    assert parse_markdown(source) == (text, entities)


@pytest.mark.parametrize("char", sorted(RESERVED))
def test_every_reserved_character_can_be_escaped(char):
    assert parse_markdown("\\" + char) == (char, [])


@pytest.mark.parametrize("char", sorted(RESERVED - set("_*[~`>")))
def test_a_reserved_character_that_opens_nothing_is_refused(char):
    with pytest.raises(BotError) as caught:
        parse_markdown("x" + char)
    assert f"Character '{char}' is reserved and must be escaped with the preceding '\\'" in caught.value.description


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("🏟 🏟_abc", "Can't find end of Italic entity at byte offset 9"),
        ("🏟 🏟_abc * asd ", "Can't find end of Bold entity at byte offset 14"),
        ("__a_", "Can't find end of Italic entity at byte offset 3"),
        ("_a__", "Can't find end of Underline entity at byte offset 2"),
        ("`a", "Can't find end of Code entity at byte offset 0"),
        ("```a", "Can't find end of Pre entity at byte offset 0"),
    ],
)
def test_what_is_not_closed_is_refused(source, reason):
    with pytest.raises(BotError) as caught:
        parse_markdown(source)
    assert caught.value.description == f"Bad Request: can't parse entities: {reason}"
