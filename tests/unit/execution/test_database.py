"""How many threads work on the database."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections

from syncqueue.execution.database import DatabaseThreads


@pytest.mark.parametrize(
    ("pool", "expected"),
    [(None, 4), (True, 2), ({"max_size": 2}, 1), ({"max_size": 1}, 1), ({"min_size": 6}, 3), ({"max_size": 20}, 4)],
)
def test_of_a_pool_half_is_left_to_the_requests(monkeypatch: pytest.MonkeyPatch, pool: Any, expected: int) -> None:
    monkeypatch.setitem(connections.settings["default"], "OPTIONS", {"pool": pool})
    assert DatabaseThreads()._thread_count == expected
