"""What stands in for time, chance, threads and event loops while a simulation runs.

It is put in place once in a process that does nothing else (`run.py` forks one for each run), and never taken back.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, tzinfo
from types import SimpleNamespace
from typing import Any

import django.utils.timezone

from syncqueue import site
from syncqueue.core import clock as clock_module
from syncqueue.core import task as task_module
from syncqueue.dispatch import deletions, dispatch, gathering, immediate, site_queues
from syncqueue.execution import database, policies
from syncqueue.handlers import registry
from syncqueue.queue import steps
from syncqueue.sources import destinations, same_place
from syncqueue.worker import heartbeat, leases, upkeep, worker
from tests.simulation.kernel import Event, Process, Simulation, Variable

# What a real process has for itself in its modules.
PER_PROCESS: list[Variable] = [
    (policies, "_rows", dict),
    (policies, "_read_at", lambda: float("-inf")),
    (site, "_stamp", lambda: None),
    (site_queues, "_client", lambda: None),
    (site_queues, "_down_until", lambda: float("-inf")),
    (destinations, "_declared_by", lambda: None),
    (same_place, "_groups", dict),
    (registry, "_shared", lambda: None),
    (immediate, "_current", lambda: None),
]
# What a real thread has for itself.
PER_UNIT: list[Variable] = [
    (dispatch, "_state", dispatch._State),
    (gathering, "_state", gathering._State),
    (deletions, "_state", deletions._State),
]
BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


class Clocks:
    """Each process's clock, and those of the two servers."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.server_ahead: float | None = None  # set while a server works, which has a clock of its own

    def seconds(self) -> float:
        """The time of whoever asks, in seconds since the epoch."""
        ahead = self.server_ahead
        if ahead is None:
            unit = self._simulation.current
            ahead = unit.process.clock_ahead if unit is not None else 0.0
        return BEGIN + self._simulation.now + ahead


class _DatetimeMeta(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


def _virtual_datetime(seconds: Callable[[], float]) -> Any:
    class VirtualDatetime(datetime, metaclass=_DatetimeMeta):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(seconds(), tz)

        @classmethod
        def fromtimestamp(cls, timestamp: float, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(timestamp, tz)

    return VirtualDatetime


def put_in_place(simulation: Simulation, make_client: Callable[[Process, float, bool], Any]) -> Clocks:
    """From here on all code of this process lives in the simulation. `make_client`: process, timeout, is async."""
    clocks = Clocks(simulation)
    _replace_time(clocks, simulation)
    _replace_chance(simulation)
    _replace_threads(simulation)
    _replace_clients(simulation, make_client)
    return clocks


def _replace_time(clocks: Clocks, simulation: Simulation) -> None:
    time.monotonic = lambda: simulation.now  # type: ignore[assignment]
    time.time = clocks.seconds  # type: ignore[assignment]
    time.time_ns = lambda: int(clocks.seconds() * 1e9)  # type: ignore[assignment]
    virtual = _virtual_datetime(clocks.seconds)
    for module in (django.utils.timezone, clock_module, task_module, steps):
        module.datetime = virtual  # type: ignore[attr-defined]


def _replace_chance(simulation: Simulation) -> None:
    chance = random.Random(simulation.random.getrandbits(64))  # noqa: S311
    random.seed(simulation.random.getrandbits(64))
    os.urandom = chance.randbytes  # type: ignore[assignment]
    random._urandom = chance.randbytes  # type: ignore[attr-defined]
    secrets.token_bytes = lambda count=32: chance.randbytes(count)  # type: ignore[assignment,misc]
    secrets.token_hex = lambda count=32: chance.randbytes(count).hex()  # type: ignore[assignment,misc]
    secrets.randbits = chance.getrandbits  # type: ignore[assignment]


def _process(simulation: Simulation) -> Process:
    assert simulation.current is not None
    return simulation.current.process


class _Thread:
    """As `threading.Thread`: a greenlet of the process that starts it."""

    def __init__(
        self, simulation: Simulation, target: Callable[..., Any], args: tuple[Any, ...] = (), name: str = "", **_: Any
    ) -> None:
        self._simulation = simulation
        self._work = lambda: target(*args)
        self._name = name
        self._ended = Event(simulation)

    def start(self) -> None:
        _process(self._simulation).thread(self._run)

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:
            self._simulation.found(f"the thread {self._name} has died: {error!r}")
        self._ended.set()

    def join(self, timeout: float | None = None) -> None:
        if self._simulation.in_thread:
            self._ended.wait(timeout)

    def is_alive(self) -> bool:
        return not self._ended.is_set()


def _replace_threads(simulation: Simulation) -> None:
    def make_thread(*, target: Callable[..., Any], **named: Any) -> _Thread:
        return _Thread(simulation, target, **named)

    threads = SimpleNamespace(
        Thread=make_thread,
        Event=lambda: Event(simulation),
        Lock=threading.Lock,  # never contended: no thread gives way while it holds one
        local=threading.local,
    )
    for module in (leases, upkeep, immediate):
        module.threading = threads  # type: ignore[attr-defined]
    leases.logging = SimpleNamespace(shutdown=lambda: None)  # type: ignore[attr-defined]
    leases.os = SimpleNamespace(_exit=lambda code: _exit(simulation, code))  # type: ignore[attr-defined]
    immediate.asyncio = _with(asyncio, new_event_loop=lambda: _process(simulation).loop())  # type: ignore[attr-defined]
    immediate.os = SimpleNamespace(getpid=lambda: id(_process(simulation)))  # type: ignore[attr-defined]
    heartbeat.os = SimpleNamespace(getpid=lambda: 1)  # type: ignore[attr-defined]
    heartbeat.socket = SimpleNamespace(gethostname=lambda: _process(simulation).name)  # type: ignore[attr-defined]
    # Most of what an idle system does otherwise, and so most of the time of a run.
    upkeep._DUE_SECONDS = 4.0
    worker._LOOP_BEAT_SECONDS, worker._MEMORY_SECONDS = 2.0, 20.0
    # Connections are not each thread's own here.
    database.DatabaseThreads._in_each_thread = lambda self, work: None  # type: ignore[method-assign]
    database.DatabaseThreads._give_back = lambda self: None  # type: ignore[method-assign]
    dispatch.wait = lambda futures, timeout: _wait(simulation, futures, timeout)  # type: ignore[attr-defined]


def _with(module: Any, **changed: Any) -> Any:
    names = {name: getattr(module, name) for name in dir(module) if not name.startswith("__")}
    return SimpleNamespace(**{**names, **changed})


def _exit(simulation: Simulation, code: int) -> None:
    simulation.note(f"ends itself with {code}")
    process = _process(simulation)
    for call in process.on_exit:
        call()
    process.kill()
    simulation.give_way()


def _wait(simulation: Simulation, futures: list[Future[None]], timeout: float) -> None:
    """As `concurrent.futures.wait`."""
    done = Event(simulation)
    left = [len(futures)]

    def one_ended(_: Future[None]) -> None:
        left[0] -= 1
        if not left[0]:
            done.set()

    for future in futures:
        future.add_done_callback(one_ended)
    if futures:
        done.wait(timeout)


def _replace_clients(simulation: Simulation, make_client: Callable[[Process, float, bool], Any]) -> None:
    def sync_client(_: object, timeout: float = 0.5) -> Any:
        return make_client(_process(simulation), timeout, False)

    def async_client(_: object, timeout: float = 15.0) -> Any:
        return make_client(_process(simulation), timeout, True)

    worker.sync_client, worker.async_client = sync_client, async_client  # type: ignore[attr-defined]
    site_queues.sync_client = sync_client  # type: ignore[attr-defined]
    immediate.async_client = async_client  # type: ignore[attr-defined]


# What no fault of a run explains.
_BUGS = (AssertionError, AttributeError, LookupError, NameError, RuntimeError, TypeError, ValueError)


class Logs(logging.Handler):
    """Writes what the system logs into the trace, and keeps the records for the judge."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(logging.DEBUG)
        self._simulation = simulation
        self.records: list[tuple[float, logging.LogRecord]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append((self._simulation.now, record))
        text = record.getMessage().split("\n")[0]
        self._simulation.note(f"{record.levelname.lower()}: {text}")
        if record.exc_info and record.exc_info[1] is not None:
            self._simulation.note(f"    {record.exc_info[1]!r}"[:300])
            if isinstance(record.exc_info[1], _BUGS):
                self._simulation.found(f"{text} {record.exc_info[1]!r}"[:300])
