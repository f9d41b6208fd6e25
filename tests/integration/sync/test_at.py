"""`ModelSync.at` and `keeps`: another text, or nothing, for one destination, as the site decides it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User

import syncqueue
from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue import DestinationInfo, Document
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.sources import same_place
from tests.integration.sync.scene import configure, make_destination, methods, record_of, texts, work
from tests.integration.sync.test_costs import queries, verbs

pytestmark = pytest.mark.django_db(transaction=True)

At = Callable[[Any, Note, DestinationInfo, Document], Any]


@pytest.fixture
def decide(monkeypatch: pytest.MonkeyPatch) -> Callable[[At], None]:
    """Give NoteSync an `at`."""
    return lambda at: monkeypatch.setattr(NoteSync, "at", at)


@pytest.fixture
def drafts(channel: Destination, sandbox: RunningSandbox) -> Destination:
    """A second channel, beside @news."""
    return make_destination(sandbox, "@drafts")


def left_out(self: Any, note: Note, destination: DestinationInfo, document: Document) -> Document | None:
    """Notes that say so do not go to @news."""
    return None if destination.name == "@news" and "#draft" in note.text else document


def sentence(note: Note, name: str = "@news") -> str:
    """What people are told of one destination."""
    return next(one.text for one in syncqueue.explain(note) if one.destination == name)


def test_each_destination_has_a_text_of_its_own(
    drafts: Destination, writer: User, sandbox: RunningSandbox, decide: Any
) -> None:
    decide(lambda self, note, there, document: replace(document, text=f"{document.text} for {there.name}"))
    Note.objects.create(owner=writer, text="Tea")
    assert (texts(sandbox), texts(sandbox, "@drafts")) == (["Tea for @news"], ["Tea for @drafts"])


def test_what_is_sent_to_a_destination_is_what_is_compared(
    drafts: Destination, writer: User, sandbox: RunningSandbox, decide: Any
) -> None:
    decide(lambda self, note, there, document: document if there.name == "@drafts" else replace(document, text="Tea"))
    note = Note.objects.create(owner=writer, text="Green tea")
    note.text = "Black tea"
    note.save()
    assert texts(sandbox, "@drafts") == ["Black tea"]
    assert methods(sandbox).count("editMessageText") == 1  # at @news the text has stayed


def test_a_note_is_posted_only_where_the_site_sends_it(
    drafts: Destination, writer: User, sandbox: RunningSandbox, decide: Any
) -> None:
    decide(left_out)
    note = Note.objects.create(owner=writer, text="Tea #draft")
    assert (texts(sandbox), texts(sandbox, "@drafts")) == ([], ["Tea #draft"])
    assert sentence(note) == "not there, because the site does not send it there."
    assert sentence(note, "@drafts").startswith("has been up to date")


def test_a_copy_that_is_not_to_be_there_any_more_is_removed_there_alone(
    drafts: Destination, writer: User, sandbox: RunningSandbox, decide: Any
) -> None:
    decide(left_out)
    note = Note.objects.create(owner=writer, text="Tea")
    note.text = "Tea #draft"
    note.save()
    assert (texts(sandbox), texts(sandbox, "@drafts")) == ([], ["Tea #draft"])
    note.text = "Tea again"
    note.save()
    assert (texts(sandbox), texts(sandbox, "@drafts")) == (["Tea again"], ["Tea again"])


@pytest.mark.parametrize("answer", ["Tea", 42, True, ("Tea",)], ids=repr)
def test_nonsense_fails_there_alone_and_is_named(
    drafts: Destination, writer: User, sandbox: RunningSandbox, decide: Any, answer: Any
) -> None:
    configure("telegram", MAX_RETRIES=0)
    decide(lambda self, note, there, document: answer if there.name == "@news" else document)
    note = Note.objects.create(owner=writer, text="Tea")
    assert (texts(sandbox), texts(sandbox, "@drafts")) == ([], ["Tea"])
    named = f"NoteSync.at() answered {type(answer).__name__}; expected a Document or None."
    assert named in SyncRecord.objects.get(state=RecordState.FAILED).error
    assert named in sentence(note)


def test_what_raises_fails_there_alone_and_says_what_is_left(
    drafts: Destination, writer: User, sandbox: RunningSandbox, decide: Any
) -> None:
    configure("telegram", MAX_RETRIES=0)
    note = Note.objects.create(owner=writer, text="Tea")

    def broken(self: Any, note: Note, there: DestinationInfo, document: Document) -> Document:
        if there.name == "@news":
            raise LookupError("no such season")
        return document

    decide(broken)
    note.text = "Cold tea"
    note.save()
    assert (texts(sandbox), texts(sandbox, "@drafts")) == (["Tea"], ["Cold tea"])
    failed = SyncRecord.objects.get(state=RecordState.FAILED)
    assert f"notes.note:{note.pk}: NoteSync.at() raised LookupError: no such season." in failed.error
    assert f"What is there stays as it is: {failed.parts[0]['url']}" in failed.error


def second_raises(self: Any, note: Note, there: DestinationInfo, document: Document) -> Document:
    """One note of several, at all destinations."""
    if note.text == "2":
        raise LookupError("no such season")
    return document


def test_one_object_of_a_batch_fails_alone(
    drafts: Destination, writer: User, sandbox: RunningSandbox, decide: Any
) -> None:
    configure("telegram", MAX_RETRIES=0)
    handlers = {**settings.SYNCQUEUE["HANDLERS"], "manticore": {"OPTIONS": {"URL": sandbox.manticore_url}}}
    configure(HANDLERS=handlers, ALLOWED_PRIVATE_HOSTS=["127.0.0.1", "localhost"])
    Destination.objects.create(name="index", service="manticore", address="notes", start_at=None)
    decide(second_raises)
    with syncqueue.queued():
        for text in "123":
            Note.objects.create(owner=writer, text=text)
    work()
    assert (sorted(texts(sandbox)), sorted(texts(sandbox, "@drafts"))) == (["1", "3"], ["1", "3"])
    assert sorted(row["content"] for row in sandbox.documents("notes")) == ["1", "3"]
    left = SyncRecord.objects.exclude(state=RecordState.SYNCED)
    assert {(record.object_pk, record.service) for record in left} == {
        (str(Note.objects.get(text="2").pk), service) for service in ("telegram", "manticore")
    }
    assert all("NoteSync.at() raised LookupError: no such season" in record.error for record in left)
    decide(lambda self, note, there, document: document)
    Note.objects.get(text="2").save()
    work()
    assert sorted(texts(sandbox)) == ["1", "2", "3"]


@pytest.mark.parametrize(
    "at",
    [left_out, second_raises, lambda self, note, there, document: 42],
    ids=["decides", "raises", "nonsense"],
)
def test_a_save_costs_the_same_whatever_it_answers(
    channel: Destination, writer: User, sandbox: RunningSandbox, decide: Any, at: At
) -> None:
    Note.objects.create(owner=writer, text="Warm")
    decide(at)
    with syncqueue.queued():
        sqls = queries(lambda: Note.objects.create(owner=writer, text="2"))
    assert verbs(sqls) == ["INSERT", "SELECT", "INSERT"]


def test_a_save_asks_nothing_of_it(channel: Destination, writer: User, sandbox: RunningSandbox, decide: Any) -> None:
    asked: list[int] = []

    def at(self: Any, note: Note, there: DestinationInfo, document: Document) -> Document:
        asked.append(note.pk)
        return document

    decide(at)
    with syncqueue.queued():
        note = Note.objects.create(owner=writer, text="Tea")
    assert asked == []
    work()
    assert asked == [note.pk]


def test_the_destination_is_a_value_for_reading(
    writer: User, sandbox: RunningSandbox, decide: Any, own_site: None
) -> None:
    seen: list[DestinationInfo] = []

    def at(self: Any, note: Note, there: DestinationInfo, document: Document) -> Document:
        seen.append(there)
        with pytest.raises(FrozenInstanceError):
            there.name = "@mine"  # type: ignore[misc]
        with pytest.raises(TypeError):
            there.options["silent"] = True  # type: ignore[index]
        return document

    decide(at)
    place = make_destination(sandbox, options={"silent": False})
    note = Note.objects.create(owner=writer, text="Tea")
    assert record_of(note).state == RecordState.SYNCED, record_of(note).error
    (there,) = seen
    assert (there.id, there.name, there.service, there.owner) == (place.pk, "@news", "telegram", None)
    assert (there.address, dict(there.options)) == ("@news", {"silent": False})
    assert "token" not in repr(there)


def test_of_two_destinations_at_one_place_the_one_that_the_site_sends_it_to_shows_it(
    channel: Destination, writer: User, sandbox: RunningSandbox, decide: Any
) -> None:
    make_destination(sandbox, name="second")
    same_place.forget()
    decide(left_out)
    note = Note.objects.create(owner=writer, text="Tea")
    note.text = "Tea #draft"
    note.save()
    work()
    assert texts(sandbox) == ["Tea #draft"]
    assert methods(sandbox).count("sendMessage") == 1  # taken over and edited, not posted again
    assert sentence(note, "second").startswith("has been up to date")


def test_objects_in_the_trash_stay_where_the_site_keeps_them(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NoteSync, "keeps", ("telegram",))
    monkeypatch.setattr(
        NoteSync,
        "at",
        lambda self, note, there, document: replace(document, text="In the trash") if note.deleted_at else document,
    )
    note = Note.objects.create(owner=writer, text="Tea")
    note.soft_delete()
    assert texts(sandbox) == ["In the trash"]
    assert sentence(note).startswith("has been up to date")
    note.delete()
    assert texts(sandbox) == []


def test_a_model_that_decides_nothing_sends_what_document_returns(own_site: None) -> None:
    document = Document(text="Tea")
    there = DestinationInfo(id=1, name="@news", service="telegram", owner=None, address="@news", options={})
    assert syncqueue.ModelSync(Note).at(Note(text="Tea"), there, document) is document
