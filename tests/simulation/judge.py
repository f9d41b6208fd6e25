"""What must hold, looked at from outside: what the services hold against what the notes want, and the queues' keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from syncqueue.core.hold import stopped
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.queue.keys import QueueKeys
from tests.contract.invariants import assert_each_task_in_one_place
from tests.simulation.database import Database
from tests.simulation.instead import BEGIN, Logs
from tests.simulation.kernel import Process, Simulation
from tests.simulation.plan import Plan
from tests.simulation.redis_server import RedisServer, ScriptCall
from tests.simulation.services import FORBIDDEN, SERVICES, STORE_SECONDS, Copy, first_address, pieces_of, spelled
from tests.simulation.site.models import Note

# A look at all keys costs some milliseconds; every so many calls there is one.
LOOK_EVERY = 23
# Texts of failed records that a person has to look after: trying again does not help.
_TO_LOOK_AT = ("A copy may be left at", "could not be removed", FORBIDDEN)
_WANTED, _UNWANTED, _MAYBE, _ANY = "wanted", "unwanted", "maybe", "any"
_LATE_MS = 1500
# How long a process may take to store the new address that it was told: it may stand still meanwhile.
FOLLOW_SECONDS = STORE_SECONDS + 90.0
# Which task is under which token, by the scripts that accept a lease: from ARGV, see syncqueue/queue/scripts/.
_TOKENS: Mapping[str, Callable[[tuple[str, ...]], list[tuple[str, str]]]] = {
    "retry": lambda args: [(args[1], args[2])],
    "fail": lambda args: [(args[1], args[2])],
    "ack": lambda args: _ids_and_tokens(args[1]),
    "extend": lambda args: _ids_and_tokens(args[2]),
    "release": lambda args: list(zip(args[1::3], args[2::3], strict=True)),
}


class Judge:
    """Looks at one run."""

    def __init__(self, plan: Plan, simulation: Simulation, redis: RedisServer, database: Database, logs: Logs) -> None:
        self._plan, self._simulation, self._redis = plan, simulation, redis
        self._database, self._logs = database, logs
        self._keys = {name: QueueKeys("sync", name) for name in plan.services}
        self._calls = 0
        self._forgot_at = float("-inf")
        self._jobs: dict[str, float] = {}
        self._rules: dict[int, list[tuple[float, str, str]]] = {}
        self._retired: dict[str, tuple[float, bool]] = {}  # by the first address: when, and whether all copies go
        self._deleted_at: dict[str, float] = {}  # by key: "simulated.note:7"
        self._moved_at: dict[str, float] = {}  # by the first address: when it had another one last
        self.clocks_jumped = False
        self.redis_jumped_at = float("-inf")
        self.was_cleared = any(step.kind == "clear" for step in plan.steps)
        self._is_tried_again = False
        simulation.on_advance = self._before_time_passes

    # What the run tells

    def redis_forgot(self) -> None:
        self._forgot_at = self._simulation.now

    def enqueued(self, name: str, key: str | None, at: float) -> None:
        if key is None:
            self._jobs[name] = at

    def rule_changed(self, destination: Destination) -> None:
        rules = self._rules.setdefault(destination.pk, [])
        rules.append((self._simulation.now, destination.rule, destination.rule_value))

    def retired(self, destination: Destination, remove: bool) -> None:
        first = first_address(destination.address)
        # Of two at once, one is enough to leave the copies.
        began, all_go = self._retired.get(first, (self._simulation.now, True))
        self._retired[first] = began, remove and all_go

    def deleted(self, key: str) -> None:
        self._deleted_at[key] = self._simulation.now

    def moved(self, address: str) -> None:
        self._moved_at[first_address(address)] = self._simulation.now

    def all_was_tried_again(self) -> None:
        self._is_tried_again = True

    # At every moment

    def watch(self, call: ScriptCall | None) -> Callable[[Any], None]:
        """I3, and that nothing is lost which waits behind a task in processing."""
        self._calls += 1
        if self._calls % LOOK_EVERY == 0:
            self.look_at_redis()
        keys = next((keys for keys in self._keys.values() if call and keys["queue"] == call.first_key), None)
        if call is None or keys is None:
            return lambda answer: None
        behind = self._all_of(keys["behind"])
        tokens = _TOKENS[call.name](call.args) if call.name in _TOKENS else []
        leases = self._all_of(keys["leases"]) if tokens else {}

        def compare(answer: Any) -> None:
            self._compare_behind(call, keys, behind)
            if not tokens:
                return
            for (id_, token), is_accepted in zip(tokens, answer if isinstance(answer, list) else [answer], strict=True):
                if int(is_accepted) and leases.get(id_, " ")[1:] != token:
                    self._simulation.found(f"{call.name} of {id_} is accepted with the token of an ended lease")

        return compare

    def _all_of(self, key: str) -> dict[str, str]:
        return self._redis.raw.hgetall(key) if self._redis.has(key) else {}

    def _compare_behind(self, call: ScriptCall, keys: QueueKeys, before: dict[str, str]) -> None:
        if not before:
            return
        after = self._all_of(keys["behind"])
        for id_, waiting in before.items():
            if id_ not in after and self._redis.raw.hget(keys["bodies"], id_) != waiting[13:]:
                self._simulation.found(f"{call.name} loses what waits behind {id_}")

    def look_at_redis(self) -> None:
        """I1."""
        for name, keys in self._keys.items():
            try:
                self._redis.at_work(lambda keys=keys: assert_each_task_in_one_place(self._redis.raw, keys))  # type: ignore[misc]
            except AssertionError as error:
                self._simulation.found(f"{name}: {str(error)[:300]}")

    def check_lease(self, task_id: str, token: str, process: Process) -> None:
        """I3: who begins holds the lease, or could not know that it does not any more."""
        extended_at = self._redis.extended_at.get(token, self._simulation.now)
        lease = self._redis.raw.hget(self._keys["jobs"]["leases"], task_id) or " "
        if lease[1:] == token or max(self.redis_jumped_at, self._forgot_at) >= extended_at:
            return
        if not process.was_stopped_between(extended_at, self._simulation.now):
            self._simulation.found(f"{process.name} begins {task_id} without its lease")

    def _before_time_passes(self, seconds: float) -> None:
        """Nothing is there to claim while all sleep (where nothing fails that could have taken the token)."""
        if seconds < 0.3 or not self._plan.is_calm:
            return
        sleeping, raw = self._redis.sleeping_keys, self._redis.raw
        workers = sum(1 for one in self._simulation.processes if one.name.startswith("worker") and one.alive)
        now_ms = (BEGIN + self._simulation.now + self._redis.clock_ahead) * 1000
        for name, keys in self._keys.items():
            if not any(self._redis.has(keys[name]) for name in ("queue", "delayed")):
                continue
            if not workers or sleeping.get(keys["wake"], 0) < workers or raw.zscore(keys["holds"], "pause"):
                continue
            pending = raw.zrange(keys["queue"], 0, -1)
            due = raw.zrangebyscore(keys["delayed"], "-inf", now_ms - _LATE_MS)
            lanes = set(raw.hvals(keys["lanes"]))
            lifted = lanes & set(raw.zrangebyscore(keys["holds"], "-inf", now_ms - _LATE_MS))
            for what, found in (("pending", pending), ("due", due), ("behind lifted holds", sorted(lifted))):
                if found:
                    self._simulation.found(f"{name}: all workers sleep while there is something {what}: {found[:5]}")

    # At rest

    def differences(self) -> list[str]:
        """What is not (yet) as it must be in the end."""
        return [*self._wrong_copies(), *self._wrong_queues(), *self._wrong_jobs(), *self._wrong_logs()]

    def _now(self) -> datetime:
        return datetime.fromtimestamp(BEGIN, UTC) + timedelta(seconds=self._simulation.now)

    def _wrong_copies(self) -> Iterator[str]:
        notes = {f"simulated.note:{note.pk}": note for note in Note.objects.order_by("pk")}
        places = list(Destination.objects.order_by("pk"))
        records = {
            (f"{row.source}:{row.object_pk}", row.destination_id): row
            for row in SyncRecord.objects.prefetch_related("orphans")
        }
        copies: dict[tuple[str, str], list[Copy]] = {}
        for service in SERVICES.values():
            if service.name != "jobs":
                for copy in service.copies.values():
                    copies.setdefault((first_address(copy.address), copy.key), []).append(copy)
        together: dict[tuple[str, str], list[Destination]] = {}
        for place in places:
            together.setdefault((place.service, spelled(place.address)), []).append(place)
        here = {address for _, address in together}
        for (service, now_at), group in together.items():
            first, ids = first_address(now_at), [place.pk for place in group]
            keys = dict.fromkeys([*notes, *(key for address, key in copies if address == first)])
            keys |= dict.fromkeys(key for key, destination_id in records if destination_id in ids)
            for key in keys:
                found = {pk: records.get((key, pk)) for pk in ids}
                ours = {part["id"] for row in found.values() if row is not None for part in row.parts}
                of_others = {
                    part["id"]
                    for (about, destination_id), row in records.items()
                    if about == key and destination_id not in ids and row.service == service
                    for part in row.parts
                }
                there = [
                    copy
                    for copy in copies.get((first, key), [])
                    if copy.id in ours
                    # Otherwise it may be of a destination that has gone to another place, or come from one.
                    or not (copy.id in of_others or (copy.address != now_at and copy.address in here))
                    and not (copy.heard_at is None and first in self._moved_at and self._was_shared(first))
                ]
                name = f"{key} at {', '.join(place.name for place in group)}"
                if len(group) > 1:
                    wrong = self._wrong_at_one_place(notes.get(key), group, found, there)
                else:
                    wrong = self._wrong_copy(notes.get(key), group[0], found[group[0].pk], there)
                for text in wrong:
                    yield f"{name}: {text}"
        known = {first_address(place.address) for place in places}
        for (address, key), there in copies.items():
            there = [copy for copy in there if not self._is_lost_further_part(copy) and not self._was_left(copy)]
            if there and address not in known:
                yield f"{key}: a copy is left at {address}, which was retired: {[copy.id for copy in there]}"

    def _wrong_at_one_place(
        self,
        note: Note | None,
        group: Sequence[Destination],
        records: Mapping[int, SyncRecord | None],
        copies: list[Copy],
    ) -> Iterator[str]:
        """Of destinations at one place: it shows an object once, if any of them wants it."""
        off = [one.pk for one in group if _is_off(one)]
        wishes = [self._wish(note, one) for one in group if one.pk not in off]
        rows = [row for row in records.values() if row is not None]
        if _ANY in wishes or any(row.state == RecordState.ABANDONED for row in rows):
            return
        acting = [row for row in rows if row.destination_id not in off]
        for row in acting:
            if row.state == RecordState.WAITING and not self._is_to_come(row):
                yield f"waits, generation {row.generation[:6]}, {row.error!r}"
                return
        if failed := [row for row in acting if row.state in (RecordState.FAILED, RecordState.UNKNOWN)]:
            for row in failed:
                yield from self._wrong_failure(note, row)
            return
        if _WANTED not in wishes:
            if off:  # it keeps its copies
                return
            copies = [copy for copy in copies if not self._is_lost_further_part(copy) and not self._is_leftover(copy)]
            if copies and _MAYBE not in wishes:
                yield f"copies that nobody wants: {_ids(copies)}"
            return
        assert note is not None
        place = group[0]
        parts = [part for row in rows for part in row.parts]
        if not parts and self._has_left(note, place):
            return
        if sum(bool(row.parts) for row in rows) > 1 and self._may_not_know_each_other(group):
            return
        by_id = {copy.id: copy for copy in copies}
        # Two records may know the one row of an index.
        here = list(dict.fromkeys(part["id"] for part in parts if spelled(part["address"]) == spelled(place.address)))
        shown = [by_id[id_].text if id_ in by_id else "(gone)" for id_ in here]
        wanted = pieces_of(note.text) if place.service == "plain" else [note.text]
        if shown != wanted and not (parts and not here and self._moved_since(note, place)):
            yield f"shows {shown} where {wanted} is wanted, {[_state(row) for row in rows]}"
        extra = [
            copy for copy in copies if copy.id not in {part["id"] for part in parts} and not self._is_leftover(copy)
        ]
        if unexplained := [copy for copy in extra if not self._is_explained(copy)]:
            yield f"doubled without a cause: {_ids(unexplained)} beside {here}"

    def _has_left(self, note: Note, place: Destination) -> bool:
        """A known limit (docs/reliability.md): another destination showed the note here, and has gone elsewhere."""
        first = first_address(place.address)
        has_gone = not self._retired.get(first, (0.0, True))[1] or self._moved_since(note, place)
        return self._was_shared(first) and has_gone

    def _may_not_know_each_other(self, group: Sequence[Destination]) -> bool:
        """Known limits: another process has just given one this address, or one broke before it was looked up."""
        must_be_looked_up = group[0].service == "keyed" or len({one.address for one in group}) > 1
        was_broken = any(step.kind == "service" and step.given["how"] == "refuse" for step in self._plan.steps)
        return first_address(group[0].address) in self._moved_at or (must_be_looked_up and was_broken)

    def _was_shared(self, first: str) -> bool:
        return sum(first_address(one["address"]) == first for one in self._plan.destinations) > 1

    def _is_leftover(self, copy: Copy) -> bool:
        """Whether it may be of another destination, which was at the same place and left it."""
        return self._was_shared(first_address(copy.address)) and self._was_left(copy)

    def _was_left(self, copy: Copy) -> bool:
        """Whether a destination may have left a copy when it was retired."""
        began, all_go = self._retired.get(first_address(copy.address), (0.0, True))
        return not all_go and not self._deleted_at.get(copy.key, began) < began

    def _wrong_failure(self, note: Note | None, record: SyncRecord) -> Iterator[str]:
        is_forbidden = note is not None and FORBIDDEN in note.text
        if not record.error:
            yield "failed without a reason"
        elif note is not None and FORBIDDEN in record.error and not is_forbidden and not self._is_old_letter():
            yield f"failed for a reason that is over: {record.error!r}"
        if self._is_tried_again and not is_forbidden and not any(one in record.error for one in _TO_LOOK_AT):
            yield f"still failed: {record.error!r}"

    def _wrong_copy(
        self, note: Note | None, place: Destination, record: SyncRecord | None, copies: list[Copy]
    ) -> Iterator[str]:
        wish = self._wish(note, place)
        if wish == _ANY or (record is not None and record.state == RecordState.ABANDONED):
            return
        if record is not None and record.state == RecordState.WAITING and not self._is_to_come(record):
            yield f"waits, generation {record.generation[:6]}, {record.error!r}"
            return
        if record is not None and record.state in (RecordState.FAILED, RecordState.UNKNOWN):
            yield from self._wrong_failure(note, record)
            return
        if wish != _WANTED:
            left = [copy for copy in copies if not self._is_lost_further_part(copy) and not self._is_leftover(copy)]
            if place.is_retiring:  # the note was deleted after that
                left = [copy for copy in left if not self._was_left(copy)]
            if not left:
                return
            if wish == _UNWANTED:
                yield f"copies that nobody wants, and a record that says {_state(record)}: {_ids(left)}"
                return
        assert note is not None
        if record is None:
            yield "wanted, and without a record"
            return
        if not record.parts and self._has_left(note, place):
            return
        ours = {part["id"] for part in record.parts}
        by_id = {copy.id: copy for copy in copies}
        here = [part["id"] for part in record.parts if spelled(part["address"]) == spelled(place.address)]
        shown = [by_id[id_].text if id_ in by_id else "(gone)" for id_ in here]
        wanted = pieces_of(note.text) if place.service == "plain" else [note.text]
        if shown != wanted and not (ours and not here and self._moved_since(note, place)):
            yield f"shows {shown} where {wanted} is wanted, {_state(record)}"
        extra = [copy for copy in copies if copy.id not in ours and not self._is_leftover(copy)]
        unexplained = [
            copy
            for copy in extra
            if (place.service != "plain" and copy.address == spelled(place.address)) or not self._is_explained(copy)
        ]
        if unexplained:
            yield f"doubled without a cause: {_ids(unexplained)} beside {sorted(ours)}"

    def _is_old_letter(self) -> bool:
        """A known limit (docs/reliability.md): by its clock the save is older than a dead letter that came back."""
        return self.clocks_jumped and self._forgot_at > float("-inf")

    def _moved_since(self, note: Note, place: Destination) -> bool:
        """Whether nothing has asked for the note at the new address yet: its copies at the former one stay then."""
        first = first_address(place.address)
        if first not in self._moved_at:
            return False
        followed_at = SERVICES[place.service].told_at.get(first, float("-inf")) + FOLLOW_SECONDS
        moved_at = max(self._moved_at[first], followed_at)
        return self.clocks_jumped or note.updated_at.timestamp() - BEGIN < moved_at

    def _is_to_come(self, record: SyncRecord) -> bool:
        return record.due_at is not None and record.due_at > self._now()

    def _is_explained(self, copy: Copy) -> bool:
        """Whether nobody could know of a second copy: the answer was lost, or whoever had it could not store it."""
        heard = copy.heard_at
        if heard is None:
            return True
        # Who stood still stores late: the copy is noted for removal then, unless that fails too.
        frozen = [till for since, till in copy.sender.frozen_spans if since <= heard + STORE_SECONDS and till >= heard]
        end = max([heard, *frozen]) + STORE_SECONDS
        killed_at = copy.sender.killed_at
        if killed_at is not None and heard - 1.0 <= killed_at <= end:
            return True
        return any(heard - 1.0 <= at <= end for at in self._database.fault_times)

    def _is_lost_further_part(self, copy: Copy) -> bool:
        """A known limit (docs/reliability.md): the first part is known, and the answer to the second was lost."""
        return copy.text.endswith("2/2") and self._is_explained(copy)

    def _wish(self, note: Note | None, place: Destination) -> str:
        if place.is_retiring:
            return _UNWANTED if place.remove_remote or note is None else _ANY
        if _is_off(place):
            return _ANY
        if note is None or note.is_draft:
            return _UNWANTED
        now = self._now()
        if note.live_until is not None and note.live_until <= now:
            return _UNWANTED
        if note.live_from is not None and note.live_from > now:
            return _UNWANTED
        if place.owner_id is not None and place.owner_id != note.owner_id:
            return _UNWANTED
        takes = {_takes(rule, value, note) for rule, value in self._rules_since(note, place)}
        if takes == {False}:
            return _UNWANTED
        if takes == {True, False} or (place.owner_id is None and note.owner_id is not None):
            return _MAYBE
        if place.start_at is not None and note.created_at < place.start_at:
            return _MAYBE
        return _WANTED

    def _rules_since(self, note: Note, place: Destination) -> set[tuple[str, str]]:
        """The rules that an attempt may have met since the last change of the note."""
        changes = self._rules.get(place.pk, [])
        if not changes:
            return {(place.rule, place.rule_value)}
        since = note.updated_at.timestamp() - BEGIN - 5.0
        if self.clocks_jumped:
            since = 0.0
        found = {(place.rule, place.rule_value)} | {(rule, value) for at, rule, value in changes if at >= since}
        before = [(rule, value) for at, rule, value in changes if at < since]
        first = next((one for one in self._plan.destinations if one["name"] == place.name), None)
        if before:
            found.add(before[-1])
        elif first is not None:
            found.add((first["rule"], first["rule_value"]))
        else:
            found.add(("all", ""))
        return found

    def _wrong_queues(self) -> Iterator[str]:
        raw = self._redis.raw
        off = {stopped(place.pk).name for place in Destination.objects.filter(enabled=False)}
        for name, keys in self._keys.items():
            parked = {id_ for id_, hold in self._all_of(keys["lanes"]).items() if hold in off}
            for key in ("queue", "delayed", "processing", "leases", "behind", "parked", "lanes", "probes"):
                kind = raw.type(keys[key])
                if kind != "none":
                    held = raw.zrange(keys[key], 0, -1) if kind == "zset" else list(raw.hgetall(keys[key]))
                    if held := [one for one in held if one.split(" ")[-1] not in parked]:
                        yield f"{name}: {key} is not empty: {held[:5]}"
            holds = [hold for hold in raw.zrange(keys["holds"], 0, -1) if hold not in off]
            if holds:
                yield f"{name}: holds are left: {holds}"

    def _wrong_jobs(self) -> Iterator[str]:
        if not self._jobs or self.was_cleared:
            return
        done, raw = SERVICES["jobs"].copies, self._redis.raw
        failed = raw.zcard(self._keys["jobs"]["failed"]) if not self._is_tried_again else 0
        for name, at in self._jobs.items():
            if name not in done and at > self._forgot_at and not failed:
                yield f"{name} was never done"

    def _wrong_logs(self) -> Iterator[str]:
        if not self._plan.is_calm:
            return
        for at, record in self._logs.records:
            if "were not in the queue" in str(record.msg):
                yield f"{record.getMessage()} at {at:.1f}, and nothing had failed"


def _ids_and_tokens(lines: str) -> list[tuple[str, str]]:
    found = []
    for line in lines.splitlines():
        id_, token = line.split(" ")[:2]
        found.append((id_, token))
    return found


def _takes(rule: str, value: str, note: Note) -> bool:
    match rule:
        case "public":
            return not note.is_private
        case "private":
            return note.is_private
        case "tag":
            return note.tag == value
    return True


def _is_off(place: Destination) -> bool:
    return not place.enabled and not place.is_retiring


def _state(record: SyncRecord | None) -> str:
    return "nothing" if record is None else f"{record.state} {record.error!r}"


def _ids(copies: list[Copy]) -> Mapping[str, str]:
    return {copy.id: copy.text for copy in copies}
