"""Every renderer reads every hostile shape in time that grows at most in proportion to its size."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import Document, DocumentJob, Place
from syncqueue.handlers.manticore import row
from syncqueue.handlers.mastodon import render as mastodon
from syncqueue.handlers.mastodon.length import Limits
from syncqueue.handlers.mastodon.options import OverLimit
from syncqueue.handlers.telegram import render as telegram
from syncqueue.handlers.webhook.event import event_of
from tests.hostile.shapes import SHAPES

SIZE = 8000
GROWTH = 8  # for four times the size: proportional work takes 4, quadratic work 16
# Below this a text of the larger size is harmless, and the noise of a busy machine says more than the code. The parser
# itself takes somewhat more than proportional time for thousands of nested lists and emphases.
UNMEASURABLE_SECONDS = 0.5
MOST_SECONDS = 1.0


@pytest.fixture(autouse=True)
def own_site() -> None:
    """No site: these functions are pure."""


def for_mastodon(over_limit: OverLimit) -> Callable[[Document], object]:
    wanted = mastodon.Wanted(limits=Limits(), over_limit=over_limit, link=True, breaks_mentions=True)

    def render(document: Document) -> object:
        return mastodon.render(document, wanted, mastodon.pictures_of(document, 4, lambda url: True))

    return render


def job(document: Document) -> DocumentJob:
    async def store(parts: object) -> str:
        return ""

    place = Place(id=1, name="place", address="place")
    return DocumentJob(
        place=place, document=document, parts=(), idempotency_key="key", uncertain=False, store=store,
        source="notes.note", object_pk="1",
    )  # fmt: skip


RENDERERS: dict[str, Callable[[Document], object]] = {
    "telegram": lambda document: telegram.render(document, link=True),
    "telegram text": lambda document: telegram.render_as("text", document, link=True),
    "telegram document": lambda document: telegram.render_as("document", document, link=True),
    "mastodon thread": for_mastodon("thread"),
    "mastodon link": for_mastodon("link"),
    "webhook": lambda document: event_of(job(document)),
    "manticore": lambda document: row.put(job(document)),
}


def seconds(render: Callable[[Document], object], text: str) -> float:
    """The CPU time of this process for both formats, the best of three."""
    documents = [
        Document(text=text, format="markdown", url="https://site.example/1", tags=("a", "b")),
        Document(text=text, url="https://site.example/1", tags=("a", "b")),
    ]
    found = []
    for _ in range(3):
        began = time.process_time()
        for document in documents:
            with suppress(PermanentError):  # refused in words is an end too
                render(document)
        found.append(time.process_time() - began)
        if found[-1] < UNMEASURABLE_SECONDS:
            break
    return min(found)


@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("renderer", list(RENDERERS))
def test_four_times_the_text_takes_no_more_than_eight_times_the_time(renderer: str, shape: str) -> None:
    render, make = RENDERERS[renderer], SHAPES[shape]
    # A busy machine doubles what is measured; what is quadratic is so in every round.
    assert any(is_proportional(render, make) for _ in range(3))


def is_proportional(render: Callable[[Document], object], make: Callable[[int], str]) -> bool:
    """Whether four times the size is read in less than GROWTH times the time, and in less than MOST_SECONDS."""
    long = seconds(render, make(4 * SIZE))
    if long <= UNMEASURABLE_SECONDS:
        return True
    return long < min(MOST_SECONDS, GROWTH * max(seconds(render, make(SIZE)), UNMEASURABLE_SECONDS / GROWTH))


def test_deep_lists_keep_their_words() -> None:
    text = "\n".join("  " * level + f"- word{level}" for level in range(100))
    found = "".join(mastodon.render(Document(text=text, format="markdown"), mastodon.Wanted(limits=Limits())).texts)
    assert [level for level in range(100) if f"word{level}" not in found] == []


def test_comments_of_html_do_not_show_and_one_without_an_end_stays() -> None:
    text = "<div>a<!-- b -->c<!----><!-- d"
    wanted = mastodon.Wanted(limits=Limits())
    assert mastodon.render(Document(text=text, format="markdown"), wanted).texts == ("<div>ac<!-- d",)
