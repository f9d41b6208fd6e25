"""Collects what a host site would sync, in its tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syncqueue.dispatch.gathering import captured
from syncqueue.sources.intents import PendingRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedSync:
    """A sync that would have been attempted or queued."""

    entity: str  # "notes.note:42"
    service: str
    destination: str  # the destination's name
    action: str  # the intended action: "update" (also for new objects) or "delete"


@contextmanager
def captured_syncs() -> Iterator[list[CapturedSync]]:
    """Collect the syncs caused inside the block, in order; nothing is sent or queued."""
    found: list[CapturedSync] = []

    def take(pending_records: Sequence[PendingRecord]) -> None:
        found.extend(
            CapturedSync(entity=one.entity, service=one.service, destination=one.destination.name, action=one.action)
            for one in pending_records
        )

    with captured(take):
        yield found


if TYPE_CHECKING:
    captured_syncs_fixture: Any  # a pytest fixture with the name `captured_syncs`


def _fixture() -> Any:
    import pytest  # a dependency of tests, not of syncqueue

    @pytest.fixture(name="captured_syncs")
    def fixture() -> Iterator[list[CapturedSync]]:
        """Collect the syncs caused during the test."""
        with captured_syncs() as found:
            yield found

    return fixture


def __getattr__(name: str) -> Any:
    if name == "captured_syncs_fixture":
        return _fixture()
    raise AttributeError(name)
