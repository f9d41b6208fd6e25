"""The models of tests/oddapp with a shelf that takes them all. Runs under settings of its own: `make pytest-odd`."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from syncqueue.models import Destination
from tests.integration.sync import shelf as shelf_module
from tests.integration.sync.conftest import forget_all
from tests.integration.sync.shelf import Shelf

# With other settings there are no such models; nothing of this folder is imported then.
if os.environ.get("DJANGO_SETTINGS_MODULE") != "tests.oddapp.settings":
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(autouse=True)
def shelf(redis_url: str, settings: Any, transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """A queue with a prefix of its own, and an empty shelf."""
    settings.SYNCQUEUE = {
        "REDIS": redis_url,
        "KEY_PREFIX": uuid.uuid4().hex,
        "HANDLERS": {"shelf": {"CLASS": "tests.integration.sync.shelf.ShelfHandler", "BASE_DELAY_SECONDS": 0.01}},
        "IMMEDIATE": {"TIMEOUT_SECONDS": 60},
    }
    forget_all()
    monkeypatch.setattr(shelf_module, "shelf", Shelf())
    yield shelf_module.shelf
    forget_all()


@pytest.fixture
def place(shelf: Shelf) -> Destination:
    """A destination for the objects of the last year."""
    start_at = timezone.now() - timedelta(days=365)
    return Destination.objects.create(name="The shelf", service="shelf", start_at=start_at)


@pytest.fixture
def texts(place: Destination, shelf: Shelf) -> Callable[[], list[str]]:
    """Returns what stands on the shelf, in order of the alphabet."""
    return lambda: sorted(shelf_module.shelf.copies.values())
