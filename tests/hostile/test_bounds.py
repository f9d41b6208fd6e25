"""How much of a note is taken on, and where: a web process does little, a worker what is bounded, nobody the rest."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.contrib.auth.models import User

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import WEB_CHARACTERS, Document, Place
from syncqueue.handlers.bounds import MOST_CHARACTERS, MOST_TAGS, READ_CHARACTERS, refusal
from syncqueue.handlers.mastodon import render as mastodon
from syncqueue.handlers.mastodon.length import Limits
from syncqueue.handlers.registry import shared_handler
from syncqueue.handlers.telegram import render as telegram
from syncqueue.models import Destination, RecordState, SyncRecord
from tests.hostile.handlers import arrived
from tests.integration.sync.scene import configure, make_destination, record_of, texts, work

pytestmark = pytest.mark.shapes


def _place(options: Any) -> Place:
    return Place(id=1, name="account", address="https://mastodon.example", options=options)


def test_a_web_process_leaves_a_long_note_to_a_worker(sandbox: RunningSandbox, writer: User) -> None:
    make_destination(sandbox)

    short = Note.objects.create(owner=writer, text="Short")
    long = Note.objects.create(owner=writer, text="word " * WEB_CHARACTERS)

    assert texts(sandbox) == ["Short"]
    assert record_of(short).state == RecordState.SYNCED
    assert record_of(long).state == RecordState.WAITING
    work(services=["telegram"])
    record = record_of(long)
    assert record.state == RecordState.SYNCED
    assert record.parts[0]["kind"] == "document"


@pytest.mark.parametrize(
    ("document", "options"),
    [
        (Document(text="![a](https://a.example/a.png)", format="markdown"), {}),
        (Document(text="Look", media=("https://a.example/a.png",)), {}),
        (Document(text="word " * 200), {"over_limit": "image"}),
    ],
)
def test_a_web_process_leaves_what_needs_pictures_on_mastodon_to_a_worker(document: Document, options: Any) -> None:
    handler: Any = shared_handler("mastodon")
    assert not handler.is_small(document, _place(options))
    assert handler.is_small(Document(text="Look"), _place(options))


def test_what_is_too_large_for_every_service_fails_in_words_and_reaches_no_handler(writer: User) -> None:
    row = Destination(name="place", service="elsewhere", address="host.example:443")
    row.secret = {"token": "t" * 20}
    row.save()

    note = Note.objects.create(owner=writer, text="x" * (MOST_CHARACTERS + 1))

    record = record_of(note)
    assert record.state == RecordState.FAILED
    assert "characters (at most 1,000,000)" in record.error
    assert arrived == {}


def test_tags_and_media_are_counted_as_well() -> None:
    assert "1,001 tags (at most 1,000)" in refusal(Document(text="", tags=("a",) * (MOST_TAGS + 1)))
    assert "media" in refusal(Document(text="", media=("https://a.example/",) * (MOST_TAGS + 1)))
    assert refusal(Document(text="", tags=("a",) * MOST_TAGS)) == ""


def test_of_a_text_that_no_thread_can_hold_the_beginning_is_shown_with_the_link() -> None:
    document = Document(text="word " * READ_CHARACTERS, format="markdown", url="https://site.example/1")
    (shown,) = mastodon.render(document, mastodon.Wanted(limits=Limits(), over_limit="link")).texts
    assert shown.startswith("word word") and shown.endswith("https://site.example/1")
    with pytest.raises(PermanentError, match="too long"):
        mastodon.render(document, mastodon.Wanted(limits=Limits(characters=20_000)))


def test_a_thousand_tags_are_searched_for_in_one_go() -> None:
    tags = tuple(f"tag{n}" for n in range(MOST_TAGS))
    text = mastodon.render(
        Document(text="#TAG7 and #tag8, not https://a.example/#tag9", tags=tags),
        mastodon.Wanted(limits=Limits(characters=20_000)),
    ).texts[0]
    footer = text.split("\n\n")[1].split()
    assert footer == [f"#{tag}" for tag in tags if tag not in ("tag7", "tag8")]


def test_a_file_that_is_too_long_to_be_read_for_comments_is_refused_and_one_without_goes_out() -> None:
    plain = telegram.render(Document(text="word " * 100_000, format="markdown"))
    assert len(plain.file_bytes) == 499_999
    with pytest.raises(PermanentError, match="comments"):
        telegram.render(Document(text="word " * 100_000 + "<!-- secret -->", format="markdown"))


RENDERING = {
    ("telegram/render.py", "render"), ("mastodon/render.py", "render"), ("mastodon/render.py", "pictures_of"),
    ("mastodon/post.py", "shown_text"), ("webhook/event.py", "event_of"), ("manticore/row.py", "put"),
}  # fmt: skip


def test_no_service_renders_or_reads_on_the_event_loop(writer: User, sandbox: RunningSandbox, settings: Any) -> None:
    handlers = settings.SYNCQUEUE["HANDLERS"]
    configure(
        HANDLERS={**handlers, "webhook": {}, "manticore": {"OPTIONS": {"URL": sandbox.manticore_url}}},
        ALLOWED_PRIVATE_HOSTS=["127.0.0.1"],
        IMMEDIATE={"ENABLED": False},
    )
    places = {
        "telegram": ("@news", {"token": sandbox.bot_token}),
        "mastodon": (sandbox.mastodon_url, {"access_token": sandbox.mastodon_token}),
        "webhook": (f"{sandbox.webhook_url}/notes", {"secret": sandbox.webhook_secret}),
        "manticore": ("notes", {}),
    }
    for service, (address, secret) in places.items():
        row = Destination(name=service, service=service, address=address)
        row.secret = secret
        row.save()
    note = Note.objects.create(owner=writer, text="Hello")
    called: dict[str, set[tuple[str, str]]] = {"loop": set(), "threads": set()}
    main = threading.current_thread()

    def note_call(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        name = ("/".join(Path(code.co_filename).parts[-2:]), code.co_name)
        if event == "call" and name in RENDERING and "syncqueue/handlers" in code.co_filename:
            called["loop" if threading.current_thread() is main else "threads"].add(name)

    sys.setprofile(note_call)
    threading.setprofile(note_call)
    try:
        for text in ("Hello", "Hello again"):
            note.text = text
            note.save()
            work(services=list(places))
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]

    assert note_states(note) == [RecordState.SYNCED] * len(places)
    assert called["loop"] == set()
    assert called["threads"] == RENDERING


def note_states(note: Note) -> list[str]:
    return list(SyncRecord.objects.filter(object_pk=str(note.pk)).values_list("state", flat=True))
