"""I13: a record never rests while a copy of its object is where it is not wanted, unless a failure names it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Q
from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

import syncqueue
from project.notes.models import Note, Tag
from syncqueue import services
from syncqueue.conf import get_settings
from syncqueue.core.clock import ManualClock
from syncqueue.core.task import NO_PROGRESS, ClaimedTask
from syncqueue.execution.database import DatabaseThreads
from syncqueue.execution.executor import Executor
from syncqueue.execution.run import Run
from syncqueue.models import Destination, DestinationState, RecordState, SyncRecord
from syncqueue.sources import destinations, same_place, walks
from syncqueue.sources.intents import record_task
from syncqueue.sources.records import take_due
from syncqueue.sources.registry import register, source_for, unregister
from syncqueue.testing import captured_syncs
from tests.integration.withdrawal.town import FAULTS, Town, TownHandler, town

pytestmark = pytest.mark.simulation

PICKS = st.integers(0, 10**6)
PLACES = ("-1", "-2", "-3")
TAGS = ("rail", "sea")
HOUR = timedelta(hours=1)


class TownSync(syncqueue.ModelSync):
    """A note goes to its owner's destinations; the machine keeps what a note's table has no column for."""

    times: dict[int, tuple[datetime | None, datetime | None]] = {}
    old: dict[int, list[str]] = {}  # by note: ids of copies from before syncqueue
    odd: set[int] = set()  # notes for which existing_remote raises
    shared: dict[int, int] = {}  # by note: who owns it beside its owner
    left_out: set[tuple[int, int]] = set()  # notes and destinations that the site does not send them to
    odd_at: set[tuple[int, int]] = set()  # those for which `at` raises

    def document(self, note: Note) -> syncqueue.Document:
        tags = tuple(tag.name for tag in note.tags.all())
        return syncqueue.Document(text=note.text, tags=tags, is_private=note.is_private)

    def owners(self, note: Note) -> set[int]:
        return {note.owner_id, self.shared.get(note.pk, note.owner_id)}

    def is_live(self, note: Note) -> bool:
        return note.deleted_at is None

    def at(
        self, note: Note, destination: syncqueue.DestinationInfo, document: syncqueue.Document
    ) -> syncqueue.Document | None:
        if (note.pk, destination.id) in self.odd_at:
            raise LookupError("nobody knows whether it is to be there")
        return None if (note.pk, destination.id) in self.left_out else document

    def live_from(self, note: Note) -> datetime | None:
        return self.times.get(note.pk, (None, None))[0]

    def live_until(self, note: Note) -> datetime | None:
        return self.times.get(note.pk, (None, None))[1]

    def existing_remote(self, note: Note, destination: Destination) -> list[str]:
        if note.pk in self.odd:
            raise LookupError("nothing is known of it")
        place = town.names.get(destination.address)
        return [id_ for id_ in self.old.get(note.pk, ()) if id_ in town.copies and town.copies[id_][0] == place]


class WithdrawalMachine(RuleBasedStateMachine):
    """Random lives of notes and destinations, with lost answers in between."""

    def __init__(self) -> None:
        super().__init__()
        for rows in (SyncRecord.objects, Destination.objects, Note.objects, Tag.objects, User.objects):
            rows.all().delete()
        town.__dict__.update(Town().__dict__)
        TownSync.times, TownSync.old, TownSync.odd = {}, {}, set()
        TownSync.shared, TownSync.left_out, TownSync.odd_at, TownSync.keeps = {}, set(), set(), ()
        same_place.forget()
        self.unnoticed: set[int] = set()  # notes that were made in bulk, and never saved since
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.database = DatabaseThreads(1)
        self.left: set[str] = set()  # ids of copies that a person chose to leave
        self.texts = 0
        self.users = [User.objects.create_user(f"user {n}") for n in range(2)]
        self.tags = [Tag.objects.create(name=name) for name in TAGS]
        for n, identity in enumerate(PLACES):
            town.names |= {f"@place{n}": identity, identity: identity}

    def teardown(self) -> None:
        """Whatever was done: at the end everything comes to rest, and rests rightly."""
        self.come_to_rest()
        self.database.close()

    # What people do

    @initialize(
        address=st.sampled_from(["@place0", "-2"]),
        rule_name=st.sampled_from(["all", "public", "tag"]),
        keeps=st.sampled_from([(), (), ("town",)]),
    )
    def first_destination(self, address: str, rule_name: str, keeps: tuple[str, ...]) -> None:
        """Each owner has one at least. Some sites keep their trash in the town."""
        TownSync.keeps = keeps
        for user in self.users:
            self.new_destination(user.pk, address, rule_name)

    @rule(
        pick=PICKS,
        address=st.sampled_from(["@place0", "-1", "@place1", "-3"]),
        rule_name=st.sampled_from(["all", "tag"]),
    )
    def add_destination(self, pick: int, address: str, rule_name: str) -> None:
        """One more; it may name a place that another one has."""
        if Destination.objects.count() < 5 and address in town.names:
            self.new_destination(self.users[pick % 2].pk, address, rule_name)

    def new_destination(self, owner: int, address: str, rule_name: str) -> None:
        row = Destination.objects.create(
            name=f"D{Destination.objects.count()}-{self.texts}", service="town", address=address, owner_id=owner,
            rule=rule_name, rule_value="rail, sea" if rule_name == "tag" else "", start_at=None,
        )  # fmt: skip
        same_place.forget()
        self.touch(row)

    @rule(pick=PICKS, private=st.booleans(), tag=st.sampled_from([None, 0, 1]), old=st.booleans())
    def write(self, pick: int, private: bool, tag: int | None, old: bool) -> None:
        """A new note; perhaps one that was posted before syncqueue came."""
        note = Note.objects.create(owner=self.users[pick % 2], text=self.text(), is_private=private)
        if old:
            for destination in Destination.objects.filter(owner=note.owner, state=DestinationState.ACTIVE)[:1]:
                self.post_as_before(note, destination, "from before")
        if tag is not None:
            note.tags.add(self.tags[tag])
        note.save()

    @rule(pick=PICKS, both=st.booleans())
    def write_long_ago(self, pick: int, both: bool) -> None:
        """A note from before syncqueue with its copies, of which no record says anything."""
        (note,) = Note.objects.bulk_create([Note(owner=self.users[pick % 2], text=self.text())])
        self.unnoticed.add(note.pk)
        places = Destination.objects.filter(owner=note.owner, state=DestinationState.ACTIVE)
        for destination in [one for one in places if self.takes(one, note)][: 2 if both else 1]:
            self.post_as_before(note, destination, note.text)

    def post_as_before(self, note: Note, destination: Destination, text: str) -> None:
        """The site's former program posts; never twice at one place."""
        identity = town.names.get(destination.address)
        known = TownSync.old.setdefault(note.pk, [])
        if identity is not None and identity not in [town.copies[id_][0] for id_ in known if id_ in town.copies]:
            known.append(town.add(identity, f"notes.note:{note.pk}", text))

    @rule()
    def adopt(self) -> None:
        """A person runs `syncqueue adopt` for each destination."""
        for destination in Destination.objects.filter(state=DestinationState.ACTIVE):
            for _ in services.adopt_all(destination, dry_run=False, actor="the machine"):
                pass

    @rule(pick=PICKS)
    def raise_for_one(self, pick: int) -> None:
        """The site's own code raises for a note, until it is mended."""
        notes = list(Note.objects.order_by("pk"))
        TownSync.odd |= {notes[pick % len(notes)].pk} if notes else set()

    @rule(pick=PICKS, remove=st.booleans())
    def retire(self, pick: int, remove: bool) -> None:
        """A destination goes, with its copies or without."""
        others_are_left = Destination.objects.filter(state=DestinationState.ACTIVE).count() > 2
        if others_are_left and (destination := self.destination(pick)):
            services.retire(destination, remove_remote=remove, actor="the machine")
            same_place.forget()
            if not remove:
                identities = {town.names.get(destination.address), *destination.identities.values()}
                self.left |= {id_ for id_, (where, _, _) in town.copies.items() if where in identities}

    @rule(pick=PICKS)
    def edit(self, pick: int) -> None:
        if note := self.note(pick):
            note.text = self.text()
            note.save()

    @rule(pick=PICKS)
    def turn_privacy(self, pick: int) -> None:
        if note := self.note(pick):
            note.is_private = not note.is_private
            note.save()

    @rule(pick=PICKS)
    def turn_the_trash(self, pick: int) -> None:
        if note := self.note(pick):
            note.restore() if note.deleted_at else note.soft_delete()

    @rule(pick=PICKS)
    def hand_over(self, pick: int) -> None:
        if note := self.note(pick):
            if note.pk in TownSync.old:
                self.adopt_before()
                note.refresh_from_db()
            note.owner = self.users[1] if note.owner == self.users[0] else self.users[0]
            note.save()

    @rule(pick=PICKS, both=st.booleans())
    def share(self, pick: int, both: bool) -> None:
        """A note gets a second owner, or has one alone again."""
        if note := self.note(pick):
            if note.pk in TownSync.old:
                self.adopt_before()
                note.refresh_from_db()
            if both:
                TownSync.shared[note.pk] = next(user.pk for user in self.users if user.pk != note.owner_id)
            else:
                TownSync.shared.pop(note.pk, None)
            note.save()

    @rule(pick=PICKS, tag=st.integers(0, 1))
    def turn_a_tag(self, pick: int, tag: int) -> None:
        if note := self.note(pick):
            has = note.tags.filter(pk=self.tags[tag].pk).exists()
            (note.tags.remove if has else note.tags.add)(self.tags[tag])

    @rule(pick=PICKS, other=PICKS)
    def turn_where_it_goes(self, pick: int, other: int) -> None:
        """The site sends a note to a destination no longer, or again."""
        if (note := self.note(pick)) and (destination := self.destination(other)):
            TownSync.left_out ^= {(note.pk, destination.pk)}
            note.save()

    @rule(pick=PICKS, other=PICKS)
    def raise_where_it_goes(self, pick: int, other: int) -> None:
        """The site's own code raises for a note at one destination, until it is mended."""
        if (note := self.note(pick)) and (destination := self.destination(other)):
            TownSync.odd_at |= {(note.pk, destination.pk)}
            note.save()

    @rule(pick=PICKS, begin=st.sampled_from([None, -1, 1, 2]), end=st.sampled_from([None, 1, 3]))
    def schedule(self, pick: int, begin: int | None, end: int | None) -> None:
        if note := self.note(pick):
            now = self.clock.now()
            TownSync.times[note.pk] = (begin and now + begin * HOUR, end and now + end * HOUR)
            note.save()

    @rule(pick=PICKS)
    def delete(self, pick: int) -> None:
        if note := self.note(pick):
            note.delete()

    @rule(pick=PICKS, address=st.sampled_from(["@place0", "-1", "@place1", "-2", "@place2"]))
    def move(self, pick: int, address: str) -> None:
        """The destination gets another address: another spelling, or another place."""
        if (destination := self.destination(pick)) and address in town.names:
            if TownSync.old:
                self.adopt_before()  # what the site knows of copies from before is about the place of before
                destination.refresh_from_db()
            destination.address = address
            destination.broken_reason = ""
            destination.save()
            same_place.forget()
            self.touch(destination)

    @rule(n=st.integers(0, 2))
    def rename(self, n: int) -> None:
        """A place takes another name; its number stays."""
        old, new = (f"@place{n}", f"@renamed{n}")
        if old in town.names:
            self.come_to_rest()  # copies have their identity by now
            town.names[new] = town.names.pop(old)
            for destination in Destination.objects.filter(address=old):
                destination.address = new
                destination.save()
            same_place.forget()

    @rule(pick=PICKS, rule_name=st.sampled_from(["all", "public", "private", "tag"]), value=st.sampled_from(TAGS))
    def change_rule(self, pick: int, rule_name: str, value: str) -> None:
        if destination := self.destination(pick):
            destination.rule, destination.rule_value = rule_name, value if rule_name == "tag" else ""
            destination.save()
            same_place.forget()
            self.touch(destination)

    @rule(faults=st.lists(st.sampled_from(FAULTS), min_size=1, max_size=3))
    def break_the_town(self, faults: list[str]) -> None:
        town.faults += faults

    @rule(hours=st.sampled_from([0.5, 1, 2]))
    def pass_time(self, hours: float) -> None:
        self.clock.advance(hours * 3600)
        take_due(["town"], self.clock.now(), 100)

    @rule(pick=PICKS)
    def attempt_one(self, pick: int) -> None:
        """A worker makes one attempt, however it goes."""
        waiting = list(SyncRecord.objects.filter(state=RecordState.WAITING, due_at=None).order_by("pk"))
        if waiting:
            self.attempt([waiting[pick % len(waiting)]])

    @rule()
    def come_to_rest(self) -> None:
        """The town is well, and workers do all that can be done."""
        town.faults = []
        TownSync.odd, TownSync.odd_at = set(), set()
        source = source_for(Note)
        assert source is not None
        for _ in range(30):
            take_due(["town"], self.clock.now(), 100)
            for walk in walks.requested(source):
                list(walks.advance(source, walk))
            waiting = list(SyncRecord.objects.filter(state=RecordState.WAITING, due_at=None).order_by("pk"))
            if not waiting:
                break
            self.attempt(waiting)
        destinations.finish_retirements()
        self.judge()

    # The judgement

    def judge(self) -> None:
        resting = SyncRecord.objects.exclude(state=RecordState.WAITING, due_at=None)
        failures = "\n".join(resting.filter(state=RecordState.FAILED).values_list("error", flat=True))
        unsettled = SyncRecord.objects.filter(state=RecordState.WAITING, due_at=None)
        assert not unsettled.exists(), [(str(row), row.error) for row in unsettled]
        wanted = self.wanted()
        kept = self.kept(wanted)
        for id_, (identity, key, _) in town.copies.items():
            named = f"town:{id_}" in failures or any(
                f"{separator}{address}{end}" in failures
                for address in self.addresses_of(identity)
                for separator in ("(", ", ")
                for end in (",", ")")
            )
            assert (key, identity) in wanted or id_ in kept or id_ in self.left or named, (
                f"copy {id_} of {key} at {identity} is not wanted, and nothing names it: "
                f"{list(SyncRecord.objects.filter(object_pk=key.rpartition(':')[2]).values_list('state', 'error'))}"
            )
        for key, identity in wanted:
            if int(key.rpartition(":")[2]) in self.unnoticed:
                continue  # nobody has asked for more of it than what is there
            copies = [text for where, of, text in town.copies.values() if (where, of) == (identity, key)]
            note = Note.objects.get(pk=key.rpartition(":")[2])
            row = SyncRecord.objects.filter(object_pk=note.pk)
            excused = row.filter(state=RecordState.FAILED).exists()
            assert note.text in copies or excused, f"{key} is missing at {identity}: {copies} {list(row.values())}"

    def wanted(self) -> set[tuple[str, str]]:
        """Which object belongs at which place, as a person would say it."""
        return {
            (f"notes.note:{note.pk}", town.names[destination.address])
            for destination in Destination.objects.filter(state=DestinationState.ACTIVE)
            if destination.address in town.names
            for note in Note.objects.all()
            if destination.owner_id in (note.owner_id, TownSync.shared.get(note.pk))
            if (note.deleted_at is None or TownSync.keeps) and (note.pk, destination.pk) not in TownSync.left_out
            if self.is_in_time(note) and self.takes(destination, note)
        }

    def is_in_time(self, note: Note) -> bool:
        begin, end = TownSync.times.get(note.pk, (None, None))
        now = self.clock.now()
        return (begin is None or begin <= now) and (end is None or now < end)

    def takes(self, destination: Destination, note: Note) -> bool:
        match destination.rule:
            case "public":
                return not note.is_private
            case "private":
                return note.is_private
            case "tag":
                tags = [tag.strip() for tag in destination.rule_value.split(",")]
                return note.tags.filter(name__in=tags).exists()
        return True

    def kept(self, wanted: set[tuple[str, str]]) -> set[str]:
        """Copies at former places of destinations that show their object still."""
        found: set[str] = set()
        for row in SyncRecord.objects.select_related("destination"):
            place = town.names.get(row.destination.address, "")
            if (f"{row.source}:{row.object_pk}", place) in wanted:
                found |= {part["id"] for part in row.parts}
        return found

    def addresses_of(self, identity: str) -> list[str]:
        """All names that the place has or had."""
        n = PLACES.index(identity)
        return [identity, f"@place{n}", f"@renamed{n}"]

    # How it is done

    def adopt_before(self) -> None:
        """What a person does before places or owners change: the site knows of the former ones alone."""
        TownSync.odd = set()
        self.adopt()
        self.come_to_rest()

    def text(self) -> str:
        self.texts += 1
        return f"Text {self.texts}"

    def note(self, pick: int) -> Note | None:
        notes = list(Note.objects.order_by("pk"))
        if notes:
            self.unnoticed.discard(notes[pick % len(notes)].pk)  # it is saved now
        return notes[pick % len(notes)] if notes else None

    def destination(self, pick: int) -> Destination | None:
        rows = list(Destination.objects.filter(state=DestinationState.ACTIVE).order_by("pk"))
        return rows[pick % len(rows)] if rows else None

    def touch(self, destination: Destination) -> None:
        """What a person does after a change: sync its objects anew."""
        for note in Note.objects.filter(Q(owner_id=destination.owner_id) | Q(pk__in=list(TownSync.shared))):
            self.unnoticed.discard(note.pk)
            syncqueue.sync(note)
        for row in SyncRecord.objects.filter(destination=destination):
            row.renew(self.clock.now())
            row.save()

    def attempt(self, rows: list[SyncRecord]) -> None:
        async def run() -> None:
            executor = Executor(get_settings(), {"town": _NoQueue()}, self.database, self.clock)  # type: ignore[dict-item]
            for row in rows:
                task = record_task("town", row.pk, f"{row.source}:{row.object_pk}")
                claimed = ClaimedTask(task=task, token="t", progress=NO_PROGRESS)
                await executor.run(Run(service="town", claimed=[claimed], holds_active=False, leased=False))

        asyncio.run(run())


class _NoQueue:
    """Redis is away: the records alone say what waits."""

    async def enqueue_many(self, tasks: Any) -> None:
        """Nothing to do: the machine looks at the records."""


@pytest.fixture
def town_site(transactional_db: None) -> Iterator[None]:
    """A site whose notes go to the town."""
    before = source_for(Note)
    unregister(Note)
    register(Note)(TownSync)
    handlers = {"town": {"CLASS": f"{TownHandler.__module__}.TownHandler", "MAX_RETRIES": 3}}
    with ExitStack() as stack:
        stack.enter_context(override_settings(SYNCQUEUE={"REDIS": "redis://127.0.0.1:1/0", "HANDLERS": handlers}))
        stack.enter_context(captured_syncs())
        yield
    unregister(Note)
    assert before is not None
    register(Note)(type(before))


def test_nothing_rests_where_it_is_not_wanted(town_site: None) -> None:
    run_state_machine_as_test(
        WithdrawalMachine,
        settings=settings(
            max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
