"""A save succeeds whatever happens inside of syncing; what went wrong is logged, and heals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination, RecordState, SyncRecord
from tests.integration.sync.scene import configure, record_of, task_of, texts, work, work_until

pytestmark = pytest.mark.django_db(transaction=True)


def broken(*args: Any) -> Any:
    """What a site's own code may do."""
    raise RuntimeError("the site's own mistake")


REFUSE = {
    "sqlite": """
        CREATE TRIGGER refuse_records BEFORE INSERT ON syncqueue_syncrecord
        BEGIN SELECT RAISE(ABORT, 'no records today'); END
    """,
    "postgresql": """
        CREATE FUNCTION refuse_records() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION 'no records today'; END $$;
        CREATE TRIGGER refuse_records BEFORE INSERT ON syncqueue_syncrecord EXECUTE FUNCTION refuse_records()
    """,
}
ACCEPT = {
    "sqlite": "DROP TRIGGER refuse_records",
    "postgresql": "DROP TRIGGER refuse_records ON syncqueue_syncrecord; DROP FUNCTION refuse_records",
}


@contextmanager
def refused_records() -> Iterator[None]:
    """The database refuses to write records."""
    with connection.cursor() as cursor:
        cursor.execute(REFUSE[connection.vendor])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(ACCEPT[connection.vendor])


@contextmanager
def own_transaction() -> Iterator[None]:
    """A transaction of the site's."""
    with transaction.atomic():
        yield


@contextmanager
def autocommit() -> Iterator[None]:
    """No transaction."""
    yield


@pytest.mark.parametrize("frame", [autocommit, own_transaction])
def test_an_owner_that_raises_is_logged_and_the_sweep_heals_it(
    channel: Destination,
    writer: User,
    sandbox: RunningSandbox,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    frame: Callable[[], Any],
) -> None:
    with monkeypatch.context() as patch, frame():
        patch.setattr(NoteSync, "owner", broken)
        note = Note.objects.create(owner=writer, text="Saved")
    assert Note.objects.get() == note
    assert "the site's own mistake" in caplog.text
    assert not SyncRecord.objects.exists()
    work()
    assert texts(sandbox) == ["Saved"]


@pytest.mark.parametrize("frame", [autocommit, own_transaction])
def test_records_that_cannot_be_written_are_logged_and_the_sweep_heals_them(
    channel: Destination,
    writer: User,
    sandbox: RunningSandbox,
    caplog: pytest.LogCaptureFixture,
    frame: Callable[[], Any],
) -> None:
    with refused_records(), frame():
        Note.objects.create(owner=writer, text="Saved")
    assert Note.objects.count() == 1
    assert "no records today" in caplog.text
    work()
    assert texts(sandbox) == ["Saved"]


@pytest.mark.parametrize("method", ["document", "is_live"])
def test_a_document_that_raises_is_tried_again_and_says_why(
    channel: Destination,
    writer: User,
    sandbox: RunningSandbox,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    configure("telegram", BASE_DELAY_SECONDS=0.01)
    with monkeypatch.context() as patch:
        patch.setattr(NoteSync, method, broken)
        note = Note.objects.create(owner=writer, text="Saved")
        record = record_of(note)
        assert record.state == RecordState.WAITING
        assert "the site's own mistake" in record.error
        assert task_of(note).progress.history[-1].traceback
    assert "the site's own mistake" in caplog.text
    work_until(lambda: texts(sandbox) == ["Saved"])
    assert record_of(note).error == ""


def test_a_document_of_the_wrong_type_says_so(
    channel: Destination, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NoteSync, "document", lambda self, note: note.text)
    note = Note.objects.create(owner=writer, text="Saved")
    assert "NoteSync.document() answered str, no Document" in record_of(note).error


def test_one_note_that_raises_does_not_take_the_others_with_it(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = NoteSync.document
    monkeypatch.setattr(NoteSync, "document", lambda self, note: broken() if note.text == "Bad" else real(self, note))
    with transaction.atomic():
        for text in ("Good", "Bad", "Better"):
            Note.objects.create(owner=writer, text=text)
    assert sorted(texts(sandbox)) == ["Better", "Good"]


def test_wrong_settings_do_not_stop_a_save(
    channel: Destination, writer: User, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    settings.SYNCQUEUE = {"REDIS": 5}
    Note.objects.create(owner=writer, text="Saved")
    assert Note.objects.count() == 1
    assert "REDIS" in caplog.text


def test_without_redis_the_note_goes_out_all_the_same_and_once(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure(REDIS="redis://127.0.0.1:1/0")
    note = Note.objects.create(owner=writer, text="Saved")
    assert texts(sandbox) == ["Saved"]
    assert record_of(note).state == RecordState.SYNCED


def test_without_redis_and_telegram_the_save_succeeds_and_the_record_waits(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure(REDIS="redis://127.0.0.1:1/0")
    sandbox.set_mode("telegram", "down")
    note = Note.objects.create(owner=writer, text="Saved")
    assert record_of(note).state == RecordState.WAITING
    assert "127.0.0.1" in record_of(note).error
