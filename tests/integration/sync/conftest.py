"""A site with a real Redis and, as its Telegram, the sandbox over real HTTP. Nothing a test did outlives it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination
from syncqueue.testing.conformance.forgetting import forget_all
from tests.integration.sync.scene import make_destination
from tests.patience import IMMEDIATE

# SQLite has one writer at a time, and so no deadlocks; and no pool.
collect_ignore = [] if connection.vendor == "postgresql" else ["test_deadlock.py", "test_pool.py"]


@pytest.fixture(autouse=True)
def own_site(sandbox: RunningSandbox, redis_url: str, settings: Any, transactional_db: None) -> Iterator[None]:
    """A queue with a prefix of its own. What runs on here ends before the tables are emptied (`transactional_db`)."""
    settings.SYNCQUEUE = {
        "REDIS": redis_url,
        "KEY_PREFIX": uuid.uuid4().hex,
        "IMMEDIATE": IMMEDIATE,
        "HANDLERS": {"telegram": {"OPTIONS": {"API_BASE_URL": sandbox.telegram_url}}},
    }
    forget_all()
    yield
    forget_all()


@pytest.fixture
def writer(own_site: None) -> User:
    """Who writes the notes."""
    return User.objects.create_user("writer")


@pytest.fixture
def channel(own_site: None, sandbox: RunningSandbox) -> Destination:
    """The channel @news, for all notes of the site."""
    return make_destination(sandbox)
