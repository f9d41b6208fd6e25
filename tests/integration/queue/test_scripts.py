"""Each script on a real server: a state is written, the script runs, every key is compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from syncqueue.core.clock import ManualClock
from syncqueue.core.task import ClaimedTask, Progress, SyncTask, TaskState, encode_body, encode_progress, to_ms
from syncqueue.queue.calls import Call, Calls, Request, Restored
from syncqueue.queue.connection import sync_client
from syncqueue.queue.keys import QueueKeys
from syncqueue.queue.sync import SyncQueue
from tests.contract.invariants import assert_each_task_in_one_place, dump
from tests.redis_server import RedisServer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_MS = to_ms(NOW)
MADE = datetime(2026, 3, 1, 11, tzinfo=UTC)
MADE_MS = to_ms(MADE)
MINUTE = NOW_MS // 60_000
BAND = PARKED = 10**15
FOREVER = 9 * 10**15
TOKEN = "0123456789abcdef"
RATE = "rate:destination:1"
BREAKER = "breaker:host:443"
KEYS = QueueKeys("sync", "telegram")


def made(key: str, **fields: Any) -> SyncTask:
    return SyncTask("telegram", "x", "e:1", {"key": key}, key=key, created_at=MADE, **fields)


A, A2, B = made("a"), made("a", priority="high"), made("b")
TICK = BAND + NOW_MS * 100  # the ready time of now, normal priority
ONCE = Progress(attempt_count=1)
STAMPED = {"site": "s"}
HELD = {"processing": {A.id: NOW_MS + 500}, "leases": {A.id: "1" + TOKEN}, "bodies": {A.id: encode_body(A)}}
BEHIND = {"behind": {A.id: f"{0:013}{encode_body(A2)}"}}
PENDING = {"queue": {A.id: TICK - 9}, "bodies": {A.id: encode_body(A)}}
DELAYED = {"delayed": {A.id: NOW_MS - 1}, "bodies": {A.id: encode_body(A)}}
FAILED = {
    "failed": {A.id: NOW_MS - 5},
    "bodies": {A.id: encode_body(A)},
    "progress": {A.id: encode_progress(ONCE)},
}
LANE = {
    "delayed": {A.id: PARKED + MADE_MS},
    "parked": {f"{RATE} {MADE_MS:013} {A.id}": 0},
    "lanes": {A.id: RATE},
    "bodies": {A.id: encode_body(A)},
}
BREAKER_LANE = {
    **LANE,
    "parked": {f"{BREAKER} {MADE_MS:013} {A.id}": 0},
    "lanes": {A.id: BREAKER},
}
SINCE = NOW_MS - 7_800_000
OUTAGE = {f"{BREAKER} since": str(SINCE)}
WAITED = {"waited": {A.id: f"{SINCE} {BREAKER}"}}
HOLD = {"holds": {RATE: NOW_MS + 30_000}, "reasons": {RATE: f"{NOW_MS:013}slow"}}
LIFTED = {"holds": {RATE: 0}, "reasons": {RATE: f"{NOW_MS:013}slow"}}
WAKE = {"wake": ["1"]}
HIGH_PENDING = {"queue": {A.id: NOW_MS * 100 + 1}, "bodies": {A.id: encode_body(A2)}, **WAKE}
NEW_PENDING = {"queue": {A.id: TICK + 1}, "bodies": {A.id: encode_body(A)}, **WAKE}


def counted(what: str, *, tick: int = 0) -> dict[str, Any]:
    counters = {what: "1"}
    if what != "retried":
        counters[f"last_{what}_at"] = str(NOW_MS)
    if tick:
        counters["tick"] = str(NOW_MS * 100 + tick)
    return {"counters": counters, "history": {f"{MINUTE} {what}": "1"}}


TICKED = {"counters": {"tick": str(NOW_MS * 100 + 1)}}
HOLDER = ClaimedTask(task=A, token=TOKEN, progress=ONCE)


@dataclass(frozen=True)
class Case:
    before: dict[str, Any]
    call: Any  # of Calls
    answer: Any
    after: dict[str, Any]
    claims: dict[str, str] = field(default_factory=dict)
    trash: dict[int, list[str]] = field(default_factory=dict)


def _claim(calls: Calls) -> Call[Any]:
    return calls.claim(5, consumer="c", token=TOKEN, lease_seconds=60, probe_seconds=60)


def _lease(calls: Calls) -> Call[Any]:
    return calls.enqueue_leased([A], [[RATE]], token=TOKEN, lease_seconds=60, probe_seconds=60)


def _admit(calls: Calls) -> Call[Any]:
    return calls.admit([Request(claimed=HOLDER, holds=[RATE])], probe_seconds=60)


CLAIMED = {
    "processing": {A.id: NOW_MS + 60_000},
    "leases": {A.id: "0" + TOKEN},
    "bodies": {A.id: encode_body(A)},
}
CLAIM_KEPT = {"c": TOKEN + A.id}

CASES = {
    "enqueue": Case({}, lambda c: c.enqueue([A]), ["new"], {**NEW_PENDING, **TICKED, **STAMPED}),
    "enqueue, delayed": Case(
        {},
        lambda c: c.enqueue([made("a", run_at=NOW.replace(hour=13))]),
        ["new"],
        {"delayed": {A.id: NOW_MS + 3_600_000}, "bodies": {A.id: encode_body(A)}, **WAKE, **STAMPED},
    ),
    "enqueue, pending": Case(
        {**PENDING, **STAMPED},
        lambda c: c.enqueue([A2]),
        ["replaced"],
        {"queue": {A.id: TICK - 9 - BAND}, "bodies": {A.id: encode_body(A2)}, **STAMPED},
    ),
    "enqueue, parked": Case(
        {**LANE, **HOLD, **STAMPED},
        lambda c: c.enqueue([A2]),
        ["replaced"],
        {**LANE, "bodies": {A.id: encode_body(A2)}, **HOLD, **STAMPED},
    ),
    "enqueue, held": Case({**HELD, **STAMPED}, lambda c: c.enqueue([A2]), ["behind"], {**HELD, **BEHIND, **STAMPED}),
    "enqueue, failed": Case(
        {**FAILED, **STAMPED}, lambda c: c.enqueue([A]), ["replaced"], {**NEW_PENDING, **TICKED, **STAMPED}
    ),
    "lease": Case({}, _lease, None, {**CLAIMED, "leases": {A.id: "1" + TOKEN}, **STAMPED}),
    "lease, under a hold": Case({**HOLD}, _lease, None, {**LANE, **HOLD, **STAMPED}),
    "claim": Case({**PENDING, **STAMPED, **WAKE}, _claim, None, {**CLAIMED, **STAMPED, **WAKE}, claims=CLAIM_KEPT),
    "claim, from a lifted lane": Case(
        {**LANE, **LIFTED, **STAMPED},
        _claim,
        None,
        {**CLAIMED, **STAMPED},
        claims=CLAIM_KEPT,
    ),
    "claim, a breaker's probe": Case(
        {
            **LANE,
            "parked": {f"{BREAKER} {MADE_MS:013} {A.id}": 0},
            "lanes": {A.id: BREAKER},
            "holds": {BREAKER: NOW_MS},
            **STAMPED,
        },
        _claim,
        None,
        {
            **CLAIMED,
            "leases": {A.id: "2" + TOKEN},
            "holds": {BREAKER: NOW_MS + 60_000},
            "counters": {"turn": "1"},
            **STAMPED,
        },
        claims=CLAIM_KEPT,
    ),
    "claim, nothing there": Case({**STAMPED}, _claim, None, {**STAMPED}),
    "extend": Case(
        {**HELD, "leases": {A.id: "0" + TOKEN}},
        lambda c: c.extend([(A.id, TOKEN)], 60),
        [True],
        {**HELD, "processing": {A.id: NOW_MS + 60_000}},
    ),
    "ack": Case(HELD, lambda c: c.ack([(A.id, TOKEN)]), [True], counted("processed")),
    "ack, one waits behind": Case(
        {**HELD, **BEHIND, "progress": {A.id: "{}"}},
        lambda c: c.ack([(A.id, TOKEN)]),
        [True],
        {**HIGH_PENDING, **counted("processed", tick=1)},
    ),
    "ack, with its length": Case(
        HELD,
        lambda c: c.ack([(A.id, TOKEN)], [0.3]),
        [True],
        {
            **counted("processed"),
            "counters": {**counted("processed")["counters"], "took 500": "1", "took_ms": "300"},
        },
    ),
    "ack, stale": Case(HELD, lambda c: c.ack([(A.id, "other")]), [False], HELD),
    "retry": Case(
        HELD,
        lambda c: c.retry(HOLDER, NOW.replace(minute=1), ONCE),
        True,
        {
            "delayed": {A.id: NOW_MS + 60_000},
            "bodies": {A.id: encode_body(A)},
            "progress": {A.id: encode_progress(ONCE)},
            **WAKE,
            **counted("retried"),
        },
    ),
    "retry, parked": Case(
        {**HELD, **HOLD},
        lambda c: c.retry(HOLDER, NOW, ONCE, RATE),
        True,
        {**LANE, **HOLD, "progress": {A.id: encode_progress(ONCE)}, **counted("retried")},
    ),
    "retry, the hold was lifted meanwhile": Case(
        HELD,
        lambda c: c.retry(HOLDER, NOW, ONCE, RATE),
        True,
        {
            **LANE,
            "holds": {RATE: 0},
            "progress": {A.id: encode_progress(ONCE)},
            **WAKE,
            **counted("retried"),
        },
    ),
    "retry, one waits behind": Case(
        {**HELD, **BEHIND},
        lambda c: c.retry(HOLDER, NOW, ONCE),
        True,
        {**HIGH_PENDING, **counted("retried", tick=1)},
    ),
    "fail": Case(
        HELD,
        lambda c: c.fail(A.id, TOKEN, ONCE),
        True,
        {
            "failed": {A.id: NOW_MS},
            "bodies": {A.id: encode_body(A)},
            "progress": {A.id: encode_progress(ONCE)},
            **counted("failed"),
        },
    ),
    "release": Case(
        HELD,
        lambda c: c.release([HOLDER]),
        [True],
        {"queue": {A.id: BAND + MADE_MS * 100}, "bodies": {A.id: encode_body(A)}, **WAKE},
    ),
    "admit": Case(HELD, _admit, None, HELD),
    "admit, under a hold": Case({**HELD, **HOLD}, _admit, None, {**LANE, **HOLD}),
    "promote": Case(DELAYED, lambda c: c.promote(5), 1, {**NEW_PENDING, **TICKED}),
    "promote, a parked one by name": Case(
        {**LANE, **HOLD}, lambda c: c.promote(1, [A.id]), 1, {**NEW_PENDING, **TICKED, **HOLD}
    ),
    "recover, not begun": Case(
        {**HELD, "processing": {A.id: NOW_MS}, "leases": {A.id: "0" + TOKEN}},
        lambda c: c.recover(5),
        None,
        {**NEW_PENDING, **TICKED},
    ),
    "recover, one waits behind": Case(
        {**HELD, **BEHIND, "processing": {A.id: NOW_MS}},
        lambda c: c.recover(5),
        None,
        {**HIGH_PENDING, **TICKED},
    ),
    "recover, still held": Case(HELD, lambda c: c.recover(5), None, HELD),
    "requeue": Case(FAILED, lambda c: c.requeue([A.id]), 1, {**NEW_PENDING, **TICKED}),
    "remove, failed": Case(FAILED, lambda c: c.remove(TaskState.FAILED, [A.id]), [True], {}),
    "remove, parked": Case({**LANE, **HOLD}, lambda c: c.remove(TaskState.DELAYED, [A.id]), [True], HOLD),
    "remove, held": Case(HELD, lambda c: c.remove(TaskState.PENDING, [A.id]), [False], HELD),
    "hold": Case({}, lambda c: c.hold(RATE, 30, "slow"), 1, {**HOLD, **WAKE}),
    "hold, until lifted": Case(
        {},
        lambda c: c.hold(RATE, None, ""),
        1,
        {"holds": {RATE: FOREVER}, **WAKE},
    ),
    "lift": Case(HOLD, lambda c: c.lift([RATE]), 1, WAKE),
    "lift, with a lane": Case({**LANE, **HOLD}, lambda c: c.lift([RATE]), 1, {**LANE, **LIFTED, **WAKE}),
    "lift, a breaker": Case(
        {"holds": {BREAKER: NOW_MS + 9}, "strikes": {"host:443": "5 t"}}, lambda c: c.lift([BREAKER]), 1, WAKE
    ),
    "strike": Case(
        {},
        lambda c: c.strike("host:443", failures=2, open_seconds=30, token="t", reason="away"),
        False,
        {"strikes": {"host:443": "1 t"}},
    ),
    "strike, the last": Case(
        {"strikes": {"host:443": "1 s"}},
        lambda c: c.strike("host:443", failures=2, open_seconds=30, token="t", reason="away"),
        True,
        {
            "strikes": {"host:443": "2 t"},
            "outages": {f"{BREAKER} since": str(NOW_MS)},
            "holds": {BREAKER: NOW_MS + 30_000},
            "reasons": {BREAKER: f"{NOW_MS:013}away"},
            **WAKE,
        },
    ),
    "strike, away again while its lane is leaving": Case(
        {**BREAKER_LANE, "holds": {BREAKER: 0}, "outages": {**OUTAGE, f"{BREAKER} until": str(NOW_MS - 3)}},
        lambda c: c.strike("host:443", failures=9, open_seconds=30, token="t", reason="away"),
        True,
        {
            **BREAKER_LANE,
            "strikes": {"host:443": "1 t"},
            "outages": OUTAGE,
            "holds": {BREAKER: NOW_MS + 30_000},
            "reasons": {BREAKER: f"{NOW_MS:013}away"},
            **WAKE,
        },
    ),
    "lift, the end of an outage": Case(
        {**BREAKER_LANE, "holds": {BREAKER: NOW_MS + 9}, "outages": OUTAGE},
        lambda c: c.lift([BREAKER]),
        1,
        {**BREAKER_LANE, "holds": {BREAKER: 0}, "outages": {**OUTAGE, f"{BREAKER} until": str(NOW_MS)}, **WAKE},
    ),
    "claim, from the lane of an outage": Case(
        {**BREAKER_LANE, "holds": {BREAKER: 0}, "outages": OUTAGE, **STAMPED},
        _claim,
        None,
        {**CLAIMED, "outages": {**OUTAGE, f"{BREAKER} left": "1"}, **WAITED, **STAMPED},
        claims=CLAIM_KEPT,
    ),
    "ack, after an outage": Case(
        {**HELD, **WAITED, "outages": OUTAGE},
        lambda c: c.ack([(A.id, TOKEN)]),
        [True],
        {"outages": {**OUTAGE, f"{BREAKER} delivered": "1"}, **counted("processed")},
    ),
    "ack, after an outage and a lost answer": Case(
        {**HELD, **WAITED, "outages": OUTAGE, "progress": {A.id: '{"history":[{"outcome":"unknown"}]}'}},
        lambda c: c.ack([(A.id, TOKEN)]),
        [True],
        {
            "outages": {**OUTAGE, f"{BREAKER} delivered": "1", f"{BREAKER} doubtful": "1"},
            **counted("processed"),
        },
    ),
    "ack, after an outage that another has followed": Case(
        {**HELD, **WAITED, "outages": {f"{BREAKER} since": str(NOW_MS)}},
        lambda c: c.ack([(A.id, TOKEN)]),
        [True],
        {"outages": {f"{BREAKER} since": str(NOW_MS)}, **counted("processed")},
    ),
    "fail, after an outage": Case(
        {**HELD, **WAITED, "outages": OUTAGE},
        lambda c: c.fail(A.id, TOKEN, ONCE),
        True,
        {
            "failed": {A.id: NOW_MS},
            "bodies": {A.id: encode_body(A)},
            "progress": {A.id: encode_progress(ONCE)},
            "outages": {**OUTAGE, f"{BREAKER} failed": "1"},
            **counted("failed"),
        },
    ),
    "remove, parked in an outage": Case(
        {**BREAKER_LANE, "holds": {BREAKER: NOW_MS + 9}, "outages": OUTAGE},
        lambda c: c.remove(TaskState.DELAYED, [A.id]),
        [True],
        {"holds": {BREAKER: NOW_MS + 9}, "outages": {**OUTAGE, f"{BREAKER} left": "1", f"{BREAKER} removed": "1"}},
    ),
    "discard": Case(
        {**FAILED, "bodies": {A.id: encode_body(A)}},
        lambda c: c.discard(TaskState.FAILED, [A.id, B.id], 7),
        [True, False],
        {},
        trash={7: [f"{A.id} {encode_body(A)}"]},
    ),
    "discard, parked": Case(
        {**LANE, **HOLD},
        lambda c: c.discard(TaskState.DELAYED, [A.id], 7),
        [True],
        HOLD,
        trash={7: [f"{A.id} {encode_body(A)}"]},
    ),
    "restore, nothing there": Case(STAMPED, lambda c: c.restore(7, 5), Restored(0, 0), STAMPED),
    "outages": Case({"outages": OUTAGE}, lambda c: c.outages(), None, {"outages": OUTAGE}),
    "ids": Case(PENDING, lambda c: c.ids(TaskState.PENDING, 5), [A.id], PENDING),
    "trim": Case(
        {"failed": {A.id: NOW_MS - 86_400_001, B.id: NOW_MS}, "bodies": {A.id: "x", B.id: "y"}},
        lambda c: c.trim(1),
        1,
        {"failed": {B.id: NOW_MS}, "bodies": {B.id: "y"}},
    ),
    "trim_history": Case(
        {"history": {f"{MINUTE - 10_081} processed": "5", f"{MINUTE - 10_080} processed": "1"}},
        lambda c: c.trim_history(),
        1,
        {"history": {f"{MINUTE - 10_080} processed": "1"}},
    ),
    "trim_history, of outages": Case(
        {"outages": {**OUTAGE, f"{BREAKER} until": str((MINUTE - 10_081) * 60_000), f"{BREAKER} left": "3"}},
        lambda c: c.trim_history(),
        0,
        {},
    ),
    "presence": Case(FAILED, lambda c: c.presence([A.id, B.id]), ["failed", "absent"], FAILED),
    "stats": Case(HELD, lambda c: c.stats(), None, HELD),
    "page": Case(PENDING, lambda c: c.page(TaskState.PENDING, 0, 5), None, PENDING),
    "scan": Case(PENDING, lambda c: c.scan(TaskState.PENDING, 5, rank=0, after="", score=""), None, PENDING),
    "find": Case(LANE | HOLD, lambda c: c.find(A.id), None, LANE | HOLD),
    "holds": Case(LANE | HOLD, lambda c: c.holds(), None, LANE | HOLD),
    "history": Case(HELD, lambda c: c.history(3), None, HELD),
}


def write(raw: redis.Redis, state: dict[str, Any]) -> None:
    for name, value in state.items():
        match KEYS[name], value:
            case key, str():
                raw.set(key, value)
            case key, list():
                raw.rpush(key, *value)
            case key, dict() if name in ("queue", "delayed", "processing", "failed", "holds", "parked"):
                raw.zadd(key, value)
            case key, dict():
                raw.hset(key, mapping=value)


@pytest.fixture
def queue(redis_url: str) -> Iterator[SyncQueue]:
    client = sync_client(redis_url)
    yield SyncQueue(client, Calls(KEYS, "s", ManualClock(NOW).now_ms), lease_seconds=60, probe_seconds=60)
    client.close()


@pytest.mark.parametrize("name", CASES)
def test_a_script_leaves_exactly_these_keys(queue: SyncQueue, name: str) -> None:
    case = CASES[name]
    write(queue.client, case.before)
    answer = queue._send(case.call(queue.calls))
    if case.answer is not None:
        assert answer == case.answer
    kept = {KEYS.claim_of(consumer): text for consumer, text in case.claims.items()}
    kept |= {KEYS.trash_of(clearing): entries for clearing, entries in case.trash.items()}
    assert dump(queue.client) == {KEYS[key]: value for key, value in case.after.items()} | kept
    assert_each_task_in_one_place(queue.client, KEYS)


def test_every_script_has_its_case() -> None:
    class Noting(Calls):
        def _call(self, name: str, *args: Any, **named: Any) -> Call[Any]:
            seen.add(name)
            return super()._call(name, *args, **named)

    seen: set[str] = set()
    calls = Noting(KEYS, "s", lambda: NOW_MS)
    for case in CASES.values():
        case.call(calls)
    assert seen == scripts()


def scripts() -> set[str]:
    from importlib.resources import files

    folder = files("syncqueue.queue") / "scripts"
    found = {item.name.removesuffix(".lua") for item in folder.iterdir() if item.name.endswith(".lua")}
    return found - {"_prelude"}


def test_a_crash_is_written_into_the_progress(queue: SyncQueue) -> None:
    write(queue.client, {**HELD, "processing": {A.id: NOW_MS}, "progress": {A.id: encode_progress(ONCE)}})
    queue.recover_expired()
    written = json.loads(queue.client.hget(KEYS["progress"], A.id))
    assert (written["attempts"], written["crashes"], len(written["history"])) == (1, 1, 1)


def test_what_was_discarded_comes_back_unless_something_newer_has_its_id(queue: SyncQueue) -> None:
    queue.enqueue_many([A, B])
    assert queue.discard(TaskState.PENDING, [A.id, B.id], 7) == [True, True]
    assert 0 < queue.client.pttl(KEYS.trash_of(7)) <= 7 * 86_400_000
    queue.enqueue(A2)
    assert queue.restore(7, 1) == Restored(0, 1)
    assert queue.restore(7, 5) == Restored(1, 0)
    assert queue.client.hgetall(KEYS["bodies"]) == {A.id: encode_body(A2), B.id: encode_body(B)}
    assert_each_task_in_one_place(queue.client, KEYS)


def test_periods_of_several_minutes_are_added_up(queue: SyncQueue) -> None:
    write(
        queue.client,
        {"history": {f"{MINUTE} failed": "1", f"{MINUTE - 60} processed": "2", f"{MINUTE - 1} processed": "4"}},
    )
    hours = queue.history(2, 60)
    assert [(row.processed_count, row.failed_count) for row in hours] == [(6, 0), (0, 1)]


def test_the_last_claim_is_let_go_after_two_leases(queue: SyncQueue) -> None:
    queue.enqueue(A)
    queue.claim(1)
    assert 119_000 < queue.client.pttl(KEYS.claim_of(queue.consumer)) <= 120_000


def test_scripts_that_a_server_forgot_are_sent_again(queue: SyncQueue) -> None:
    queue.enqueue(A)
    queue.client.script_flush()
    [claimed] = queue.claim(1).tasks
    queue.client.script_flush()
    assert queue.ack(claimed) == [True]


def test_all_keys_of_a_service_share_one_hash_tag(redis_server: RedisServer) -> None:
    named = [*KEYS.all, KEYS.claim_of("c")]
    assert all(key.startswith("sync:{telegram}:") and key.count("{") == 1 for key in named)
    assert len(set(named)) == len(named)
