"""Markdown as text that reads well on Mastodon."""

from __future__ import annotations

import pytest

from syncqueue.handlers.markdown import Picture, to_text

CAT = "https://pics.example/cat.png"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("# Title\n\nSome *soft* and **loud** words", "Title\n\nSome soft and loud words"),
        ("one\ntwo  \nthree", "one\ntwo\nthree"),
        ("[words](https://a.example/x)", "words (https://a.example/x)"),
        ("<https://a.example/x>", "https://a.example/x"),
        ("[https://a.example/x](https://a.example/x)", "https://a.example/x"),
        ("[](https://a.example/x)", "https://a.example/x"),
        ("[mail](mailto:me@a.example) <me@a.example>", "mail (me@a.example) me@a.example"),
        ("[up](#top) [odd](javascript:x)", "up odd"),
        ("- one\n- two\n  - deep\n  - deeper\n- three", "• one\n• two\n  • deep\n  • deeper\n• three"),
        ("3. three\n4. four\n\n   more", "3. three\n4. four\n   more"),
        ("- [ ] open\n- [x] done", "☐ open\n☑ done"),
        ("> said\n> twice\n\nafter", "> said\n> twice\n\nafter"),
        ("```python\nif x:\n    pass\n```", "if x:\n    pass"),
        ("use `a * b` here", "use `a * b` here"),
        ("~~gone~~", "~~gone~~"),
        ("above\n\n---\n\nbelow", "above\n\n⁂\n\nbelow"),
        ("| a | b |\n|---|---|\n| 1 |  |", "a | b\n1 | –"),
        ("A Vec<T> and <b>bold</b><br>line", "A Vec<T> and <b>bold</b>\nline"),
        ("<div>\nblock\n</div>", "<div>\nblock\n</div>"),
        ("seen <!-- not seen --> too\n\n<!-- nor this -->", "seen  too"),
        ("costs $5 and $6", "costs $5 and $6"),
        ("#tag and \\*stars\\*", "#tag and *stars*"),
        ("", ""),
    ],
)
def test_markup_becomes_readable_text(source: str, text: str) -> None:
    assert to_text(source)[0] == text


def test_relative_links_lead_to_the_site() -> None:
    assert to_text("[here](/x)", "https://me.example/notes/1")[0] == "here (https://me.example/x)"
    assert to_text("[here](/x)")[0] == "here"
    assert to_text("[here](http://[broken)")[0].startswith("[here]") or to_text("[a](<http://[>)")[0] == "a"


def test_a_picture_that_is_not_attached_stands_in_the_text() -> None:
    text, pictures = to_text(f"Look: ![a *fine* cat]({CAT})")
    assert text == f"Look: a fine cat: {CAT}"
    assert pictures == (Picture(url=CAT, alt="a fine cat"),)


def test_an_attached_picture_leaves_no_gap() -> None:
    assert to_text(f"One\n\n![cat]({CAT})\n\ntwo ![cat]({CAT}) three", attached={CAT})[0] == "One\n\ntwo three"


def test_a_picture_that_is_a_link_keeps_its_link() -> None:
    source = f"[![cat]({CAT})](https://a.example/)"
    assert to_text(source, attached={CAT})[0] == "https://a.example/"
    assert to_text(source)[0] == f"cat: {CAT} (https://a.example/)"


def test_only_pictures_on_the_web_can_be_attached() -> None:
    text, pictures = to_text("![a](http://a.example/a.png) ![b](data:image/png;base64,AAAA) ![c](c.png)")
    assert [picture.alt for picture in pictures] == ["a"]
    assert text == "a: http://a.example/a.png b c"


def test_each_picture_is_found_once_in_order() -> None:
    source = "".join(f"![{name}](https://a.example/{name}.png)" for name in "cabc")
    assert [picture.alt for picture in to_text(source)[1]] == ["c", "a", "b"]
