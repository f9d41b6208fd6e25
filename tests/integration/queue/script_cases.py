"""What each script makes of which keys: states before and after, as tables."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from syncqueue.core.task import ClaimedTask, Progress, SyncTask, TaskState, encode_body, encode_progress, to_ms
from syncqueue.queue.calls import AdmissionRequest, Call, Calls, EndpointFailure, Restored
from syncqueue.queue.keys import QueueKeys

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_MS = to_ms(NOW)
MADE = datetime(2026, 3, 1, 11, tzinfo=UTC)
MADE_MS = to_ms(MADE)
MINUTE = NOW_MS // 60_000
PRIORITY = PARKED = 10**15
FOREVER = 9 * 10**15
TOKEN = "0123456789abcdef"
RATE = "rate:destination:1"
BREAKER = "breaker:host:443"
KEYS = QueueKeys("sync", "telegram")


def made(key: str, **fields: Any) -> SyncTask:
    return SyncTask("telegram", "x", "e:1", {"key": key}, key=key, created_at=MADE, **fields)


A, A2, B = made("a"), made("a", priority="high"), made("b")
TICK = PRIORITY + NOW_MS * 100  # the ready time of now, normal priority
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
OVER = {**OUTAGE, f"{BREAKER} until": str(NOW_MS - 3)}
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
    trash: dict[int, list[str]] = field(default_factory=dict)


def _claim(calls: Calls) -> Call[Any]:
    return calls.claim(5, token=TOKEN, lease_seconds=60, probe_seconds=60)


def _lease(calls: Calls) -> Call[Any]:
    return calls.enqueue_leased([A], [[RATE]], token=TOKEN, lease_seconds=60, probe_seconds=60)


def _admit(calls: Calls) -> Call[Any]:
    return calls.admit([AdmissionRequest(claimed=HOLDER, holds=[RATE])], probe_seconds=60)


CLAIMED = {
    "processing": {A.id: NOW_MS + 60_000},
    "leases": {A.id: "0" + TOKEN},
    "bodies": {A.id: encode_body(A)},
}

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
        {"queue": {A.id: TICK - 9 - PRIORITY}, "bodies": {A.id: encode_body(A2)}, **STAMPED},
    ),
    "enqueue, parked": Case(
        {**LANE, **HOLD, **STAMPED},
        lambda c: c.enqueue([A2]),
        ["replaced"],
        {**LANE, "bodies": {A.id: encode_body(A2)}, **HOLD, **STAMPED},
    ),
    "enqueue, held": Case({**HELD, **STAMPED}, lambda c: c.enqueue([A2]), ["successor"], {**HELD, **BEHIND, **STAMPED}),
    "enqueue, failed": Case(
        {**FAILED, **STAMPED}, lambda c: c.enqueue([A]), ["replaced"], {**NEW_PENDING, **TICKED, **STAMPED}
    ),
    "lease": Case({}, _lease, None, {**CLAIMED, "leases": {A.id: "1" + TOKEN}, **STAMPED}),
    "lease, under a hold": Case({**HOLD}, _lease, None, {**LANE, **HOLD, **STAMPED}),
    "claim": Case({**PENDING, **STAMPED, **WAKE}, _claim, None, {**CLAIMED, **STAMPED, **WAKE}),
    "claim, from a lifted lane": Case(
        {**LANE, **LIFTED, **STAMPED},
        _claim,
        None,
        {**CLAIMED, **STAMPED},
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
            "holds": {BREAKER: NOW_MS + 60_000},
            "probes": {BREAKER: f"{NOW_MS + 60_000:013}{A.id}"},
            "counters": {"turn": "1"},
            **STAMPED,
        },
    ),
    "claim, nothing there": Case({**STAMPED}, _claim, None, {**STAMPED}),
    "extend": Case(
        {**HELD, "leases": {A.id: "0" + TOKEN}},
        lambda c: c.extend([(A.id, TOKEN)], 60),
        [True],
        {**HELD, "processing": {A.id: NOW_MS + 60_000}},
    ),
    "ack": Case(HELD, lambda c: c.ack([HOLDER]), [True], counted("processed")),
    "ack, one waits behind": Case(
        {**HELD, **BEHIND, "progress": {A.id: "{}"}},
        lambda c: c.ack([HOLDER]),
        [True],
        {**HIGH_PENDING, **counted("processed", tick=1)},
    ),
    "ack, with its length": Case(
        HELD,
        lambda c: c.ack([HOLDER], [0.3]),
        [True],
        {
            **counted("processed"),
            "counters": {
                **counted("processed")["counters"],
                "took 500": "1",
                "took_ms": "300",
                "waited 7200000": "1",
                "waited_ms": "3599700",
            },
        },
    ),
    "ack, stale": Case(HELD, lambda c: c.ack([replace(HOLDER, token="other")]), [False], HELD),
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
        lambda c: c.fail(HOLDER, ONCE),
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
        {"queue": {A.id: PRIORITY + MADE_MS * 100}, "bodies": {A.id: encode_body(A)}, **WAKE},
    ),
    "admit": Case(HELD, _admit, None, HELD),
    "admit, under a hold": Case({**HELD, **HOLD}, _admit, None, {**LANE, **HOLD}),
    "park": Case({**PENDING, **HOLD}, lambda c: c.park(RATE, [A]), 1, {**LANE, **HOLD}),
    "park, held": Case({**HELD, **HOLD}, lambda c: c.park(RATE, [A]), 0, {**HELD, **HOLD}),
    "promote": Case(DELAYED, lambda c: c.promote(5), 1, {**NEW_PENDING, **TICKED}),
    "promote, a parked one by name": Case(
        {**LANE, **HOLD},
        lambda c: c.promote(1, [A.id]),
        1,
        {**NEW_PENDING, **TICKED},  # the rate limit ends with it
    ),
    "recover, not begun": Case(
        {**HELD, "processing": {A.id: NOW_MS}, "leases": {A.id: "0" + TOKEN}},
        lambda c: c.recover(5, lease_seconds=60),
        None,
        {**NEW_PENDING, **TICKED},
    ),
    "recover, one waits behind": Case(
        {**HELD, **BEHIND, "processing": {A.id: NOW_MS}},
        lambda c: c.recover(5, lease_seconds=60),
        None,
        {**HIGH_PENDING, **TICKED},
    ),
    "recover, still held": Case(HELD, lambda c: c.recover(5, lease_seconds=60), None, HELD),
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
        {"holds": {BREAKER: NOW_MS + 9}, "strikes": {"host:443": "5 t"}},
        lambda c: c.lift([BREAKER]),
        1,
        {**WAKE, "counters": {"answers host:443": "1"}},
    ),
    "record_failure": Case(
        {},
        lambda c: c.record_failure("host:443", failures=2, open_seconds=30, token="t", reason="away"),
        EndpointFailure(False, 0),
        {"strikes": {"host:443": "1 t"}},
    ),
    "record_failure, the last": Case(
        {"strikes": {"host:443": "1 s"}},
        lambda c: c.record_failure("host:443", failures=2, open_seconds=30, token="t", reason="away"),
        EndpointFailure(True, 0),
        {
            "strikes": {"host:443": "1000000 t"},
            "outages": {f"{BREAKER} since": str(NOW_MS)},
            "holds": {BREAKER: NOW_MS + 30_000},
            "reasons": {BREAKER: f"{NOW_MS:013}away"},
            **WAKE,
        },
    ),
    "record_failure, away again while its lane is leaving": Case(
        {**BREAKER_LANE, "holds": {BREAKER: 0}, "outages": {**OUTAGE, f"{BREAKER} until": str(NOW_MS - 3)}},
        lambda c: c.record_failure("host:443", failures=9, open_seconds=30, token="t", reason="away"),
        EndpointFailure(True, 0),
        {
            **BREAKER_LANE,
            "strikes": {"host:443": "1000000 t"},
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
    "ack, after an outage": Case(
        {**HELD, "outages": OVER},
        lambda c: c.ack([HOLDER], endpoints=["host:443"]),
        [True],
        {"outages": {**OVER, f"{BREAKER} delivered": "1"}, **counted("processed")},
    ),
    "ack, after an outage, with nothing sent": Case(
        {**HELD, "outages": OVER}, lambda c: c.ack([HOLDER]), [True], {"outages": OVER, **counted("processed")}
    ),
    "ack, after an outage and a lost answer": Case(
        {**HELD, "outages": OVER, "progress": {A.id: '{"history":[{"outcome":"unknown"}]}'}},
        lambda c: c.ack([HOLDER], endpoints=["host:443"]),
        [True],
        {"outages": {**OVER, f"{BREAKER} delivered": "1", f"{BREAKER} doubtful": "1"}, **counted("processed")},
    ),
    "ack, of what came after an outage": Case(
        {**HELD, "outages": {**OUTAGE, f"{BREAKER} until": str(MADE_MS - 1)}},
        lambda c: c.ack([HOLDER], endpoints=["host:443"]),
        [True],
        {"outages": {**OUTAGE, f"{BREAKER} until": str(MADE_MS - 1)}, **counted("processed")},
    ),
    "fail, after an outage": Case(
        {**HELD, "outages": OVER},
        lambda c: c.fail(HOLDER, ONCE, endpoint="host:443"),
        True,
        {
            "failed": {A.id: NOW_MS},
            "bodies": {A.id: encode_body(A)},
            "progress": {A.id: encode_progress(ONCE)},
            "outages": {**OVER, f"{BREAKER} failed": "1"},
            **counted("failed"),
        },
    ),
    "ack, the end of an outage": Case(
        {**HELD, "holds": {BREAKER: NOW_MS - 1}, "strikes": {"host:443": "1000005 t"}, "outages": OUTAGE},
        lambda c: c.ack([HOLDER], endpoints=["host:443"]),
        [True],
        {
            **counted("processed"),
            "counters": {**counted("processed")["counters"], "answers host:443": "1"},
            "outages": {**OUTAGE, f"{BREAKER} until": str(NOW_MS), f"{BREAKER} delivered": "1"},
        },
    ),
    "retry, parked by a breaker": Case(
        {**HELD, "holds": {BREAKER: NOW_MS + 9}},
        lambda c: c.retry(HOLDER, NOW, ONCE, BREAKER),
        True,
        {**BREAKER_LANE, "holds": {BREAKER: NOW_MS + 9}, "progress": {A.id: encode_progress(ONCE)}},
    ),
    "remove, into the trash": Case(
        {**FAILED, "bodies": {A.id: encode_body(A)}},
        lambda c: c.remove(TaskState.FAILED, [A.id, B.id], 7),
        [True, False],
        {},
        trash={7: [f"{A.id} {encode_body(A)}"]},
    ),
    "remove, parked, into the trash": Case(
        {**LANE, **HOLD},
        lambda c: c.remove(TaskState.DELAYED, [A.id], 7),
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
    "presence": Case(FAILED, lambda c: c.presence([A.id, B.id]), ["failed", "absent"], FAILED),
    "stats": Case(HELD, lambda c: c.stats(), None, HELD),
    "scan, from a rank": Case(PENDING, lambda c: c.page(TaskState.PENDING, 0, 5), None, PENDING),
    "scan": Case(PENDING, lambda c: c.scan(TaskState.PENDING, 5, rank=0, after="", score=""), None, PENDING),
    "find": Case(LANE | HOLD, lambda c: c.find(A.id), None, LANE | HOLD),
    "holds": Case(LANE | HOLD, lambda c: c.holds(), None, LANE | HOLD),
    "history": Case(HELD, lambda c: c.history(3), None, HELD),
}
