"""Fixtures of the admin's tests: the same queues as the API's, and rows to look at."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from project.notes.models import Note
from syncqueue.admin import rounds
from syncqueue.models import Destination, SyncRecord
from tests.integration.api.conftest import own_queue, redis_away  # noqa: F401

HTML = "<script>alert('x')</script>"


@pytest.fixture(autouse=True)
def _long_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a round must not end before a test's few tasks are done."""
    monkeypatch.setattr(rounds, "ROUND_SECONDS", 60.0)


@pytest.fixture
def destination(db: None) -> Destination:
    """A channel with a token."""
    row = Destination(name="@news", service="telegram", address="@news")
    row.secret = {"token": "123456:a-token-that-must-not-be-shown-anywhere"}
    row.save()
    return row


@pytest.fixture
def note(db: None) -> Note:
    """A note of somebody without destinations of their own."""
    return Note.objects.create(owner=User.objects.create_user("writer"), text="Hello")


@pytest.fixture
def record(destination: Destination, note: Note) -> SyncRecord:
    """A failed record of the note."""
    values: dict[str, Any] = {
        "state": "failed",
        "error": f"Refused: {HTML}",
        "parts": [{"kind": "text", "id": "7", "url": "https://t.me/news/7", "address": "@news"}],
    }
    row, _ = SyncRecord.objects.update_or_create(
        source="notes.note", object_pk=str(note.pk), destination=destination, service="telegram", defaults=values
    )
    return row
