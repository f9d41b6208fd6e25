"""Every Redis key of a service's queue, in one place.

The braces are a hash tag: all keys of a service are in one slot of a Redis Cluster, so one script may use them all.
Scripts always receive the keys in the order of `ORDER`; scripts/_prelude.lua binds them to locals.

A task with a `key` has the id "key:<key>", so two tasks with the same key cannot coexist.
"""

from __future__ import annotations

# Suffix: Redis type, members, and when they are deleted.
ORDER = (
    "queue",  # ZSET  id -> priority offset + ready time (units of 10 µs, made unique): pending
    "delayed",  # ZSET  id -> due (epoch ms); parked by a hold: PARKED + creation (epoch ms)
    "processing",  # ZSET  id -> end of the lease (epoch ms)
    "failed",  # ZSET  id -> when it failed (epoch ms); trimmed after FAILED_RETENTION_DAYS
    "bodies",  # HASH  id -> body (core/task.py), while the task lives
    "progress",  # HASH  id -> attempts so far (core/task.py), after the first one
    "leases",  # HASH  id -> a digit (0 claimed, 1 begun) + token, while in processing
    "behind",  # HASH  id -> due (13 digits, epoch ms) + body of the successor: the newest task with the key of one
    #             that is in processing
    "counters",  # HASH  processed, failed, retried, last_processed_at, last_failed_at (epoch ms), tick (the last
    #             ready time given), turn, "answers <endpoint>" (answers of the endpoint that came after failures),
    #             "took <bound in ms>" and took_ms, "waited <bound in ms>" and waited_ms (durations.py)
    "history",  # HASH  "<epoch minute> processed|retried|failed" -> count; trimmed after a week
    "wake",  # LIST  at most one token: there may be something to claim
    "holds",  # ZSET  hold -> until (epoch ms); FOREVER: until lifted; 0: lifted, its lane is emptying
    "reasons",  # HASH  hold -> since (13 digits, epoch ms) + the reason, for people
    "strikes",  # HASH  endpoint -> "<failures in a row> <token of the last>"; + OPENED since its breaker opened
    "parked",  # ZSET  "<hold> <creation, 13 digits> <id>" -> 0: the lanes of all holds, each oldest first
    "lanes",  # HASH  id -> hold, while parked
    "site",  # STRING  id of the database this queue belongs to
    "outages",  # HASH  "<breaker> since|until (epoch ms)|delivered|failed|doubtful" -> number: the last outage of each
    #             endpoint; expires a week after the last failure
    "probes",  # HASH  breaker -> end of the hold that it set (13 digits, epoch ms) + id of its probe
)
WEEK_MINUTES = 7 * 24 * 60


class QueueKeys:
    """The names of one service's keys."""

    __slots__ = ("_stem", "all", "service")

    def __init__(self, prefix: str, service: str) -> None:
        """`prefix` is the setting KEY_PREFIX; neither may hold braces."""
        self.service = service
        self._stem = f"{prefix}:{{{service}}}:"
        self.all = tuple(self._stem + name for name in ORDER)

    def __getitem__(self, name: str) -> str:
        """Return the key with this suffix; raises `ValueError` for a suffix that is not in `ORDER`."""
        return self.all[ORDER.index(name)]

    def trash_of(self, clearing: int) -> str:
        """LIST of "<id> <body>": the tasks that one clearing removed and no record backs. Expires after a week."""
        return f"{self._stem}trash:{clearing}"


def workers_key(prefix: str) -> str:
    """HASH: id of a worker -> JSON of its last heartbeat. Readers remove stopped workers."""
    return f"{prefix}:workers"


def worker_request_key(prefix: str, worker_id: str) -> str:
    """STRING: a person's request to a worker (core/worker_state.py). It expires, because the worker may be gone."""
    return f"{prefix}:workers:{worker_id}:request"
