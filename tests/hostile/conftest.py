"""A site with a real Redis, the sandbox's Telegram and Mastodon, and services of bad intent."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from project.sandbox.testing import RunningSandbox
from tests.hostile import handlers
from tests.integration.sync.conftest import forget_all
from tests.patience import IMMEDIATE

TOKEN = "planted/token+with_every-sign=0123456789"


@pytest.fixture(autouse=True)
def own_site(sandbox: RunningSandbox, redis_url: str, settings: Any, transactional_db: None) -> Iterator[None]:
    """A queue with a prefix of its own."""
    own = {name.lower(): {"CLASS": f"tests.hostile.handlers.{name}"} for name in ("Elsewhere", "Echo", "Hangs", "Slow")}
    settings.SYNCQUEUE = {
        "REDIS": redis_url,
        "KEY_PREFIX": uuid.uuid4().hex,
        "IMMEDIATE": IMMEDIATE,
        "HANDLERS": {
            **own,
            "telegram": {"OPTIONS": {"API_BASE_URL": sandbox.telegram_url}},
            "mastodon": {},
        },
    }
    handlers.arrived.clear()
    forget_all()
    yield
    forget_all()


@pytest.fixture
def writer(own_site: None) -> User:
    """Who writes the notes."""
    return User.objects.create_user("writer")
