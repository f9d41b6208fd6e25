"""`explain`: what people are told about a note, in each situation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

import syncqueue
from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.models import Destination
from tests.integration.sync.scene import configure, make_destination, search_nothing, task_of, work

pytestmark = pytest.mark.django_db(transaction=True)


def told(note: Note) -> list[str]:
    """The sentences."""
    return [str(sentence) for sentence in syncqueue.explain(note)]


def one(note: Note) -> str:
    """The one sentence."""
    (sentence,) = told(note)
    return sentence


def save(writer: User, **values: Any) -> Note:
    """A note."""
    return Note.objects.create(**{"owner": writer, "text": "First", **values})


def test_a_note_that_is_out_there_says_since_when_and_where(channel: Destination, writer: User) -> None:
    (sentence,) = syncqueue.explain(save(writer))
    assert str(sentence).startswith("@news: has been up to date since ")
    assert sentence.url.startswith("https://t.me/news/")


def test_each_destination_has_its_sentence(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    make_destination(sandbox, "@drafts", rule="private")
    drafts, news = told(save(writer))
    assert drafts == "@drafts: not there, because the destination's rule does not accept it."
    assert news.startswith("@news: has been up to date")


def test_without_a_destination_nothing_is_said(writer: User) -> None:
    assert told(save(writer)) == []


def test_a_note_in_the_trash_says_so(channel: Destination, writer: User) -> None:
    note = save(writer)
    note.soft_delete()
    assert one(note) == "@news: not there, because the object is not published."


def test_a_note_from_before_the_destination_says_so(writer: User, sandbox: RunningSandbox) -> None:
    note = save(writer)
    make_destination(sandbox, start_at=timezone.now() + timedelta(seconds=1))
    text = "@news: not there, because it was created before the destination's start."
    assert one(note) == text
    note.save()
    assert one(note) == text


def test_a_queued_note_waits_for_its_turn(channel: Destination, writer: User) -> None:
    with syncqueue.queued():
        note = save(writer)
    assert one(note) == "@news: waits for its turn."


def test_a_note_that_no_signal_told_of_says_so(channel: Destination, writer: User) -> None:
    (note,) = Note.objects.bulk_create([Note(owner=writer, text="First")])
    assert one(note) == "@news: has no record yet; the sweep will create it."


def test_a_service_that_is_away_is_named_with_its_address_and_the_next_try(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    sandbox.set_mode("telegram", "down")
    text = one(save(writer))
    assert text.startswith("@news: waits: ")
    assert "127.0.0.1" in text
    assert "Next attempt at " in text


def test_a_note_that_was_never_tried_because_the_service_is_away_says_so_too(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("BREAKER", FAILURES=1)
    sandbox.set_mode("telegram", "down")
    save(writer)
    note = save(writer, text="Second")
    work()
    assert task_of(note).progress.attempt_count == 0
    text = one(note)
    assert text.startswith("@news: waits: ")
    assert "127.0.0.1" in text
    assert "Next attempt at " in text


def test_a_note_of_a_paused_service_names_who_paused_it(channel: Destination, writer: User) -> None:
    services.pause("telegram", actor="Mira")
    note = save(writer)
    work()
    assert one(note) == "@news: waits: Paused by Mira."


def test_without_redis_a_note_waits_for_its_turn(channel: Destination, writer: User) -> None:
    with syncqueue.queued():
        note = save(writer)
    configure(REDIS="redis://127.0.0.1:1/0")
    assert one(note) == "@news: waits for its turn."


def test_a_rate_limit_says_when_it_goes_on(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    sandbox.set_mode("telegram", "limited", retry_after=60)
    text = one(save(writer))
    assert text.startswith("@news: waits: ")
    assert "Next attempt at " in text


def test_a_refused_credential_says_what_the_service_said(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    sandbox.set_mode("telegram", "unauthorized")
    note = save(writer)
    channel.refresh_from_db()
    assert channel.broken_reason.rstrip(".") in one(note)


def test_a_failed_note_says_why_and_what_to_do(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    configure("telegram", MAX_RETRIES=0)
    sandbox.set_mode("telegram", "error", status=409)
    text = one(save(writer))
    assert text.startswith("@news: failed: ")
    assert text.endswith("It is tried again after a save or “Sync now”.")


def test_a_held_note_says_that_the_answer_was_lost(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    search_nothing(channel)
    configure("telegram", ON_UNKNOWN_OUTCOME="hold")
    sandbox.plan_answers("telegram", "store-then-reset")
    assert one(save(writer)).startswith("@news: held: ")


def test_a_cleared_note_says_who_cleared_it(channel: Destination, writer: User) -> None:
    with syncqueue.queued():
        note = save(writer)
    services.clear("telegram", actor="Ada")
    assert one(note) == "@news: not synced: Cleared by Ada. A new save syncs it."


def test_a_document_that_raises_does_not_break_the_page(
    channel: Destination, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: NoteSync, note: Note) -> Any:
        raise RuntimeError("the site's own mistake")

    (note,) = Note.objects.bulk_create([Note(owner=writer, text="First")])
    monkeypatch.setattr(NoteSync, "document", broken)
    assert one(note) == (
        f"@news: could not be read: notes.note:{note.pk}: NoteSync.document() raised RuntimeError: the site's own "
        "mistake"
    )


def test_an_object_of_an_unregistered_model_is_refused_with_what_to_write(writer: User) -> None:
    with pytest.raises(syncqueue.SyncQueueError, match=r"@syncqueue\.register\(User\)"):
        syncqueue.explain(writer)
