"""Many notes in one request: what is sent, what becomes of a bad one, what it costs."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

import syncqueue
from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue.handlers.manticore import store
from syncqueue.models import Destination, RecordState, SyncRecord
from tests.integration.sync.scene import count_queries, work_until
from tests.services.manticore.conftest import fill, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("index")]


def methods(sandbox: RunningSandbox) -> Counter[str]:
    """How often each method was called."""
    return Counter(entry["method"] for entry in sandbox.log() if entry["service"] == "manticore")


def contents(sandbox: RunningSandbox, table: str = "notes") -> list[str]:
    """The texts in a table."""
    return sorted(row["content"] for row in sandbox.documents(table))


def test_resync_fills_the_index_from_nothing(sandbox: RunningSandbox, writer: User, capsys: Any) -> None:
    texts = [f"Note {number}" for number in range(40)]
    Note.objects.bulk_create(Note(owner=writer, text=text) for text in texts)
    call_command("syncqueue", "resync", "--service", "manticore", "--noinput")
    work()
    assert contents(sandbox) == sorted(texts)
    assert methods(sandbox) == {"bulk": 1, "sql": 2}  # the table made, and looked at
    assert SyncRecord.objects.filter(state=RecordState.SYNCED).count() == 40


def test_a_row_has_the_declared_columns_with_their_types(sandbox: RunningSandbox, writer: User) -> None:
    (note,) = fill(writer, "Hello")
    (row,) = sandbox.documents("notes")
    note.refresh_from_db()
    assert row["userid"] == writer.pk
    assert row["createdat"] == int(note.created_at.timestamp())
    assert (row["object_source"], row["object_pk"], row["ismarkdown"]) == ("notes.note", str(note.pk), False)
    (table,) = sandbox.state()["services"]["manticore"]["tables"]
    assert table["options"] == {"charset_table": "non_cont", "ngram_len": "1", "ngram_chars": "cont"}


def test_creates_edits_and_deletions_go_out_together(sandbox: RunningSandbox, writer: User) -> None:
    first, second, _ = fill(writer, "One", "Two", "Three")
    before = methods(sandbox)
    with syncqueue.queued():
        first.text = "One again"
        first.save()
        second.soft_delete()
        Note.objects.create(owner=writer, text="Four")
    work()
    assert contents(sandbox) == ["Four", "One again", "Three"]
    assert methods(sandbox) - before == {"bulk": 1, "sql": 2}  # each worker looks at the table once
    second.restore()
    assert "Two" in contents(sandbox)


def test_a_batch_that_is_written_twice_is_there_once(sandbox: RunningSandbox, writer: User) -> None:
    sandbox.plan_answers("manticore", {"mode": "store-then-reset", "method": "bulk"})
    fill(writer, *(f"Note {number}" for number in range(20)))
    assert len(contents(sandbox)) == len(set(contents(sandbox))) == 20
    assert set(SyncRecord.objects.values_list("state", flat=True)) == {"synced"}


def test_a_document_with_a_wrong_type_fails_alone_and_is_never_sent(
    sandbox: RunningSandbox, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = NoteSync.document

    def document(self: NoteSync, note: Note) -> syncqueue.Document:
        made = real(self, note)
        fields = {**made.fields, "userid": "abc"} if note.text == "Bad" else made.fields
        return syncqueue.Document(text=made.text, fields=fields)

    monkeypatch.setattr(NoteSync, "document", document)
    fill(writer, "Good", "Bad", "Fine")
    assert contents(sandbox) == ["Fine", "Good"]
    failed = SyncRecord.objects.get(state=RecordState.FAILED)
    assert failed.error == "The field 'userid' is bigint: expected a whole number of 64 bits, got a value of type str."
    assert methods(sandbox)["bulk"] == 1


def test_a_document_that_the_server_refuses_fails_alone_and_the_others_go_through(
    sandbox: RunningSandbox, writer: User
) -> None:
    fill(writer, "First")
    made = Note.objects.bulk_create(Note(owner=writer, text=f"Note {number}") for number in range(6))
    # The batch is refused, as a whole; then each goes for itself, and the third of those is the bad one.
    sandbox.plan_answers(
        "manticore",
        {"mode": "error", "status": 409, "method": "bulk"},
        {"mode": "up", "method": "replace"},
        {"mode": "up", "method": "replace"},
        {"mode": "error", "status": 409, "method": "replace"},
    )
    syncqueue.sync_queryset(Note.objects.filter(pk__in=[note.pk for note in made]), service="manticore")
    work()
    assert len(contents(sandbox)) == 6
    failed = SyncRecord.objects.get(state=RecordState.FAILED)
    assert failed.error.startswith("Manticore answers 409")
    assert SyncRecord.objects.filter(state=RecordState.SYNCED).count() == 6


def test_a_table_that_was_dropped_is_made_again(sandbox: RunningSandbox, writer: User, index: Destination) -> None:
    (note,) = fill(writer, "First")
    sandbox.reset()
    with syncqueue.queued():
        note.text = "First again"
        note.save()
        Note.objects.create(owner=writer, text="Second")
    work()
    assert contents(sandbox) == ["First again", "Second"]


def test_a_column_that_is_declared_later_is_added(
    sandbox: RunningSandbox, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(writer, "First")
    monkeypatch.setattr(NoteSync, "search_fields", {**NoteSync.search_fields, "labels": "multi"})
    fill(writer, "Second", "Third")
    assert {row["content"]: row["labels"] for row in sandbox.documents("notes")} == {
        "First": [], "Second": [], "Third": [],
    }  # fmt: skip


def test_a_column_of_another_type_breaks_the_destination_and_says_what_to_do(
    sandbox: RunningSandbox, writer: User, index: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(writer, "First")
    monkeypatch.setattr(NoteSync, "search_fields", {**NoteSync.search_fields, "userid": "integer"})
    fill(writer, "Second", "Third")
    index.refresh_from_db()
    assert index.broken_reason == (
        "The table 'notes' has 'userid' as bigint, which is declared as 'integer': "
        "name another table, or drop this one and resync."
    )


def test_documents_that_are_too_many_bytes_for_one_request_go_in_several(
    sandbox: RunningSandbox, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "REQUEST_BYTES", 5_000)
    fill(writer, *(f"Note {number} {'x' * 1000}" for number in range(12)))
    assert len(contents(sandbox)) == 12
    assert methods(sandbox)["bulk"] == 4


def test_error_answers_that_close_the_connection_cost_nothing(sandbox: RunningSandbox, writer: User) -> None:
    fill(writer, "First")
    sandbox.plan_answers("manticore", *[{"mode": "error", "status": 400, "method": "replace"}] * 3)
    for number in range(3):
        Note.objects.create(owner=writer, text=f"Bad {number}")
    Note.objects.create(owner=writer, text="Good")
    assert contents(sandbox) == ["First", "Good"]
    assert methods(sandbox)["replace"] == 5  # nothing was tried twice


def test_a_note_deleted_after_its_answer_was_lost_leaves_no_row(
    sandbox: RunningSandbox, writer: User, settings: Any
) -> None:
    handler = settings.SYNCQUEUE["HANDLERS"]["manticore"]
    settings.SYNCQUEUE = {
        **settings.SYNCQUEUE,
        "PROCESSING": {"ATTEMPT_TIMEOUT_SECONDS": 3},
        "BREAKER": {"OPEN_SECONDS": 0.2},
        "HANDLERS": {"manticore": {**handler, "BASE_DELAY_SECONDS": 0.01}},
    }
    sandbox.plan_answers("manticore", {"mode": "hang", "method": "replace"})
    note = Note.objects.create(owner=writer, text="Lost")
    assert contents(sandbox) == ["Lost"]
    note.delete()
    work_until(lambda: contents(sandbox) == [])


def test_notes_deleted_after_the_second_request_of_their_batch_was_refused_leave_no_rows(
    sandbox: RunningSandbox, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "REQUEST_BYTES", 1000)
    limited = {"mode": "limited", "retry_after": 3600, "method": "bulk"}  # nothing more goes by itself
    sandbox.plan_answers("manticore", {"mode": "up", "method": "bulk"}, limited)
    notes = fill(writer, *(f"Note {number}" for number in range(5)))
    assert 0 < len(contents(sandbox)) < 5
    with syncqueue.queued():
        for note in notes:
            note.delete()
    queue = syncqueue.get_queue("manticore")
    queue.lift(*(hold.name for hold in queue.holds()))
    work_until(lambda: contents(sandbox) == [])


def test_the_number_of_queries_does_not_grow_with_the_batch(writer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = count_queries(monkeypatch)
    fill(writer, "The first one")  # whoever makes a table asks once more: whether rows are missing there
    fill(writer, "The second one")  # the identity of the place is known now, so the destinations are read again
    for size in (3, 60):
        counts.append(0)
        fill(writer, *(f"Note {number} of {size}" for number in range(size)))
    few, many = counts[-2:]
    assert 0 < few == many


def test_the_token_is_in_no_answer_of_the_handler(sandbox: RunningSandbox, writer: User) -> None:
    sandbox.set_mode("manticore", "unauthorized")
    fill(writer, "First", "Second")
    assert "a-token-of-the-tests" not in json.dumps(list(SyncRecord.objects.values_list("error", flat=True)))
    assert Destination.objects.get().broken_reason
