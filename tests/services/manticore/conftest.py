"""A site whose search index is the sandbox's Manticore, over real HTTP."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

import syncqueue
from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination
from syncqueue.worker.worker import Worker
from tests.integration.sync.conftest import forget_all
from tests.patience import IMMEDIATE

TOKEN = "a-token-of-the-tests"


@pytest.fixture(autouse=True)
def own_site(sandbox: RunningSandbox, redis_url: str, settings: Any, transactional_db: None) -> Iterator[None]:
    """A queue with a prefix of its own."""
    settings.SYNCQUEUE = {
        "REDIS": redis_url,
        "KEY_PREFIX": uuid.uuid4().hex,
        "IMMEDIATE": IMMEDIATE,
        "HANDLERS": {"manticore": {"OPTIONS": {"URL": sandbox.manticore_url}, "BASE_DELAY_SECONDS": 0.1}},
    }
    forget_all()
    yield
    forget_all()


@pytest.fixture
def index(own_site: None) -> Destination:
    """The table "notes", for all notes of the site."""
    row = Destination(name="search", service="manticore", address="notes")
    row.secret = {"token": TOKEN}
    row.save()
    return row


@pytest.fixture
def writer(own_site: None) -> User:
    """Who writes the notes."""
    return User.objects.create_user("writer")


def fill(writer: User, *texts: str) -> list[Note]:
    """Notes that no signal told of, resynced by a worker."""
    made = Note.objects.bulk_create(Note(owner=writer, text=text) for text in texts)
    syncqueue.sync_queryset(Note.objects.filter(pk__in=[note.pk for note in made]), service="manticore")
    work()
    return made


def work() -> None:
    """Let a worker do all that can be done now."""
    asyncio.run(Worker(burst=True).run())
