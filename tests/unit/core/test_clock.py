"""Clocks, and cutting work into pieces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from syncqueue.core.chunks import chunks
from syncqueue.core.clock import SYSTEM_CLOCK, ManualClock


def test_the_system_clock_leaves_the_queues_time_to_redis():
    assert SYSTEM_CLOCK.now_ms() is None
    assert SYSTEM_CLOCK.now().tzinfo is UTC


def test_a_manual_clock_stands_still_until_it_is_moved():
    start = datetime(2026, 3, 1, tzinfo=UTC)
    clock = ManualClock(start)
    assert (clock.now(), clock.now()) == (start, start)
    clock.advance(1.5)
    assert clock.now() == start + timedelta(seconds=1.5)
    assert clock.now_ms() == int(start.timestamp() * 1000) + 1500


def test_chunks_keep_the_order_and_the_last_one_is_shorter():
    assert list(chunks(iter(range(5)), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []
    assert list(chunks(range(4), 2)) == [[0, 1], [2, 3]]
