"""Fault injection: every few seconds a mode changes, or a process is killed, paused or restarted; seeded."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from project.demo.child import Child
from project.demo_check.sandbox import SERVICES, Sandbox

from .field import Field

EVERY_SECONDS = (1.0, 4.0)
# Longer than the lease of the demo (12 s), so that another worker takes over the tasks of a paused one.
LONG_STOP_SECONDS = 16.0
SHORT_STOP_SECONDS = 3.0
# A client waits for a response for 60 % of an attempt's 5 s; slower responses are covered by `hang`.
SLOW_SECONDS = 1.0

MODES: tuple[tuple[str, dict[str, float]], ...] = (
    ("up", {}),
    ("slow", {"delay_seconds": SLOW_SECONDS}),
    ("limited", {"retry_after": 2}),
    ("error", {"status": 500}),
    ("down", {}),
    ("hang", {}),
    ("hang-before", {}),
    ("store-then-reset", {}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A time in which a process was killed or paused: requests whose result it had not stored may be sent again."""

    name: str
    at: datetime
    until: datetime


class Faults(threading.Thread):
    """Injects faults until it is stopped; then repairs and restarts everything."""

    def __init__(self, field: Field, sandbox: Sandbox, seed: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.counts: Counter[str] = Counter()
        self.stops: list[Stop] = []
        self.failure: BaseException | None = None
        self._field = field
        self._sandbox = sandbox
        self._random = random.Random(seed)  # noqa: S311 - a plan that can be repeated, no secret
        self._finisher = stop
        self._standing: dict[str, tuple[float, float]] = {}  # monotonic, by name of the process
        self._others: list[threading.Thread] = []

    def run(self) -> None:
        try:
            while not self._finisher.wait(self._random.uniform(*EVERY_SECONDS)):
                self._one()
            self._mend()
        except Exception as error:  # the main thread raises it
            self.failure = error

    def stood_still(self, name: str, since: float) -> bool:
        """Return whether the process was paused at some time after `since` (monotonic)."""
        began, ended = self._standing.get(name, (0.0, 0.0))
        return began > 0 and ended >= since

    def _one(self) -> None:
        if self._random.random() < 0.6:
            # `up` is as likely as all other modes together, or nothing would ever be delivered.
            mode, figures = self._random.choice(MODES) if self._random.random() < 0.55 else MODES[0]
            # All services, as when the network fails, or one of them while the others work.
            services = self._random.choice([SERVICES, *([one] for one in SERVICES)])
            self._sandbox.turn(mode, *services, **figures)
            self.counts[f"service {mode}"] += 1
            return
        fault: Callable[[], None] = self._random.choice(
            [
                self._kill_web,
                self._kill_worker,
                self._kill_worker,
                self._stop_worker,
                self._stand_still_worker,
                self._stand_still_web,
                self._kill_redis,
                self._stand_still_redis,
                self._empty_redis,
            ]
        )
        fault()

    # Processes. A process that is already down or paused is skipped.

    def _kill_web(self) -> None:
        self._kill(self._random.choice(self._field.webs), "web killed")

    def _kill_worker(self) -> None:
        self._kill(self._random.choice(self._field.workers), "worker killed")

    def _kill(self, child: Child, name: str) -> None:
        if self._is_busy(child):
            return
        self._field.kill(child)
        now = datetime.now(UTC)
        self.stops.append(Stop(name=child.name, at=now, until=now))
        self.counts[name] += 1
        self._field.start(child)

    def _stop_worker(self) -> None:
        child = self._random.choice(self._field.workers)
        if self._is_busy(child):
            return
        child.stop(20)
        self.counts["worker restarted"] += 1
        self._field.start(child)

    def _stand_still_worker(self) -> None:
        seconds = self._random.choice([SHORT_STOP_SECONDS, LONG_STOP_SECONDS])
        self._stand_still(self._random.choice(self._field.workers), seconds, "worker stood still")

    def _stand_still_web(self) -> None:
        self._stand_still(self._random.choice(self._field.webs), SHORT_STOP_SECONDS, "web stood still")

    def _stand_still_redis(self) -> None:
        self._stand_still(self._field.valkey, SHORT_STOP_SECONDS, "redis stood still", counts_as_stop=False)

    def _kill_redis(self) -> None:
        if not self._is_busy(self._field.valkey):
            self._field.kill(self._field.valkey)
            self.counts["redis killed, back with its file"] += 1
            self._finisher.wait(self._random.uniform(0, 3))
            self._field.start(self._field.valkey)

    def _empty_redis(self) -> None:
        if not self._is_busy(self._field.valkey):
            self._field.empty_redis()
            self.counts["redis emptied"] += 1

    def _stand_still(self, child: Child, seconds: float, name: str, *, counts_as_stop: bool = True) -> None:
        if self._is_busy(child):
            return
        self._standing[child.name] = (time.monotonic(), float("inf"))
        self._field.pause(child)
        began = datetime.now(UTC)
        self.counts[name] += 1

        def go_on() -> None:
            self._finisher.wait(seconds)
            self._field.resume(child)
            if counts_as_stop:
                self.stops.append(Stop(name=child.name, at=began, until=datetime.now(UTC)))
            self._standing[child.name] = (self._standing[child.name][0], time.monotonic())

        thread = threading.Thread(target=go_on, daemon=True)
        thread.start()
        self._others.append(thread)

    def _is_busy(self, child: Child) -> bool:
        _, ended = self._standing.get(child.name, (0.0, 0.0))
        return ended == float("inf") or not child.is_running

    def _mend(self) -> None:
        for thread in self._others:
            thread.join()
        for child in (self._field.valkey, *self._field.webs, *self._field.workers):
            if not child.is_running:  # a worker that was paused longer than its lease exits by itself
                self._field.start(child)
        self._sandbox.turn("up")
