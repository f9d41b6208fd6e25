"""Virtual time, and processes with event loops and threads that a scheduler runs one step at a time.

All that happens is an event at a moment. Between two events the time jumps, so no wait costs anything. A process is a
group of units: event loops, of which one callback is run at a time, and threads, which are greenlets and give way
wherever they would wait. Who does not come to run any more is dead, who does not for a while stands still: a process
may be killed, or stopped, at every await and at every call of a database or of Redis.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from random import Random
from typing import Any

from greenlet import getcurrent, greenlet

# The modules' variables that each real process has for itself: module, name, and the value it begins with.
Variable = tuple[Any, str, Callable[[], Any]]


class Simulation:
    """The events, in the order of their time."""

    def __init__(self, seed: str, *, per_process: Iterable[Variable] = (), per_unit: Iterable[Variable] = ()) -> None:
        """`seed`: all draws follow from it. `per_process`, `per_unit`: variables that are exchanged."""
        self.random = Random(seed)  # noqa: S311
        self.now = 0.0
        self.trace: list[str] = []
        self.processes: list[Process] = []
        self.findings: list[str] = []
        self.current: Unit | None = None
        self.per_process, self.per_unit = list(per_process), list(per_unit)
        for module, name, _ in (*self.per_process, *self.per_unit):
            assert hasattr(module, name), f"{module.__name__} has no {name}"
        self.on_advance: Callable[[float], None] = lambda seconds: None
        self.step_count = 0
        self._hub = getcurrent()
        self._events: list[tuple[float, int, Unit | None, Callable[[], None]]] = []
        self._order = count()
        self._loaded: tuple[Process | None, Unit | None] = (None, None)

    def note(self, text: str) -> None:
        """Write a line into the trace."""
        who = self.current.process.name if self.current is not None else "-"
        self.trace.append(f"{self.now:10.4f} {who:<8} {text}")

    def found(self, text: str) -> None:
        """Something must not be: the run has failed."""
        self.note(f"FOUND {text}")
        self.findings.append(f"at {self.now:.3f}: {text}")

    def at(self, moment: float, call: Callable[[], None], unit: Unit | None = None) -> None:
        """Let something happen at a moment; `unit`: it happens inside of that unit, if that lives then."""
        heapq.heappush(self._events, (max(moment, self.now), next(self._order), unit, call))

    def after(self, seconds: float, call: Callable[[], None], unit: Unit | None = None) -> None:
        """Let something happen after so many seconds."""
        self.at(self.now + seconds, call, unit)

    def run(self, until: float) -> None:
        """Let happen what is due until a moment, or until something is found."""
        while self._events and self._events[0][0] <= until and not self.findings:
            moment, _, unit, call = heapq.heappop(self._events)
            if unit is not None:
                if not unit.process.alive:
                    continue
                if unit.process.frozen_until > moment:
                    self.at(unit.process.frozen_until, call, unit)
                    continue
            if moment > self.now:
                self.on_advance(moment - self.now)
                self.now = moment
            self.step_count += 1
            self._enter(unit)
            call()
            self._enter(None)
        if not self.findings:
            self.now = max(self.now, until)

    def _enter(self, unit: Unit | None) -> None:
        """Exchange what belongs to a process and to a thread alone."""
        self.current = unit
        process = unit.process if unit is not None else None
        if unit is None:
            return
        old_process, old_unit = self._loaded
        if old_process is not process:
            if old_process is not None:
                old_process.variables = [getattr(module, name) for module, name, _ in self.per_process]
            _load(self.per_process, process.variables if process else [])
        if old_unit is not unit:
            if old_unit is not None:
                old_unit.variables = [getattr(module, name) for module, name, _ in self.per_unit]
            _load(self.per_unit, unit.variables)
        self._loaded = (process, unit)

    # What a thread does where it would wait

    def sleep(self, seconds: float) -> None:
        """Let a thread wait."""
        thread = self._thread()
        self.after(seconds, thread.resume, thread)
        self._hub.switch()

    def _thread(self) -> Thread:
        if not isinstance(self.current, Thread) or getcurrent() is not self.current.greenlet:
            raise AssertionError("Something that waits was called where an event loop would be blocked by it.")
        return self.current

    @property
    def in_thread(self) -> bool:
        """Whether a thread runs now, which may give way."""
        return isinstance(self.current, Thread)

    def wait(self, event: Event, timeout: float | None) -> bool:
        """Let a thread wait for an event; returns whether it came."""
        if event.is_set():
            return True
        thread = self._thread()
        waiting = [True]

        def wake() -> None:
            if waiting[0]:
                waiting[0] = False
                thread.resume()

        event.on_set.append(lambda: self.after(0.0, wake, thread))
        if timeout is not None:
            self.after(timeout, wake, thread)
        self._hub.switch()
        return event.is_set()

    def give_way(self) -> None:
        """Back to the scheduler, for good unless somebody resumes this thread."""
        self._hub.switch()


def _load(variables: list[Variable], values: list[Any]) -> None:
    for (module, name, _), value in zip(variables, values, strict=True):
        setattr(module, name, value)


class Event:
    """As `threading.Event`, in virtual time."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._is_set = False
        self.on_set: list[Callable[[], None]] = []

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        if not self._is_set:
            self._is_set = True
            waiting, self.on_set = self.on_set, []
            for wake in waiting:
                wake()

    def wait(self, timeout: float | None = None) -> bool:
        return self._simulation.wait(self, timeout)


class Process:
    """A process of the system: it dies as a whole."""

    def __init__(self, simulation: Simulation, name: str, *, clock_ahead: float = 0.0) -> None:
        self.simulation = simulation
        self.name = name
        self.alive = True
        self.ended = Event(simulation)
        self.frozen_until = 0.0
        self.frozen_spans: list[tuple[float, float]] = []
        self.killed_at: float | None = None
        self.clock_ahead = clock_ahead
        self.variables = [make() for _, _, make in simulation.per_process]
        self.on_death: list[Callable[[], None]] = []
        self.on_exit: list[Callable[[], None]] = []  # it ends itself, and its supervisor sees it
        simulation.processes.append(self)

    def loop(self) -> Loop:
        """A new event loop of this process."""
        return Loop(self)

    def thread(self, work: Callable[[], Any], *, after: float = 0.0) -> Thread:
        """Start a thread of this process."""
        thread = Thread(self, work)
        self.simulation.after(after, thread.resume, thread)
        return thread

    def freeze(self, seconds: float) -> None:
        """Let it stand still."""
        until = self.simulation.now + seconds
        self.frozen_spans.append((self.simulation.now, until))
        self.frozen_until = max(self.frozen_until, until)

    def kill(self) -> None:
        """End it without a word. To be called from outside of it, or followed by `give_way`."""
        if self.alive:
            self.alive = False
            self.killed_at = self.simulation.now
            for call in self.on_death:
                call()
            self.ended.set()

    def end(self) -> None:
        """It has ended by itself."""
        self.alive = False
        self.killed_at = self.simulation.now  # what it has not stored is lost as well
        for call in self.on_death:
            call()
        self.ended.set()

    def was_stopped_between(self, begin: float, end: float) -> bool:
        """Whether it was killed or stood still at some time between the two."""
        if self.killed_at is not None and begin <= self.killed_at <= end:
            return True
        return any(since <= end and till >= begin for since, till in self.frozen_spans)


class Unit:
    """What runs inside of a process."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.variables = [make() for _, _, make in process.simulation.per_unit]


class Thread(Unit):
    """A thread of a process."""

    def __init__(self, process: Process, work: Callable[[], Any]) -> None:
        super().__init__(process)
        self.greenlet = greenlet(work, parent=process.simulation._hub)

    def resume(self) -> None:
        self.greenlet.switch()


class Loop(Unit, asyncio.base_events.BaseEventLoop):
    """An event loop whose time is the simulation's, and whose callbacks the scheduler runs one by one."""

    def __init__(self, process: Process) -> None:
        Unit.__init__(self, process)
        asyncio.base_events.BaseEventLoop.__init__(self)
        self._simulation = process.simulation
        self._handles: deque[asyncio.Handle] = deque()
        self._is_due = False
        self.broken: list[dict[str, Any]] = []

    def time(self) -> float:
        return self._simulation.now

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._add(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._simulation.at(when, lambda: None if handle.cancelled() else self._add(handle), self)
        return handle

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        return None

    def _add(self, handle: asyncio.Handle) -> None:
        self._handles.append(handle)
        if not self._is_due:
            self._is_due = True
            self._simulation.after(0.0, self._step, self)

    def _step(self) -> None:
        handle = self._handles.popleft()
        self._is_due = bool(self._handles)
        if self._is_due:
            self._simulation.after(0.0, self._step, self)
        if not handle.cancelled():
            asyncio._set_running_loop(self)
            try:
                handle._run()
            finally:
                asyncio._set_running_loop(None)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """The work runs in a thread of this process, which begins after a moment."""
        future = self.create_future()

        def work() -> None:
            try:
                answer = func(*args)
            except Exception as error:
                self.call_soon(_finish, future, None, error)
            else:
                self.call_soon(_finish, future, answer, None)

        self.process.thread(work, after=self._simulation.random.uniform(0.0, 0.002))
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self._simulation.note(f"loop: {context.get('message')}: {context.get('exception')!r}")
        self.broken.append(context)

    def is_running(self) -> bool:
        return False

    def run_forever(self) -> None:
        """The scheduler runs it; the thread that was made for it has nothing to do."""
        return None

    def is_closed(self) -> bool:
        return False

    def __del__(self) -> None:
        return None


def _finish(future: asyncio.Future[Any], answer: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(answer)
