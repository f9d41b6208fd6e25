"""One run: a plan is played, then all troubles end, and what is left is judged."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any

from django.db import DatabaseError, connection, transaction

import syncqueue
from syncqueue import services as door
from syncqueue.core.errors import SyncQueueError
from syncqueue.models import Destination, SyncRecord
from syncqueue.worker.worker import Worker
from tests.simulation import services as outside
from tests.simulation.database import Database
from tests.simulation.instead import BEGIN, PER_PROCESS, PER_UNIT, Logs, put_in_place
from tests.simulation.judge import Judge
from tests.simulation.kernel import Process, Simulation
from tests.simulation.plan import OWNERS, TAGS, Plan, Step
from tests.simulation.redis_server import RedisServer, make_client
from tests.simulation.services import FORBIDDEN, LONG, POISON, SERVICES, Service, Trouble
from tests.simulation.site.models import Note

# What a save may take: IMMEDIATE.TIMEOUT_SECONDS and a second.
SAVE_SECONDS = 3.0
SETTLE_SECONDS = 420.0
LOOK_SECONDS = 15.0


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
        outside.check_lease = self.judge.check_lease
        self.workers: dict[int, tuple[Process, Worker]] = {}
        self.webs: dict[int, Process] = {}
        self.is_over = False  # the troubles have ended
        self.is_ending = False  # no worker is started again
        self.fault_count = 0
        self._redis_faults: list[int] = []
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
            for name in self.plan.services:
                self.judge.all_was_tried_again()
                self.request(f"retry failed {name}", lambda name=name: door.retry_failed(name, actor="a person"))  # type: ignore[misc]
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
        for service in SERVICES.values():
            service.troubles.clear()
        for number in range(self.plan.worker_count):
            self._again(number)
        for number in range(self.plan.web_count):
            if not self.webs[number].alive:
                self.start_web(number)
        for after in (1.0, 40.0):
            self.simulation.after(after, self._put_right)

    def _put_right(self) -> None:
        """What people do after an outage."""
        for name in self.plan.services:
            self.request(f"resume {name}", lambda name=name: door.resume(name, actor="a person"))  # type: ignore[misc]
        self.request("mend", self._mend)
        self.request("cure", self._cure)

    def _mend(self) -> None:
        for destination in Destination.objects.exclude(broken_reason=""):
            door.mend(destination, actor="a person")

    def _cure(self) -> None:
        """The services get over what one note did to them; its text is another one."""
        for note in Note.objects.filter(text__contains=POISON):
            note.text = note.text.replace(POISON, "cured")
            note.save()

    def _settle(self, when: str) -> None:
        end = self.simulation.now + SETTLE_SECONDS
        while not self.simulation.findings:
            self.simulation.run(self.simulation.now + LOOK_SECONDS)
            if self.simulation.now < self.plan.length + 45.0:
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
        self.simulation.run(self.simulation.now + 30.0)
        for number, (process, _) in self.workers.items():
            if process.alive:
                self.simulation.found(f"worker {number} has not ended 30 s after SIGTERM")

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
            case "kill web" | "freeze web":
                number = chance.randrange(self.plan.web_count)
                if step.kind == "freeze web":
                    self.webs[number].freeze(until)
                else:
                    self._kill(self.webs[number], lambda: self.start_web(number), given["away"])
            case "clock of process":
                process = chance.choice(self.simulation.processes)
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
                self.judge.clocks_jumped = True
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
            case "service":
                trouble = Trouble(how=given["how"], share=given["share"])
                service = SERVICES[given["service"]]
                service.troubles.append(trouble)
                self.judge.troubled(given["how"])
                simulation.after(until, lambda: service.troubles.remove(trouble) if trouble in service.troubles else None)
            case _:
                self._person(step.kind, chance, given)

    def _again(self, number: int) -> None:
        if not self.workers[number][0].alive and not self.is_ending:
            self.start_worker(number)

    def _restore(self, copy: dict[str, Any]) -> None:
        if not self.is_over:
            self.simulation.note("redis is restored from an older copy")
            self.redis.restore(copy)
            self.judge.redis_forgot()

    def _for_a_while(self, of: Any, name: str, value: Any, seconds: float) -> None:
        rest = type(value)()
        setattr(of, name, value)
        self.simulation.after(seconds, lambda: setattr(of, name, rest))

    # People

    def request(self, name: str, work: Callable[[], Any]) -> None:
        """Somebody asks a web process for something."""
        alive = [process for process in self.webs.values() if process.alive]
        if not alive:
            self.simulation.note(f"nobody answers: {name}")
            return
        process = self.simulation.random.choice(alive)

        def run() -> None:
            began = self.simulation.now
            try:
                work()
            except DatabaseError as error:
                self.simulation.note(f"{name}: {error!r}")
                if "locked" in str(error) and name.startswith("save"):  # which our own statements alone are told
                    self.simulation.found(f"{name} has raised {error!r}")
            except SyncQueueError as error:
                self.simulation.note(f"{name}: {error!r}")
                if name.startswith("save"):
                    self.simulation.found(f"{name} has raised {error!r}")
            took = self.simulation.now - began
            slow = self.database.slow_at >= began or process.was_stopped_between(began, self.simulation.now)
            if name.startswith("save") and took > SAVE_SECONDS and not slow:
                self.simulation.found(f"{name} took {took:.2f} s")

        process.thread(run)

    def _person(self, kind: str, chance: Random, given: Any) -> None:
        match kind:
            case "new" | "edit" | "private" | "tag" | "draft" | "delete" | "hand over" | "schedule":
                self.request(f"save: {kind}", lambda: self._save(kind, chance))
            case "together" | "rolled back" | "many":
                self.request(f"save: {kind}", lambda: self._save_together(kind, chance))
            case "bulk":
                self.request("bulk", lambda: self._bulk(chance))
            case "sync now":
                self.request("sync now", lambda: self._sync_now(chance))
            case "job":
                self.request("job", lambda: self._enqueue_job(chance))
            case "rule":
                self.request("rule", lambda: self._change_rule(chance))
            case "retire":
                self.request("retire", lambda: self._retire(chance))
            case "destination":
                self.request("destination", lambda: self._new_destination(chance))
            case "pause":
                name = chance.choice(self.plan.services)
                self.request("pause", lambda: door.pause(name, actor="a person"))
                self.simulation.after(
                    given["seconds"], lambda: self.request("resume", lambda: door.resume(name, actor="a person"))
                )
            case "retry failed":
                name = chance.choice(self.plan.services)
                self.request("retry failed", lambda: door.retry_failed(name, actor="a person"))
            case "recover":
                name = chance.choice(self.plan.services)
                self.request("recover", lambda: door.recover(name, actor="a person"))
            case "clear":
                name = chance.choice(self.plan.services)
                self.request("clear", lambda: door.clear(name, actor="a person"))
            case _:
                raise AssertionError(f"Nobody does {kind!r}.")

    def _text(self, chance: Random) -> str:
        words = [chance.choice(("a", "b", "c")) + str(chance.randrange(1000))]
        if chance.random() < 0.1:
            words.append(FORBIDDEN)
        if chance.random() < 0.05 and "index" not in self.plan.services:
            words.append(POISON)
        if chance.random() < 0.2:
            words.append(LONG)
        return " ".join(words)

    def _note(self, chance: Random) -> Note | None:
        keys = list(Note.objects.order_by("pk").values_list("pk", flat=True))
        return Note.objects.filter(pk=chance.choice(keys)).first() if keys else None

    def _save(self, kind: str, chance: Random) -> None:
        note = None if kind == "new" else self._note(chance)
        if note is None:
            note = Note(
                owner_id=chance.choice(OWNERS),
                text=self._text(chance),
                tag=chance.choice(TAGS),
                is_private=chance.random() < 0.3,
            )
            note.save()
            return
        match kind:
            case "edit":
                note.text = self._text(chance)
            case "private":
                note.is_private = not note.is_private
            case "tag":
                note.tag = chance.choice(TAGS)
            case "draft":
                note.is_draft = not note.is_draft
            case "hand over":
                note.owner_id = chance.choice(OWNERS)
            case "schedule":
                name = chance.choice(("live_from", "live_until"))
                setattr(note, name, chance.choice((None, self._at(chance.uniform(-20.0, 60.0)))))
            case "delete":
                note.delete()
                return
        # An edit that comes after somebody else's deletion brings nothing back.
        fields = ["text", "is_private", "tag", "is_draft", "owner_id", "live_from", "live_until", "updated_at"]
        try:
            note.save(update_fields=fields)
        except Note.NotUpdated if hasattr(Note, "NotUpdated") else DatabaseError as error:
            self.simulation.note(f"not updated: {error!r}")

    def _save_together(self, kind: str, chance: Random) -> None:
        count = chance.randint(11, 14) if kind == "many" else chance.randint(2, 4)
        with transaction.atomic():
            for _ in range(count):
                if chance.random() < 0.3 and (note := self._note(chance)) is not None:
                    note.text = self._text(chance)
                    note.save()
                else:
                    Note(owner_id=chance.choice(OWNERS), text=self._text(chance), tag=chance.choice(TAGS)).save()
            if kind == "rolled back":
                transaction.set_rollback(True)

    def _bulk(self, chance: Random) -> None:
        """Without signals: the sweep's affair."""
        self.judge.swept = True
        now = datetime.fromtimestamp(BEGIN + self.simulation.now, UTC)
        if chance.random() < 0.5:
            Note.objects.filter(owner_id=chance.choice(OWNERS)).update(text=self._text(chance), updated_at=now)
        else:
            made = [Note(owner_id=chance.choice(OWNERS), text=self._text(chance)) for _ in range(chance.randint(1, 3))]
            Note.objects.bulk_create(made)

    def _sync_now(self, chance: Random) -> None:
        note = self._note(chance)
        if note is not None:
            syncqueue.sync(note)

    def _enqueue_job(self, chance: Random) -> None:
        name = f"job {chance.randrange(10**6)}"
        key = chance.choice((None, "one", "two"))
        task = syncqueue.SyncTask("jobs", "do", name, {"name": name}, key=key)
        from syncqueue.dispatch.site_queues import get_queue

        get_queue("jobs").enqueue(task)
        self.judge.enqueued(name, key)

    def _change_rule(self, chance: Random) -> None:
        keys = list(Destination.objects.order_by("pk").values_list("pk", flat=True))
        destination = Destination.objects.get(pk=chance.choice(keys)) if keys else None
        if destination is None or destination.is_retiring:
            return
        destination.rule = chance.choice(("all", "public", "private", "tag"))
        destination.rule_value = chance.choice(TAGS[1:]) if destination.rule == "tag" else ""
        destination.save(update_fields=["rule", "rule_value"])
        self.judge.rule_changed(destination)

    def _retire(self, chance: Random) -> None:
        keys = list(Destination.objects.filter(state="active").order_by("pk").values_list("pk", flat=True))
        destination = Destination.objects.filter(pk=chance.choice(keys)).first() if keys else None
        if destination is not None:
            remove = chance.random() < 0.6
            self.judge.retired(destination, remove)
            door.retire(destination, remove_remote=remove, actor="a person")

    def _new_destination(self, chance: Random) -> None:
        number = 100 + chance.randrange(900)
        service = chance.choice([name for name in self.plan.services if name != "jobs"])
        Destination(
            name=f"{service} {number}", service=service, address=f"place-{number}", owner_id=chance.choice(OWNERS),
            start_at=None if service == "index" else self._at(0), created_at=self._at(0),
        ).save()  # fmt: skip


_FAULTS = frozenset(
    (
        "kill worker", "kill web", "stop worker", "freeze worker", "freeze web", "clock of process", "redis down",
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
