"""Documents as statuses."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import Document
from syncqueue.handlers.markdown import Picture
from syncqueue.handlers.mastodon.instance import Limits
from syncqueue.handlers.mastodon.length import count
from syncqueue.handlers.mastodon.render import THREAD_LIMIT, Wanted, pictures_of, render

URL = "https://example.org/notes/1"
LONG = "A sentence of a note. " * 60


def is_https(url: str) -> bool:
    """What a client of an ordinary site may fetch."""
    return url.startswith("https://")


def wanted(**changes: Any) -> Wanted:
    return Wanted(**({"limits": Limits()} | changes))


def texts(document: Document, **changes: Any) -> tuple[str, ...]:
    return render(document, wanted(**changes)).texts


def test_a_short_text_is_one_status() -> None:
    assert texts(Document(text="\n\nHello\r\nthere \0\n\n")) == ("Hello\nthere",)


def test_half_of_a_cut_emoji_does_not_stop_the_rest() -> None:
    assert texts(Document(text="Party \ud83c")) == ("Party \ufffd",)


def test_markdown_becomes_text_and_plain_text_stays_as_it_is() -> None:
    assert texts(Document(text="**a** [b](https://example.org)", format="markdown")) == ("a b (https://example.org)",)
    assert texts(Document(text="**a**")) == ("**a**",)


def test_tags_follow_unless_the_text_has_them() -> None:
    document = Document(
        text="On #Django, see example.org/#redis", tags=("django", "redis", "web-dev", "中文", "redis", "-")
    )
    assert texts(document) == ("On #Django, see example.org/#redis\n\n#redis #web_dev #中文",)


def test_the_link_is_added_where_it_is_wanted_and_not_there_already() -> None:
    assert texts(Document(text="Hello", url=URL, tags=("a",)), link=True) == (f"Hello\n\n#a\n{URL}",)
    assert texts(Document(text=f"Hello {URL}", url=URL), link=True) == (f"Hello {URL}",)
    assert texts(Document(text="Hello", url=URL)) == ("Hello",)


def test_an_empty_text_is_refused_unless_there_is_a_picture() -> None:
    with pytest.raises(PermanentError, match="empty"):
        texts(Document(text=" \n"))
    picture = Picture(url="https://pics.example/a.png")
    document = Document(text="![](https://pics.example/a.png)", format="markdown")
    assert render(document, wanted(), [picture]).texts == ("",)


def test_exactly_the_limit_is_one_status_and_one_more_is_a_thread() -> None:
    assert len(texts(Document(text="中" * 500))) == 1
    assert len(texts(Document(text="中" * 501))) == 2


def test_the_content_warning_counts_in_every_status() -> None:
    assert len(texts(Document(text="中" * 491), spoiler="123456789")) == 1
    parts = texts(Document(text="中" * 983), spoiler="123456789")
    assert [len(part) for part in parts] == [491, 491, 1]


def test_a_thread_keeps_all_words_and_ends_with_the_tags() -> None:
    parts = texts(Document(text=LONG, tags=("end",), url=URL), link=True)
    assert len(parts) == 3
    assert all(count(part, Limits()) <= 500 for part in parts)
    assert parts[-1].endswith(f"\n\n#end\n{URL}")
    assert " ".join(parts).split() == [*LONG.split(), "#end", URL]


def test_a_thread_has_an_end_and_the_refusal_says_what_to_do() -> None:
    with pytest.raises(PermanentError, match="over_limit to link"):
        texts(Document(text="中" * (500 * THREAD_LIMIT + 1)))
    assert len(texts(Document(text="中" * 500 * THREAD_LIMIT))) == THREAD_LIMIT


def test_a_warning_longer_than_a_status_is_refused() -> None:
    with pytest.raises(PermanentError, match="too long"):
        texts(Document(text="Hello"), limits=Limits(characters=5), spoiler="123456")


def test_cut_with_a_link_is_one_status_that_leads_to_the_rest() -> None:
    (text,) = texts(Document(text=LONG, tags=("end",), url=URL), over_limit="link")
    assert text.startswith("A sentence of a note. A")
    assert text.endswith(f"…\n\n#end\n{URL}")
    assert 450 < count(text, Limits()) <= 500


def test_a_short_text_is_not_cut_and_gets_no_link_of_its_own_accord() -> None:
    assert texts(Document(text="Hello", url=URL), over_limit="link") == ("Hello",)


def test_without_a_page_to_link_to_it_becomes_a_thread() -> None:
    assert len(texts(Document(text=LONG), over_limit="link")) == 3


def test_a_million_characters_are_cut_as_well() -> None:
    assert count(texts(Document(text="中文 " * 330_000, url=URL), over_limit="link")[0], Limits()) <= 500


def test_media_that_are_not_attached_stand_in_the_text() -> None:
    document = Document(text="Look", media=("https://pics.example/a.png", "http://pics.example/b.png"))
    (first,) = pictures_of(document, 4, is_https)
    assert render(document, wanted(), [first]).texts == ("Look\n\nhttp://pics.example/b.png",)
    assert texts(document) == ("Look\n\nhttps://pics.example/a.png\nhttp://pics.example/b.png",)


def test_the_first_four_pictures_are_chosen_and_the_others_stay_links() -> None:
    source = " ".join(f"![p{number}](https://pics.example/{number}.png)" for number in range(6))
    document = Document(text=source, format="markdown")
    chosen = pictures_of(document, 4, is_https)
    assert [picture.alt for picture in chosen] == ["p0", "p1", "p2", "p3"]
    (text,) = render(document, wanted(), chosen).texts
    assert text == "p4: https://pics.example/4.png p5: https://pics.example/5.png"


def test_a_picture_in_text_and_media_is_one_with_its_description() -> None:
    url = "https://pics.example/1.png"
    document = Document(text=f"![cat]({url})", format="markdown", media=(url,))
    assert pictures_of(document, 4, is_https) == (Picture(url=url, alt="cat"),)
    assert render(document, wanted(), pictures_of(document, 4, is_https)).texts == ("",)


def test_what_no_font_can_draw_becomes_a_thread_and_the_log_says_what_to_install(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "syncqueue.handlers"):
        rendered = render(Document(text="שלום " * 200), wanted(over_limit="image"))
    assert len(rendered.texts) > 1
    assert rendered.drawn == ()
    assert "fonts-noto-cjk" in caplog.text
