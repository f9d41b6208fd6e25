"""Every renderer reads every hostile shape with work that grows in proportion to its size; `bench.shapes` times it."""

from __future__ import annotations

import json
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from types import FrameType

import pytest

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import Document, DocumentJob, Place
from syncqueue.handlers.bluesky import render as bluesky
from syncqueue.handlers.bounds import MOST_CHARACTERS
from syncqueue.handlers.manticore import row
from syncqueue.handlers.manticore.answers import translate
from syncqueue.handlers.mastodon import answers as mastodon_answers
from syncqueue.handlers.mastodon import render as mastodon
from syncqueue.handlers.mastodon.answers import Asked
from syncqueue.handlers.mastodon.answers import judge as mastodon_judge
from syncqueue.handlers.mastodon.instance import read_instance
from syncqueue.handlers.mastodon.length import Limits
from syncqueue.handlers.mastodon.post import shown_text
from syncqueue.handlers.posts import OverLimit
from syncqueue.handlers.telegram import render as telegram
from syncqueue.handlers.telegram import wanted
from syncqueue.handlers.telegram.refusals import read_refusal
from syncqueue.handlers.webhook.answers import judge as webhook_judge
from syncqueue.handlers.webhook.event import event_of
from syncqueue.outbound.retry_after import wait_seconds
from tests.hostile.shapes import SHAPES, Shape

SIZE = 5000  # above the limit of every form that has one
# For four times the size: proportional work makes 4 times the calls, quadratic work 16. A form that gives way to
# another at a limit of the service costs both of them once: close to 8.
GROWTH = 10
# The slowest shape takes half a second (`make bench-shapes`); quadratic work takes 20 s and more.
HANGING_SECONDS = 5
# What rendering adds to a process at its peak: some 30 MB. Nested lists that are read in full add 900.
MOST_MB = 150

Renderer = Callable[[Document], object]


@pytest.fixture(autouse=True)
def own_site() -> None:
    """No site: these functions are pure."""


def for_mastodon(over_limit: OverLimit) -> Renderer:
    chosen = mastodon.Wanted(limits=Limits(), over_limit=over_limit, link=True, breaks_mentions=over_limit != "image")

    def render(document: Document) -> object:
        return mastodon.render(document, chosen, mastodon.pictures_of(document, 4, lambda url: True))

    return render


def for_bluesky(over_limit: OverLimit) -> Renderer:
    chosen = bluesky.Wanted(over_limit=over_limit, link=True)

    def render(document: Document) -> object:
        return bluesky.render(document, chosen, bluesky.pictures_of(document, lambda url: True))

    return render


def with_its_pictures(document: Document) -> object:
    """As Telegram shows it where a destination wants pictures in the text as pictures."""
    place = Place(id=1, name="place", address="place", options={"pictures": True})
    found = wanted.wanted_of(document, place, lambda url: True)
    return telegram.render(wanted.text_beside(document, found))


def job(document: Document) -> DocumentJob:
    async def store(parts: object) -> str:
        return ""

    place = Place(id=1, name="place", address="place")
    return DocumentJob(
        place=place, document=document, parts=(), idempotency_key="key", uncertain=False, store=store,
        source="notes.note", object_pk="1",
    )  # fmt: skip


RENDERERS: dict[str, Renderer] = {
    "telegram": lambda document: telegram.render(document, link=True),
    "telegram text": lambda document: telegram.render_as("text", document, link=True),
    "telegram document": lambda document: telegram.render_as("document", document, link=True),
    "telegram pictures": with_its_pictures,
    "mastodon thread": for_mastodon("thread"),
    "mastodon link": for_mastodon("link"),
    "mastodon image": for_mastodon("image"),
    "bluesky thread": for_bluesky("thread"),
    "bluesky link": for_bluesky("link"),
    "webhook": lambda document: event_of(job(document)),
    "manticore": lambda document: row.put(job(document)),
}


def calls(render: Renderer, text: str) -> int:
    """How many functions, of Python and of C, one rendering of both formats calls: the same on every machine."""
    documents = [
        Document(text=text, format="markdown", url="https://site.example/1", tags=("a", "b")),
        Document(text=text, url="https://site.example/1", tags=("a", "b")),
    ]
    found = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal found
        found += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        for document in documents:
            with suppress(PermanentError):  # refused in words is an end too
                render(document)
    finally:
        sys.setprofile(None)
    return found


# A drawn text is parsed as that of a thread; what differs is how its lines are laid out. Drawing is most of the work.
LAID_OUT = {
    "plain words", "long word", "long wide word", "combining marks", "joined emoji", "long URL", "line ends", "tabs",
    "white space and ends", "wide table", "nested list by lines", "nested quotes",
}  # fmt: skip
COUNTED = [
    (renderer, shape) for renderer in RENDERERS for shape in SHAPES if "image" not in renderer or shape in LAID_OUT
]


@pytest.mark.parametrize(("renderer", "shape"), COUNTED)
def test_four_times_the_text_makes_at_most_ten_times_the_calls(renderer: str, shape: str) -> None:
    render, make = RENDERERS[renderer], SHAPES[shape]
    assert calls(render, make(4 * SIZE)) < GROWTH * calls(render, make(SIZE))


# What services answer: each reads a text that a service has chosen.
READERS: dict[str, Callable[[str], object]] = {
    "mastodon status": lambda text: shown_text({"content": text, "spoiler_text": text}),
    "mastodon instance": lambda text: read_instance({"version": text, "source_url": text}),
    "mastodon refusal": lambda text: mastodon_judge(
        mastodon_answers.Answer(status=422, body=json.dumps({"error": text}).encode()), Asked(), datetime.now(UTC)
    ),
    "mastodon page": lambda text: mastodon_judge(
        mastodon_answers.Answer(status=422, body=text.encode()), Asked(), datetime.now(UTC)
    ),
    "webhook refusal": lambda text: webhook_judge(422, {}, text.encode(), datetime.now(UTC)),
    "manticore refusal": lambda text: translate(500, json.dumps({"error": text})),
    "telegram refusal": lambda text: read_refusal(text, creates=True),
    "wait": lambda text: wait_seconds(text, datetime.now(UTC)),
}


def _bounded(works: Mapping[str, Callable[[], object]]) -> None:
    """Do each of the works; fails for one that takes too long, or all the memory."""
    begun: list[str] = []

    def give_up(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"{begun[-1]}: not done after {HANGING_SECONDS} s of CPU time")

    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before = signal.signal(signal.SIGPROF, give_up)
    try:
        for name, work in works.items():
            begun.append(name)
            signal.setitimer(signal.ITIMER_PROF, HANGING_SECONDS)
            with suppress(PermanentError):
                work()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) / 1024 < MOST_MB


@pytest.mark.parametrize("renderer", list(RENDERERS))
def test_no_shape_of_a_million_characters_keeps_a_process_busy_or_fills_it(renderer: str) -> None:
    """Sees what counted calls do not: quadratic work inside of one call, such as that of a regular expression."""

    def render(make: Shape) -> object:
        text = make(MOST_CHARACTERS)
        return RENDERERS[renderer](Document(text=text, format="markdown", url="https://site.example/1"))

    _bounded({name: partial(render, make) for name, make in SHAPES.items()})


@pytest.mark.parametrize("reader", list(READERS))
def test_no_answer_of_a_million_characters_keeps_a_process_busy_or_fills_it(reader: str) -> None:
    def read(make: Shape) -> object:
        return READERS[reader](make(MOST_CHARACTERS))

    _bounded({name: partial(read, make) for name, make in SHAPES.items()})


def test_deep_lists_keep_their_words() -> None:
    text = "\n".join("  " * level + f"- word{level}" for level in range(100))
    found = "".join(mastodon.render(Document(text=text, format="markdown"), mastodon.Wanted(limits=Limits())).texts)
    assert [level for level in range(100) if f"word{level}" not in found] == []


def test_comments_of_html_do_not_show_and_one_without_an_end_stays() -> None:
    text = "<div>a<!-- b -->c<!----><!-- d"
    chosen = mastodon.Wanted(limits=Limits())
    assert mastodon.render(Document(text=text, format="markdown"), chosen).texts == ("<div>ac<!-- d",)
