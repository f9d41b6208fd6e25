"""Telegram's HTML style as the sandbox reads it."""

import pytest

from project.sandbox.telegram.errors import BotError
from project.sandbox.telegram.parse_html import parse_html


def entity(kind: str, offset: int, length: int, **more: str) -> dict:
    return {"type": kind, "offset": offset, "length": length, **more}


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("plain", "plain", []),
        ("<b>a</b><STRONG>b</STRONG>", "ab", [entity("bold", 0, 1), entity("bold", 1, 1)]),
        ("<b>a<i>b</i></b>", "ab", [entity("bold", 0, 2), entity("italic", 1, 1)]),
        ("😀<u>x</u>", "😀x", [entity("underline", 2, 1)]),
        ('<a href="https://e.org/?a=1&amp;b=2">x</a>', "x", [entity("text_link", 0, 1, url="https://e.org/?a=1&b=2")]),
        ("<a>https://e.org</a>", "https://e.org", [entity("text_link", 0, 13, url="https://e.org")]),
        ('<pre><code class="language-py">x</code></pre>', "x", [entity("pre", 0, 1, language="py")]),
        ("<pre>a<code>b</code></pre>", "ab", [entity("pre", 0, 2), entity("code", 1, 1)]),
        ('<span class="tg-spoiler">x</span>', "x", [entity("spoiler", 0, 1)]),
        ("<blockquote expandable>x</blockquote>", "x", [entity("expandable_blockquote", 0, 1)]),
        ('<tg-emoji emoji-id="5">😀</tg-emoji>', "😀", [entity("custom_emoji", 0, 2, custom_emoji_id="5")]),
        ("&lt;&gt;&amp;&quot;&#65;&#x42;", '<>&"AB', []),
        ("a & b &nbsp; > c", "a & b &nbsp; > c", []),
        ("<b></b>x", "x", []),
    ],
)
def test_text_and_entities(source, text, entities):
    assert parse_html(source) == (text, entities)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("ä<h1>x</h1>", 'Unsupported start tag "h1" at byte offset 2'),
        ("a < b", "Unclosed start tag at byte offset 2"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_what_it_refuses(source, reason):
    with pytest.raises(BotError) as caught:
        parse_html(source)
    assert caught.value.description == f"Bad Request: can't parse entities: {reason}"
