"""One run: a plan is played, then all troubles end, and what is left is judged."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any

from django.db import DatabaseError, connection

from syncqueue.core.errors import SyncQueueError
from syncqueue.models import Destination, SyncRecord
from syncqueue.worker.worker import Worker
from tests.simulation.database import Database
from tests.simulation.instead import BEGIN, PER_PROCESS, PER_UNIT, Logs, put_in_place
from tests.simulation.judge import Judge
from tests.simulation.kernel import Process, Simulation
from tests.simulation.people import People
from tests.simulation.plan import Plan, Step
from tests.simulation.redis_server import RedisServer, make_client
from tests.simulation.services import LOOKS_AT_LEASE, SERVICES, Service, Trouble

SETTLE_SECONDS = 420.0
LOOK_SECONDS = 15.0
SLOW_SAVE_SECONDS = 20.0  # what a request may take while the database is slow
CALM_SECONDS = 15.0  # what was sent before may still arrive, and not be seen as long as it is under way


class Site:
    """The system, its people, and what goes wrong."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.simulation = Simulation(f"run {plan.seed}", per_process=PER_PROCESS, per_unit=PER_UNIT)
        self.redis = RedisServer(self.simulation)
        self.redis.clocks = put_in_place(
            self.simulation, lambda process, timeout, is_async: make_client(self.redis, process, timeout, is_async)
        )
        self.database = Database(self.simulation)
        self.logs = Logs(self.simulation)
        logger = logging.getLogger("syncqueue")
        logger.addHandler(self.logs)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        for name in plan.services:
            SERVICES[name] = Service(simulation=self.simulation, name=name)
        self.judge = Judge(plan, self.simulation, self.redis, self.database, self.logs)
        LOOKS_AT_LEASE.append(self.judge.check_lease)
        self.workers: dict[int, tuple[Process, Worker]] = {}
        self.webs: dict[int, Process] = {}
        self.people = People(plan, self.simulation, self.database, self.judge, self.webs)
        self.is_over = False  # the troubles have ended
        self.calm_from = 0.0  # when there may be nothing left to do, first
        self.is_ending = False  # no worker is started again
        self.fault_count = 0
        for given in plan.destinations:
            Destination(
                **given,
                start_at=None if given["service"] == "index" else self._at(-60),
                created_at=self._at(-60),
            ).save()

    def _at(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(BEGIN, UTC) + timedelta(seconds=self.simulation.now + seconds)

    # Processes

    def start_worker(self, number: int) -> None:
        """Start a worker process."""
        process = Process(self.simulation, f"worker{number}")
        process.on_death.append(lambda: self.redis.disconnect(process))
        process.on_exit.append(lambda: self.simulation.after(1.0, lambda: self._again(number)))
        loop = process.loop()

        worker = Worker(list(self.plan.services))
        self.workers[number] = (process, worker)

        def begin() -> None:
            task = loop.create_task(worker.run())
            task.add_done_callback(lambda task: self._worker_ended(number, process, task))

        self.simulation.after(0.0, begin, loop)

    def _worker_ended(self, number: int, process: Process, task: Any) -> None:
        error = task.exception()
        if error is not None:
            self.simulation.note(f"the worker ends with {error!r}")
            if not isinstance(error, DatabaseError | SyncQueueError):
                self.simulation.found(f"worker {number} broke: {error!r}")
        process.end()
        if not self.is_ending:
            self.simulation.after(1.0, lambda: self.start_worker(number))

    def start_web(self, number: int) -> None:
        """Start a web process."""
        self.webs[number] = Process(self.simulation, f"web{number}")

    def _kill(self, process: Process, again: Callable[[], None], away: float) -> None:
        if process.alive:
            process.kill()
            self.simulation.after(away, again)

    # The run

    def play(self) -> None:
        """All of it."""
        for number in range(self.plan.worker_count):
            self.start_worker(number)
        for number in range(self.plan.web_count):
            self.start_web(number)
        self.redis.watch = self.judge.watch
        for step in self.plan.steps:
            self.simulation.at(step.at, lambda step=step: self._do(step))  # type: ignore[misc]
        self.simulation.run(self.plan.length)
        self._end_troubles()
        self._settle("after the troubles")
        if not self.simulation.findings:
            self.judge.all_was_tried_again()
            self.people.try_all_again()
            self.simulation.run(self.simulation.now + 1.0)
            self._settle("after all was tried again")
        if not self.simulation.findings:
            self._stop_workers()
        self.judge.look_at_redis()

    def _end_troubles(self) -> None:
        self.is_over = True
        self.simulation.note("the troubles end")
        self.redis.is_down = self.database.is_down = False
        self.redis.slow_seconds = self.database.slow_seconds = 0.0
        self.redis.lost_requests = self.redis.lost_answers = 0.0
        self.database.refusals = self.database.lost_answers = 0.0
        self.redis.traps.clear()
        for service in SERVICES.values():
            service.troubles.clear()
            service.traps.clear()
        for number in range(self.plan.worker_count):
            self._again(number)
        for number in range(self.plan.web_count):
            if not self.webs[number].alive:
                self.start_web(number)
        # A process that stands still may save when it goes on.
        frozen = [process.frozen_until + 1.0 for process in self.simulation.processes if process.alive]
        if self.database.slow_at > self.simulation.now - SLOW_SAVE_SECONDS:  # it may save what it has read before
            frozen.append(self.simulation.now + SLOW_SAVE_SECONDS)
        for moment in sorted({max(self.simulation.now + 1.0, until) for until in frozen}):
            self.simulation.at(moment, self.people.put_right)
        self.calm_from = max([self.simulation.now, *frozen]) + CALM_SECONDS

    def _settle(self, when: str) -> None:
        end = self.simulation.now + SETTLE_SECONDS
        while not self.simulation.findings:
            self.simulation.run(self.simulation.now + LOOK_SECONDS)
            if self.simulation.now < self.calm_from:
                continue
            wrong = self.judge.differences()
            if not wrong:
                self.simulation.note(f"all is well {when}")
                return
            if self.simulation.now >= end:
                for text in wrong:
                    self.simulation.found(f"{when}: {text}")

    def _stop_workers(self) -> None:
        self.is_ending = True
        for process, worker in self.workers.values():
            if process.alive:
                loop = process.loop()
                self.simulation.after(0.0, worker.stop, loop)
        self.simulation.run(self.simulation.now + 20.0)
        for number, (process, _) in self.workers.items():
            if process.alive:
                self.simulation.found(f"worker {number} has not ended 20 s after SIGTERM")

    # Faults

    def _do(self, step: Step) -> None:
        self.simulation.note(f"== {step}")
        given = step.given
        chance = Random(given.get("draw", 0))  # noqa: S311
        until = given.get("seconds", 0.0)
        simulation = self.simulation
        if step.kind in _FAULTS:
            self.fault_count += 1
        match step.kind:
            case "kill worker" | "stop worker" | "freeze worker":
                number = chance.randrange(self.plan.worker_count)
                process, worker = self.workers[number]
                if step.kind == "kill worker":
                    self._kill(process, lambda: self._again(number), given["away"])
                elif step.kind == "freeze worker":
                    process.freeze(until)
                elif process.alive:
                    simulation.after(0.0, worker.stop, process.loop())
            case "freeze at call":
                self.redis.traps.append((given["script"], until))
            case "freeze at answer":
                SERVICES[given["service"]].traps.append(until)
            case "kill web" | "freeze web":
                number = chance.randrange(self.plan.web_count)
                if step.kind == "freeze web":
                    self.webs[number].freeze(until)
                else:
                    self._kill(self.webs[number], lambda: self.start_web(number), given["away"])
            case "clock of process" | "web clock":
                # Of a worker an hour ahead the sweep's position would be as well: a known limit.
                there = list(self.webs.values()) if given["ahead"] > 60.0 else self.simulation.processes
                process = chance.choice(there)
                process.clock_ahead += given["ahead"]
                self.judge.clocks_jumped = True
            case "redis down":
                self.redis.go_down()
                simulation.after(until, lambda: setattr(self.redis, "is_down", False))
            case "redis empty":
                self.redis.empty()
                self.judge.redis_forgot()
            case "redis restore":
                copy = self.redis.snapshot()
                simulation.after(until, lambda: self._restore(copy))
            case "redis clock":
                self.redis.clock_ahead += given["ahead"]
                self.judge.clocks_jumped, self.judge.redis_jumped_at = True, simulation.now
                self._lose_leases()
            case "redis scripts":
                self.redis.raw.script_flush()
            case "redis loses":
                if given["what"] != "answers":
                    self._for_a_while(self.redis, "lost_requests", given["share"], until)
                if given["what"] != "requests":
                    self._for_a_while(self.redis, "lost_answers", given["share"], until)
            case "redis slow":
                self._for_a_while(self.redis, "slow_seconds", given["slow"], until)
            case "database down":
                self._for_a_while(self.database, "is_down", True, until)
            case "database refuses":
                self._for_a_while(self.database, "refusals", given["share"], until)
            case "database loses":
                self._for_a_while(self.database, "lost_answers", given["share"], until)
            case "database slow":
                self._for_a_while(self.database, "slow_seconds", given["slow"], until)
            case "place moves":
                destination = chance.choice(self.plan.destinations)
                SERVICES[destination["service"]].move(destination["address"])
                self.judge.moved(destination["address"])
            case "service":
                trouble = Trouble(how=given["how"], share=given["share"])
                service = SERVICES[given["service"]]
                service.troubles.append(trouble)
                simulation.after(
                    until, lambda: service.troubles.remove(trouble) if trouble in service.troubles else None
                )
            case _:
                self.people.do(step.kind, chance, given)

    def _again(self, number: int) -> None:
        if not self.workers[number][0].alive and not self.is_ending:
            self.start_worker(number)

    def _restore(self, copy: dict[str, Any]) -> None:
        if not self.is_over:
            self.simulation.note("redis is restored from an older copy")
            self.redis.restore(copy)
            self.judge.redis_forgot()
            self._lose_leases()

    def _lose_leases(self) -> None:
        if "jobs" in SERVICES:
            SERVICES["jobs"].leases_lost_at = self.simulation.now

    def _for_a_while(self, of: Any, name: str, value: Any, seconds: float) -> None:
        rest = type(value)()
        setattr(of, name, value)
        self.simulation.after(seconds, lambda: setattr(of, name, rest))


_FAULTS = frozenset(
    (
        "freeze at call", "freeze at answer",
        "kill worker", "kill web", "stop worker", "freeze worker", "freeze web", "clock of process", "web clock",
        "redis down",
        "redis empty", "redis restore", "redis clock", "redis scripts", "redis loses", "redis slow", "database down",
        "database refuses", "database loses", "database slow", "service",
    )
)  # fmt: skip


class Outcome:
    """What came of a run."""

    def __init__(self, site: Site) -> None:
        simulation = site.simulation
        self.findings = list(simulation.findings)
        self.trace = simulation.trace
        self.virtual_seconds = simulation.now
        self.fault_count = site.fault_count
        self.digest = sha256("\n".join(simulation.trace).encode()).hexdigest()[:16]
        self.call_count = site.redis.call_count
        self.request_count = sum(service.request_count for service in SERVICES.values())
        self.step_count = simulation.step_count


def run(plan: Plan) -> Outcome:
    """Play a plan, in a process that does nothing else."""
    assert connection.settings_dict["NAME"] == ":memory:"
    assert not SyncRecord.objects.exists()
    site = Site(plan)
    site.play()
    return Outcome(site)
