"""The people of the site: what they ask web processes for, and what operators do to the queues."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

from django.db import DatabaseError, transaction

import syncqueue
from syncqueue import services as door
from syncqueue.core.errors import SyncQueueError
from syncqueue.core.task import TaskState
from syncqueue.models import Destination
from tests.simulation.database import Database
from tests.simulation.instead import BEGIN
from tests.simulation.judge import Judge
from tests.simulation.kernel import Process, Simulation
from tests.simulation.plan import OWNERS, TAGS, Plan
from tests.simulation.services import FORBIDDEN, LONG, POISON, SERVICES, next_address
from tests.simulation.site.models import Note

# What a save may take: IMMEDIATE.TIMEOUT_SECONDS and a second.
SAVE_SECONDS = 3.0


class People:
    """Those who save, edit, delete and hand over notes, and those who look after the queues."""

    def __init__(
        self, plan: Plan, simulation: Simulation, database: Database, judge: Judge, webs: Mapping[int, Process]
    ) -> None:
        """`webs`: the web processes by number, of which the living ones answer."""
        self._plan, self._simulation, self._database, self._judge = plan, simulation, database, judge
        self._webs = webs
        self._left_off: set[int] = set()  # the destinations that are not switched on again
        self._others: Mapping[str, Callable[[Random], None]] = {
            "bulk": self._bulk,
            "sync now": self._sync_now,
            "job": self._enqueue_job,
            "rule": self._change_rule,
            "retire": self._retire,
            "destination": self._new_destination,
            "address": self._give_address,
            "owner leaves": self._leave,
            "resync": self._resync,
            "run now": self._run_now,
            "delete task": self._delete_task,
            "restore": self._restore,
        }

    def _moment(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(BEGIN + self._simulation.now + seconds, UTC)

    def put_right(self) -> None:
        """What people do after an outage."""
        for name in self._plan.services:
            self.request(f"resume {name}", lambda name=name: door.resume(name, actor="a person"))  # type: ignore[misc]
        self.request("mend", self._mend)
        self.request("enable", self._enable_all)
        self.request("cure", self._cure)

    def try_all_again(self) -> None:
        """Bring back all that has failed."""
        for name in self._plan.services:
            self.request(f"retry failed {name}", lambda name=name: door.retry_failed(name, actor="a person"))  # type: ignore[misc]

    def _mend(self) -> None:
        for destination in Destination.objects.exclude(broken_reason=""):
            door.mend(destination, actor="a person")

    def _enable_all(self) -> None:
        for destination in Destination.objects.filter(enabled=False).exclude(pk__in=self._left_off):
            self._switch(destination.pk, True)

    def _switch(self, destination_id: int, enabled: bool) -> None:
        destination = Destination.objects.filter(pk=destination_id).first()
        if destination is not None:
            destination.enabled = enabled
            destination.save(update_fields=["enabled"])

    def _cure(self) -> None:
        """The services get over what one note did to them; its text is another one."""
        for note in Note.objects.filter(text__contains=POISON):
            note.text = note.text.replace(POISON, "cured")
            note.save()

    def request(self, name: str, work: Callable[[], Any]) -> None:
        """Somebody asks a web process for something."""
        alive = [process for process in self._webs.values() if process.alive]
        if not alive:
            self._simulation.note(f"nobody answers: {name}")
            return
        process = self._simulation.random.choice(alive)

        def run() -> None:
            began = self._simulation.now
            try:
                work()
            except DatabaseError as error:
                self._simulation.note(f"{name}: {error!r}")
                if "locked" in str(error) and name.startswith("save"):  # which our own statements alone are told
                    self._simulation.found(f"{name} has raised {error!r}")
            except SyncQueueError as error:
                self._simulation.note(f"{name}: {error!r}")
                if name.startswith("save"):
                    self._simulation.found(f"{name} has raised {error!r}")
            took = self._simulation.now - began
            slow = self._database.slow_at >= began or process.was_stopped_between(began, self._simulation.now)
            if name.startswith("save") and took > SAVE_SECONDS and not slow:
                self._simulation.found(f"{name} took {took:.2f} s")

        process.thread(run)

    def do(self, kind: str, chance: Random, given: Any) -> None:
        match kind:
            case "new" | "edit" | "forbid" | "private" | "tag" | "draft" | "delete" | "hand over" | "schedule":
                self.request(f"save: {kind}", lambda: self._save(kind, chance))
            case "together" | "rolled back" | "many":
                self.request(f"save: {kind}", lambda: self._save_together(kind, chance))
            case "pause":
                name = chance.choice(self._plan.services)
                self.request("pause", lambda: door.pause(name, actor="a person"))
                self._simulation.after(
                    given["seconds"], lambda: self.request("resume", lambda: door.resume(name, actor="a person"))
                )
            case "retry failed" | "recover" | "clear":
                act = {"retry failed": door.retry_failed, "recover": door.recover, "clear": door.clear}[kind]
                name = chance.choice(self._plan.services)
                self.request(kind, lambda: act(name, actor="a person"))
            case "disable":
                self.request(kind, lambda: self._disable(chance, given["seconds"]))
            case _:
                work = self._others[kind]
                self.request(kind, lambda: work(chance))

    def _text(self, chance: Random) -> str:
        words = [chance.choice(("a", "b", "c")) + str(chance.randrange(1000))]
        if chance.random() < 0.1:
            words.append(FORBIDDEN)
        if chance.random() < 0.05 and "index" not in self._plan.services:
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
            case "forbid":
                note.text = f"{self._text(chance)} {FORBIDDEN}"
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
                setattr(note, name, chance.choice((None, self._moment(chance.uniform(-20.0, 60.0)))))
            case "delete":
                key = f"simulated.note:{note.pk}"
                note.delete()
                self._judge.deleted(key)
                return
        # An edit that comes after somebody else's deletion brings nothing back.
        fields = ["text", "is_private", "tag", "is_draft", "owner_id", "live_from", "live_until", "updated_at"]
        try:
            note.save(update_fields=fields)
        except DatabaseError as error:
            if "did not affect" not in str(error):
                raise
            self._simulation.note(f"not updated: {error!r}")

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
        now = datetime.fromtimestamp(BEGIN + self._simulation.now, UTC)
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
        began = self._simulation.now  # Redis may forget it before its answer arrives
        syncqueue.get_queue("jobs").enqueue(task)
        self._judge.enqueued(name, key, began)

    def _change_rule(self, chance: Random) -> None:
        keys = list(Destination.objects.order_by("pk").values_list("pk", flat=True))
        destination = Destination.objects.get(pk=chance.choice(keys)) if keys else None
        if destination is None or destination.is_retiring:
            return
        destination.rule = chance.choice(("all", "public", "private", "tag"))
        destination.rule_value = chance.choice(TAGS[1:]) if destination.rule == "tag" else ""
        try:
            destination.save(update_fields=["rule", "rule_value"])
        finally:  # if the answer to the commit was lost, it may be the rule
            self._judge.rule_changed(destination)

    def _give_address(self, chance: Random) -> None:
        """A person enters another address."""
        destination = self._destination(chance)
        if destination is None:
            return
        destination.address = next_address(SERVICES[destination.service].newest(destination.address))
        try:
            destination.save(update_fields=["address"])
        finally:  # if the answer to the commit was lost, it may be the address
            self._judge.moved(destination.address)
        door.mend(destination, actor="a person")

    def _destination(self, chance: Random) -> Destination | None:
        keys = list(Destination.objects.filter(state="active").order_by("pk").values_list("pk", flat=True))
        return Destination.objects.filter(pk=chance.choice(keys)).first() if keys else None

    def _retire(self, chance: Random) -> None:
        destination = self._destination(chance)
        if destination is not None:
            remove = chance.random() < 0.6
            self._judge.retired(destination, remove)
            door.retire(destination, remove_remote=remove, actor="a person")

    def _disable(self, chance: Random, seconds: float) -> None:
        destination = self._destination(chance)
        if destination is not None:
            self._switch(destination.pk, False)
            if chance.random() < 0.3:
                self._left_off.add(destination.pk)
                return
            self._simulation.after(seconds, lambda: self.request("enable", lambda: self._switch(destination.pk, True)))

    def _leave(self, chance: Random) -> None:
        """An owner is deleted; the notes stay."""
        owner = chance.choice([owner for owner in OWNERS if owner is not None])
        for destination in Destination.objects.filter(owner_id=owner, state="active"):
            self._judge.retired(destination, False)
        door.retire_of_owner(owner)

    def _resync(self, chance: Random) -> None:
        destination = self._destination(chance)
        if destination is not None:
            door.resync([destination], force=chance.random() < 0.5, prune=False, actor="a person")

    def _run_now(self, chance: Random) -> None:
        name = chance.choice(self._plan.services)
        for task in syncqueue.get_queue(name).tasks(TaskState.DELAYED, limit=5):
            door.run_task_now(name, task.id, actor="a person")

    def _delete_task(self, chance: Random) -> None:
        name = chance.choice([name for name in self._plan.services if name != "jobs"])
        state = chance.choice((TaskState.PENDING, TaskState.DELAYED, TaskState.FAILED))
        for task in syncqueue.get_queue(name).tasks(state, limit=1):
            door.delete_task(name, task.id, actor="a person")

    def _restore(self, chance: Random) -> None:
        for clearing in door.restorable():
            while door.restore(clearing, actor="a person", most=5)[1]:
                pass

    def _new_destination(self, chance: Random) -> None:
        number = 100 + chance.randrange(900)
        service = chance.choice([name for name in self._plan.services if name != "jobs"])
        Destination(
            name=f"{service} {number}", service=service, address=f"place-{number}", owner_id=chance.choice(OWNERS),
            start_at=None if service == "index" else self._moment(0), created_at=self._moment(0),
        ).save()  # fmt: skip
