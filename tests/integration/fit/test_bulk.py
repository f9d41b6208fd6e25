"""What sends no signals: bulk calls, update() and fixtures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

import syncqueue
from project.sandbox.testing import RunningSandbox
from syncqueue.models import SyncRecord
from tests.fitapp.models import Plain
from tests.integration.sync.scene import texts, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("channel")]


def test_bulk_created_objects_go_out_with_sync_queryset(sandbox: RunningSandbox) -> None:
    Plain.objects.bulk_create([Plain(text=f"Number {n}") for n in range(3)])
    assert texts(sandbox) == []

    assert syncqueue.sync_queryset(Plain.objects.all()) == 3
    work()

    assert sorted(texts(sandbox)) == ["Number 0", "Number 1", "Number 2"]


def test_updated_and_bulk_updated_objects_go_out_with_sync_queryset(sandbox: RunningSandbox) -> None:
    first, second = Plain.objects.create(text="First"), Plain.objects.create(text="Second")
    Plain.objects.filter(pk=first.pk).update(text="First, updated")
    second.text = "Second, updated"
    Plain.objects.bulk_update([second], ["text"])
    assert texts(sandbox) == ["First", "Second"]

    syncqueue.sync_queryset(Plain.objects.all())
    work()

    assert texts(sandbox) == ["First, updated", "Second, updated"]


def test_the_sweep_finds_bulk_created_objects_by_itself(sandbox: RunningSandbox) -> None:
    Plain.objects.bulk_create([Plain(text="Found")])
    work()

    assert texts(sandbox) == ["Found"]


def fixture_file(folder: Path) -> Path:
    """A fixture with one object."""
    now = timezone.now().isoformat()
    fields = {"text": "From a fixture", "created_at": now, "updated_at": now}
    file = folder / "plain.json"
    file.write_text(json.dumps([{"model": "fitapp.plain", "pk": 7, "fields": fields}]))
    return file


def test_loaded_fixtures_are_not_posted_and_the_sweep_passes_them_by(sandbox: RunningSandbox, tmp_path: Path) -> None:
    call_command("loaddata", str(fixture_file(tmp_path)), verbosity=0)
    work()

    assert texts(sandbox) == []
    assert Plain.objects.count() == 1


def test_a_loaded_object_is_synced_whole_when_somebody_saves_it(sandbox: RunningSandbox, tmp_path: Path) -> None:
    call_command("loaddata", str(fixture_file(tmp_path)), verbosity=0)
    Plain.objects.get().save()

    assert texts(sandbox) == ["From a fixture"]
    assert SyncRecord.objects.count() == 1
