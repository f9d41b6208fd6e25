"""`sync`: one object again, as "Sync now" in the admin."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from project.notes.models import Note
from syncqueue.models import Destination, SyncRecord
from tests.integration.commands.calling import call

pytestmark = pytest.mark.django_db


@pytest.fixture
def record() -> SyncRecord:
    """A failed record of a note."""
    note = Note.objects.create(owner=User.objects.create_user("writer"), text="Hello")
    place = Destination.objects.create(name="@news", service="telegram", address="@news")
    return SyncRecord.objects.create(
        source="notes.note", object_pk=str(note.pk), destination=place, service="telegram", state="failed", error="No."
    )


@pytest.mark.parametrize("label", ["notes.Note", "notes.note"])
def test_an_object_that_failed_is_synced_again(record: SyncRecord, label: str) -> None:
    said = call("sync", label, record.object_pk)
    assert said.code == 0 and said.out.startswith("@news: ")
    record.refresh_from_db()
    assert record.state == "waiting"
    assert call("sync", label, record.object_pk, "--json").data == {
        "object": f"notes.note:{record.object_pk}", "count": 1,
    }  # fmt: skip


def test_the_records_of_an_object_that_is_gone_are_synced_again(record: SyncRecord) -> None:
    Note.objects.all()._raw_delete("default")
    SyncRecord.objects.update(parts=[{"kind": "text", "id": "7", "url": "", "address": "@news"}])
    assert "1 record is being synced." in call("sync", "notes.Note", record.object_pk).out
    record.refresh_from_db()
    assert record.state == "waiting"


def test_explain_names_the_command_that_mends_it(record: SyncRecord) -> None:
    command = f"syncqueue sync notes.note {record.object_pk}"
    assert call("explain", "notes.Note", record.object_pk).out.splitlines()[-1].strip() == f"manage.py {command}"
    assert call("explain", "notes.Note", record.object_pk, "--json").data[0]["command"] == command
    SyncRecord.objects.update(state="waiting")
    Destination.objects.update(broken_reason="The bot was kicked.")
    assert "manage.py syncqueue mend @news" in call("explain", "notes.Note", record.object_pk).out
    Destination.objects.update(broken_reason="")
    assert "manage.py" not in call("explain", "notes.Note", record.object_pk).out


@pytest.mark.parametrize(("label", "pk"), [("notes.Note", "999"), ("nowhere.Model", "1"), ("auth.User", "1")])
def test_what_is_not_there_is_said(db: None, label: str, pk: str) -> None:
    said = call("sync", label, pk)
    assert said.code == 1 and said.err
