"""The database: SQLite in memory, with a clock of its own, and faults.

A statement outside of a transaction is a moment at which others may run. A transaction runs in one piece, as if it held
its locks: what others would see of it half done no database shows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import OperationalError, connection

from tests.simulation.instead import BEGIN
from tests.simulation.kernel import Loop, Simulation


class Database:
    """The faults of the one connection that all processes share."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.is_down = False
        self.slow_seconds = 0.0
        self.refusals = self.lost_answers = 0.0  # the chance of each statement or commit
        self.clock_ahead = 0.0
        self.fault_times: list[float] = []
        self.slow_at = float("-inf")  # when it was slow last
        connection.ensure_connection()
        connection.connection.create_function("strftime", 2, self._now)
        connection.execute_wrappers.append(self._statement)
        self._real_commit = connection._commit
        connection._commit = self._commit  # type: ignore[method-assign]

    def _now(self, form: str, what: str) -> str:
        assert (form, what.lower()) == ("%Y-%m-%d %H:%M:%f", "now"), f"{form!r}, {what!r}"
        moment = datetime.fromtimestamp(BEGIN + self.simulation.now + self.clock_ahead, UTC)
        return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        simulation = self.simulation
        unit = simulation.current
        if unit is None:  # the judge
            return execute(sql, params, many, context)
        if isinstance(unit, Loop):
            raise AssertionError(f"The database is asked on an event loop: {sql[:100]}")
        if connection.in_atomic_block:
            self._fail_before(sql)
            return execute(sql, params, many, context)
        if self.slow_seconds:
            self.slow_at = simulation.now + self.slow_seconds
        simulation.sleep(simulation.random.uniform(0.0001, 0.001) + self.slow_seconds * simulation.random.random())
        self._fail_before(sql)
        answer = execute(sql, params, many, context)
        if not sql.startswith(("SELECT", "BEGIN")):
            self._lose_answer()
        return answer

    def _fail_before(self, sql: str) -> None:
        if self.is_down:
            self.fault_times.append(self.simulation.now)
            raise OperationalError("the database is away")
        # The site's own statements are the site's affair.
        if self.refusals and "syncqueue_" in sql and self.simulation.random.random() < self.refusals:
            self.fault_times.append(self.simulation.now)
            self.simulation.note(f"database refuses {sql[:60]}")
            raise OperationalError("database is locked")

    def _lose_answer(self) -> None:
        if self.lost_answers and self.simulation.random.random() < self.lost_answers:
            self.fault_times.append(self.simulation.now)
            self.simulation.note("database: the answer is lost")
            raise OperationalError("server closed the connection unexpectedly")

    def _commit(self) -> None:
        if self.simulation.current is None:
            return self._real_commit()
        if self.is_down or (self.refusals and self.simulation.random.random() < self.refusals):
            self.fault_times.append(self.simulation.now)
            self.simulation.note("database refuses a commit")
            raise OperationalError("could not commit")
        self._real_commit()
        self._lose_answer()
        return None
