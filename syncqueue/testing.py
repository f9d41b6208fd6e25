"""For a host site's own tests: what would be synced, without Redis and without a network.

    def test_a_published_note_is_synced(captured_syncs):
        note = Note.objects.create(...)
        assert [sync.entity for sync in captured_syncs] == [f"notes.note:{note.pk}"]

Under a test runner (Django's, or pytest-django) saves write their records and nothing else. `captured_syncs()` shows
what a site would send; `from syncqueue.testing import captured_syncs_fixture` in a conftest.py makes it a pytest
fixture. Inside `sending()` everything is attempted and enqueued as on the running site, which takes a Redis and
services. Records are written as usual, so the tests need the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from syncqueue.dispatch.gathering import captured
from syncqueue.dispatch.sending import sending
from syncqueue.sources.intents import PendingRecord

__all__ = ["CapturedSync", "captured_syncs", "sending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedSync:
    """A sync that would have been attempted or queued."""

    entity: str  # "notes.note:42"
    service: str
    destination: str  # the destination's name
    action: str  # what was meant: "update" (also for new objects) or "delete"


@contextmanager
def captured_syncs() -> Iterator[list[CapturedSync]]:
    """Gather the syncs caused inside, in order; nothing is sent or queued."""
    found: list[CapturedSync] = []

    def take(pending_records: Sequence[PendingRecord]) -> None:
        found.extend(
            CapturedSync(entity=one.entity, service=one.service, destination=one.destination.name, action=one.action)
            for one in pending_records
        )

    with captured(take):
        yield found


def _fixture() -> Any:
    import pytest  # a test's dependency, not ours

    @pytest.fixture(name="captured_syncs")
    def fixture() -> Iterator[list[CapturedSync]]:
        """What would be synced during the test."""
        with captured_syncs() as found:
            yield found

    return fixture


def __getattr__(name: str) -> Any:
    if name == "captured_syncs_fixture":
        return _fixture()
    raise AttributeError(name)
