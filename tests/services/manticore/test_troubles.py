"""What a real server does on a bad day: a full disk, a locked table, tables that vanish or change behind our back."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User

import syncqueue
from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue.doctor.finding import Level
from syncqueue.doctor.outside import examine_service
from syncqueue.handlers.manticore import search, store
from syncqueue.models import Destination, RecordState, SyncRecord
from tests.integration.sync.scene import work_until
from tests.services.manticore.conftest import fill, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("index")]

TROUBLES: list[dict[str, Any]] = [{"disk_full": True}, {"locked_table": "notes"}]
NO_TROUBLE = {"disk_full": False, "locked_table": ""}


def contents(sandbox: RunningSandbox, table: str = "notes") -> list[str]:
    """The texts in a table."""
    return sorted(row["content"] for row in sandbox.documents(table))


def states() -> set[str]:
    """The states of all records."""
    return set(SyncRecord.objects.values_list("state", flat=True))


# Refusals that pass


@pytest.fixture
def patient(settings: Any) -> None:
    """A breaker that opens at once and soon asks again, and no attempts to spare."""
    handler = {**settings.SYNCQUEUE["HANDLERS"]["manticore"], "MAX_RETRIES": 0}
    settings.SYNCQUEUE = {
        **settings.SYNCQUEUE,
        "HANDLERS": {"manticore": handler},
        "BREAKER": {"FAILURES": 1, "OPEN_SECONDS": 1},
    }


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("count", [1, 12])
def test_a_full_disk_and_a_locked_table_fail_no_note(
    sandbox: RunningSandbox, writer: User, patient: None, trouble: dict[str, Any], count: int
) -> None:
    fill(writer, "First")
    sandbox.set_options("manticore", **trouble)
    fill(writer, *(f"Note {number}" for number in range(count)))
    assert states() == {"synced", "waiting"}
    assert SyncRecord.objects.filter(state=RecordState.WAITING).count() == count
    sandbox.set_options("manticore", **NO_TROUBLE)
    work_until(lambda: len(contents(sandbox)) == count + 1)
    work_until(lambda: states() == {"synced"})


def test_a_table_that_cannot_be_made_on_a_full_disk_is_made_later(
    sandbox: RunningSandbox, writer: User, patient: None
) -> None:
    sandbox.set_options("manticore", disk_full=True)
    fill(writer, "First")
    assert states() == {"waiting"}
    sandbox.set_options("manticore", **NO_TROUBLE)
    work_until(lambda: states() == {"synced"})


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_batch_that_meets_such_a_state_costs_two_more_calls_and_not_hundreds(
    sandbox: RunningSandbox, writer: User, trouble: dict[str, Any]
) -> None:
    fill(writer, "First")
    sandbox.set_options("manticore", **trouble)
    before = len(sandbox.log())
    fill(writer, *(f"Note {number}" for number in range(50)))
    calls = [entry["method"] for entry in sandbox.log()[before:]]
    assert calls == ["sql", "sql", "bulk", "replace", "replace"]


def test_a_document_that_is_refused_fails_alone_and_its_batch_goes_through(
    sandbox: RunningSandbox, writer: User
) -> None:
    sandbox.set_options("manticore", refused_text="Bad")
    fill(writer, "Good", "Bad", "Fine")
    assert contents(sandbox) == ["Fine", "Good"]
    failed = SyncRecord.objects.get(state=RecordState.FAILED)
    assert failed.error.startswith("Manticore answers 409: row 1, column 2")


def test_what_the_server_quotes_of_a_document_is_in_no_record_and_no_log(
    sandbox: RunningSandbox, writer: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Sent as it is, which is what an older version did: the server quotes 300 characters of the document.
    real = NoteSync.document
    for check in ("_encodable", "_short_enough"):
        monkeypatch.setattr(f"syncqueue.handlers.search_fields.{check}", str)
    monkeypatch.setattr(NoteSync, "document", lambda self, note: replace(real(self, note), text=f"{note.text} \ud83d"))
    with caplog.at_level(logging.DEBUG):
        fill(writer, "Meet Ada at the old mill")
        fill(writer, "Meet Ada again", "And Ada once more")
    errors = json.dumps(list(SyncRecord.objects.values_list("error", flat=True)))
    assert "parse_exception" in errors
    assert "Ada" not in errors and "Ada" not in caplog.text


# Batches that are cut off


def test_what_was_answered_of_a_cut_off_batch_is_synced(
    sandbox: RunningSandbox, writer: User, patient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "REQUEST_BYTES", 1500)
    up = {"mode": "up", "method": "bulk"}
    sandbox.plan_answers("manticore", up, up, up)
    sandbox.set_mode("manticore", "error", status=503, html=True, method="bulk")
    fill(writer, *(f"Note {number} {'x' * 100}" for number in range(40)))
    stored = len(contents(sandbox))
    assert 0 < stored < 40
    assert SyncRecord.objects.filter(state=RecordState.SYNCED).count() == stored
    assert SyncRecord.objects.filter(state=RecordState.WAITING).count() == 40 - stored
    sandbox.set_mode("manticore", "up")
    work_until(lambda: len(contents(sandbox)) == 40)


def test_an_attempt_that_is_too_short_for_a_batch_gets_on_with_each_and_fails_none(
    sandbox: RunningSandbox, writer: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "REQUEST_BYTES", 1500)
    handler = {**settings.SYNCQUEUE["HANDLERS"]["manticore"], "MAX_RETRIES": 0}
    processing = {"ATTEMPT_TIMEOUT_SECONDS": 2, "LEASE_SECONDS": 60}
    breaker = {"FAILURES": 5, "OPEN_SECONDS": 1}
    settings.SYNCQUEUE = {
        **settings.SYNCQUEUE, "HANDLERS": {"manticore": handler}, "PROCESSING": processing, "BREAKER": breaker,
    }  # fmt: skip
    fill(writer, "First")
    sandbox.set_mode("manticore", "slow", delay_seconds=0.3)
    fill(writer, *(f"Note {number} {'x' * 100}" for number in range(40)))
    synced = SyncRecord.objects.filter(state=RecordState.SYNCED).count()
    assert synced > 1
    assert states() <= {"synced", "waiting"}
    sandbox.set_mode("manticore", "up")
    work_until(lambda: states() == {"synced"})
    assert len(contents(sandbox)) == 41


# Tables that vanish or change


def test_a_table_that_vanished_is_made_anew_and_the_missing_rows_are_told_of(
    sandbox: RunningSandbox, writer: User, index: Destination, caplog: pytest.LogCaptureFixture
) -> None:
    fill(writer, *(f"Note {number}" for number in range(5)))
    caplog.clear()
    fill(writer, "One more")
    assert "missing" not in caplog.text
    sandbox.manticore_sql("DROP TABLE notes")
    fill(writer, "After that")
    assert contents(sandbox) == ["After that"]
    (warning,) = [record for record in caplog.records if record.name == "syncqueue.execution"]
    assert warning.levelno == logging.WARNING
    assert warning.getMessage() == (
        "search was missing and has been created again: its 6 copies are gone. "
        f"This command writes them again: manage.py syncqueue resync --destination {index.pk} --force"
    )


def test_a_new_destination_is_no_reason_to_warn(
    sandbox: RunningSandbox, writer: User, caplog: pytest.LogCaptureFixture
) -> None:
    fill(writer, "One", "Two")
    assert "missing" not in caplog.text


@pytest.mark.parametrize("refilled", [False, True])
def test_doctor_counts_the_rows_that_are_missing(
    sandbox: RunningSandbox, writer: User, index: Destination, refilled: bool
) -> None:
    notes = fill(writer, *(f"Note {number}" for number in range(5)))
    assert [finding.level for finding in examine_service("manticore")] == [Level.OK] * 3
    sandbox.manticore_sql("DROP TABLE notes")
    if refilled:
        fill(writer, "After that")
    *_, finding = examine_service("manticore")
    assert finding.level is Level.WRONG
    assert "5 copies that are recorded as synced are missing." in finding.text
    assert finding.advice == f"Write them again: manage.py syncqueue resync --destination {index.pk} --force"
    # As resync --force does.
    SyncRecord.objects.update(content_hash="")
    syncqueue.sync_queryset(Note.objects.filter(pk__in=[note.pk for note in notes]), service="manticore")
    work()
    assert [finding.level for finding in examine_service("manticore")] == [Level.OK] * 3


def test_a_column_whose_type_was_changed_breaks_the_destination_and_fails_no_note(
    sandbox: RunningSandbox, writer: User, index: Destination
) -> None:
    fill(writer, "First")
    sandbox.manticore_sql("ALTER TABLE notes DROP COLUMN userid")
    sandbox.manticore_sql("ALTER TABLE notes ADD COLUMN userid multi")
    Note.objects.create(owner=writer, text="Second")
    index.refresh_from_db()
    assert index.broken_reason.startswith("The table 'notes' has 'userid' as mva, which is declared as 'bigint'")
    assert states() == {"synced", "waiting"}


def test_a_distributed_table_is_refused_in_words(sandbox: RunningSandbox, writer: User, index: Destination) -> None:
    sandbox.manticore_sql("CREATE TABLE local_notes (content text)")
    sandbox.manticore_sql("CREATE TABLE notes type='distributed' local='local_notes'")
    fill(writer, "First")
    index.refresh_from_db()
    assert index.broken_reason == (
        "The table 'notes' is of the type 'distributed', which takes no rows: name a real-time table."
    )
    *_, finding = examine_service("manticore")
    assert finding.level is Level.WRONG and "which takes no rows" in finding.text


# Names and values


@pytest.mark.parametrize("table", ["text", "timestamp", "table", "desc", "show", "values", "interval", "all"])
def test_a_word_of_sql_names_a_table(sandbox: RunningSandbox, writer: User, index: Destination, table: str) -> None:
    Destination.objects.update(address=table)
    fill(writer, "First")
    assert contents(sandbox, table) == ["First"]
    assert search(table, "first").total == 1
    assert all(finding.level is Level.OK for finding in examine_service("manticore"))


@pytest.mark.parametrize("column", ["text", "timestamp", "string", "type", "column", "exists", "table"])
def test_a_word_of_sql_names_a_column(
    sandbox: RunningSandbox, writer: User, monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    fill(writer, "First")  # so that the column is added later
    real = NoteSync.document

    def document(self: NoteSync, note: Note) -> syncqueue.Document:
        made = real(self, note)
        return syncqueue.Document(text=made.text, fields={**made.fields, column: note.owner_id})

    monkeypatch.setattr(NoteSync, "search_fields", {**NoteSync.search_fields, column: "bigint"})
    monkeypatch.setattr(NoteSync, "document", document)
    fill(writer, "Second")
    assert [row[column] for row in sandbox.documents("notes")] == [0, writer.pk]
    assert search("notes", "second", {column: writer.pk}).total == 1


def test_a_word_that_only_the_server_reserves_breaks_the_destination_in_words(
    sandbox: RunningSandbox, writer: User, index: Destination
) -> None:
    Destination.objects.update(address="select")  # past the form
    fill(writer, "First")
    index.refresh_from_db()
    assert "cannot be made as it is declared" in index.broken_reason
    assert "'select' is a reserved keyword" in index.broken_reason


def test_a_number_that_a_float_cannot_hold_fails_its_own_note_and_no_search(
    sandbox: RunningSandbox, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = NoteSync.document

    def document(self: NoteSync, note: Note) -> syncqueue.Document:
        made = real(self, note)
        weight = 1e300 if "heavy" in note.text else 0.1
        return syncqueue.Document(text=made.text, fields={**made.fields, "weight": weight})

    monkeypatch.setattr(NoteSync, "search_fields", {**NoteSync.search_fields, "weight": "float"})
    monkeypatch.setattr(NoteSync, "document", document)
    fill(writer, "A heavy note", "A light note")
    (hit,) = search("notes", "note").hits
    assert hit.values["content"] == "A light note"
    assert hit.values["weight"] == pytest.approx(0.1)
    assert "a finite number of 32 bits" in SyncRecord.objects.get(state=RecordState.FAILED).error
