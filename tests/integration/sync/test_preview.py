"""`preview` and `copies`: what would be out there, and what readers may be shown of what is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template import Context, Template
from django.test import Client
from django.utils import timezone

import syncqueue
from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue import DocumentHandler, services
from syncqueue.handlers.telegram.handler import TelegramHandler
from syncqueue.models import Destination, SyncRecord
from syncqueue.presentation.previews import Preview
from tests.integration.commands.calling import call
from tests.integration.sync.scene import configure, make_destination, methods, record_of, texts

pytestmark = pytest.mark.django_db(transaction=True)


def one(note: Note) -> Preview:
    """The one preview."""
    (preview,) = syncqueue.preview(note)
    return preview


def write(writer: User, **values: Any) -> Note:
    """A note."""
    return Note.objects.create(**{"owner": writer, "text": "Tea", **values})


def test_it_shows_text_length_and_limit_and_changes_nothing(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    with syncqueue.queued():
        note = write(writer, text="Tea 🎉")
    before = SyncRecord.objects.values().get()
    (part,) = one(note).parts
    assert (part.kind, part.text, part.length, part.limit, part.is_cut) == ("text", "Tea 🎉", 6, 4096, False)
    assert SyncRecord.objects.values().get() == before
    assert methods(sandbox) == []


def test_a_long_text_is_a_file_with_a_caption(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    note = write(writer, text="Long tea. " * 500)
    (part,) = one(note).parts
    (message,) = sandbox.messages()
    assert (part.kind, part.text, part.file_text) == ("document", message["caption"], message["document"]["text"])
    assert part.file_name == message["document"]["file_name"]
    assert part.limit == 1024


def test_each_destination_is_shown_as_the_site_decides_it(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_destination(sandbox, "@drafts")
    monkeypatch.setattr(
        NoteSync,
        "at",
        lambda self, note, there, document: None if there.name == "@news" else replace(document, text="Short"),
    )
    drafts, news = syncqueue.preview(write(writer))
    assert [part.text for part in drafts.parts] == texts(sandbox, "@drafts") == ["Short"]
    assert (news.parts, news.reason) == ((), "not there, because the site does not send it there.")


def test_a_scheduled_note_is_shown_with_the_reason_why_it_is_not_there_yet(
    channel: Destination, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NoteSync, "live_from", lambda self, note: timezone.now() + timedelta(days=1))
    preview = one(write(writer))
    assert preview.reason == "not there yet: its time has not come."
    assert [part.text for part in preview.parts] == ["Tea"]


def test_a_note_that_is_older_than_the_destination_has_a_reason(writer: User, sandbox: RunningSandbox) -> None:
    note = write(writer)
    make_destination(sandbox, start_at=timezone.now() + timedelta(seconds=1))
    assert one(note).reason.startswith("not there, because it was created before the destination's start")
    assert one(note).parts == ()


def test_of_two_destinations_at_one_place_one_shows_a_new_note(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    make_destination(sandbox, name="second")
    (note,) = Note.objects.bulk_create([Note(owner=writer, text="Tea")])
    news, second = syncqueue.preview(note)
    assert [part.text for part in news.parts] == ["Tea"]
    assert (second.parts, second.reason) == ((), "another destination shows it at the same place.")


def test_what_is_refused_is_said_in_a_sentence(channel: Destination, writer: User) -> None:
    preview = one(write(writer, text="<!-- nothing -->", is_markdown=True))
    assert preview.reason.startswith("cannot go out: The text has no visible content")
    assert preview.parts == ()


def test_a_site_or_a_handler_that_raises_is_contained_in_a_sentence(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = write(writer)

    async def broken(*_: Any) -> Any:
        raise LookupError(f"no font, {sandbox.bot_token}")

    with monkeypatch.context() as patch:
        patch.setattr(TelegramHandler, "preview", broken)
        assert one(note).reason.startswith("cannot go out: telegram: TelegramHandler.preview() raised LookupError")
        assert sandbox.bot_token not in str(one(note))
    monkeypatch.setattr(NoteSync, "at", lambda self, note, there, document: 42)
    assert "NoteSync.at() answered int" in one(note).reason


def test_a_handler_that_takes_too_long_is_contained(
    channel: Destination, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forever(*_: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr("syncqueue.services.previewing.PREVIEW_SECONDS", 0.05)
    monkeypatch.setattr(TelegramHandler, "preview", forever)
    assert one(write(writer)).reason == "cannot go out: No answer within 0.05 s."


def test_a_handler_without_a_preview_shows_the_whole_text(
    channel: Destination, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TelegramHandler, "preview", DocumentHandler.preview)
    (part,) = one(write(writer)).parts
    assert (part.text, part.limit) == ("Tea", None)


def test_the_command_prints_what_would_be_there_and_why_not(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    make_destination(sandbox, "@drafts", rule="private")
    note = write(writer)
    out = call("preview", "notes.Note", str(note.pk)).out
    assert "@news: 1 part would be there." in out
    assert "[text, 3 of 4096 characters]" in out
    assert "@drafts: not there, because the destination's rule does not accept it." in out
    data = call("preview", "notes.note", str(note.pk), "--json").data
    assert [one["destination"] for one in data] == ["@drafts", "@news"]
    assert data[1]["parts"][0]["text"] == "Tea"


def test_the_objects_admin_page_shows_it_to_who_asks_for_it(channel: Destination, writer: User) -> None:
    note = write(writer, text="Tea <b>time</b>")
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    plain = client.get(f"/admin/notes/note/{note.pk}/change/").content.decode()
    assert "?sync_preview=1#sync-preview" in plain and "4096" not in plain
    page = client.get(f"/admin/notes/note/{note.pk}/change/?sync_preview=1").content.decode()
    assert "15 of 4096 characters" in page and "<blockquote>Tea &lt;b&gt;time&lt;/b&gt;</blockquote>" in page


def test_the_demos_own_page_shows_it_to_who_asks_for_it(channel: Destination, writer: User) -> None:
    note = write(writer)
    client = Client()
    client.force_login(writer)
    assert "?preview=1#preview" in client.get(f"/notes/{note.pk}/").content.decode()
    assert "3 of 4096 characters" in client.get(f"/notes/{note.pk}/?preview=1").content.decode()


# Copies for readers


def shown(note: Note) -> str:
    """What the template tag writes."""
    return Template("{% load syncqueue %}{% copies note %}").render(Context({"note": note})).strip()


def test_readers_are_shown_the_link_to_a_public_copy(channel: Destination, writer: User) -> None:
    note = write(writer)
    (copy,) = syncqueue.copies(note)
    assert (copy.destination, copy.service, copy.url) == ("@news", "telegram", record_of(note).parts[0]["url"])
    assert f'<a href="{copy.url}" rel="syndication noopener">@news</a>' in shown(note)


def test_the_copy_of_a_private_note_is_not_shown(channel: Destination, writer: User) -> None:
    note = write(writer, is_private=True)
    assert record_of(note).parts
    assert (syncqueue.copies(note), shown(note)) == ([], "")


def test_what_waits_to_be_removed_is_not_shown(channel: Destination, writer: User) -> None:
    note = write(writer)
    with syncqueue.queued():
        note.soft_delete()
    assert record_of(note).parts
    assert syncqueue.copies(note) == []


def test_a_chat_that_members_alone_can_open_is_not_shown(writer: User, sandbox: RunningSandbox) -> None:
    group = sandbox.make_chat("supergroup", "Ours")
    make_destination(sandbox, str(group))
    note = write(writer)
    assert record_of(note).parts[0]["url"].startswith("https://t.me/c/")
    assert syncqueue.copies(note) == []


def test_what_followers_alone_see_is_not_shown(writer: User, sandbox: RunningSandbox) -> None:
    configure(HANDLERS={"mastodon": {}}, ALLOWED_PRIVATE_HOSTS=["127.0.0.1"])
    for visibility in ("unlisted", "private"):
        row = Destination(
            name=visibility, service="mastodon", address=sandbox.mastodon_url, options={"visibility": visibility}
        )
        row.secret = {
            "access_token": sandbox.mastodon_token if visibility == "private" else sandbox.mastodon_second_token
        }
        row.save()
    note = write(writer)
    assert all(record.parts for record in syncqueue.status(note))
    assert [copy.destination for copy in syncqueue.copies(note)] == ["unlisted"]


def test_a_page_with_another_object_or_none_shows_no_copies(writer: User) -> None:
    assert shown(Note(owner=writer)) == shown(writer) == shown(None) == ""  # type: ignore[arg-type]


def test_a_link_with_another_scheme_is_not_written(
    channel: Destination, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = write(writer)
    record = record_of(note)
    record.parts = [{**record.parts[0], "url": "javascript:alert(1)"}]
    record.save()
    assert services.copies(note)
    assert "javascript" not in shown(note)
