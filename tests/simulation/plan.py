"""What happens in a run: drawn from the seed before anything begins, so that parts of it can be left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

TAGS = ("", "red", "blue")
OWNERS = (None, None, 1, 2)
# The kinds of faults that a run may have; each run has some of them (so that each kind also meets few others).
PROCESS_FAULTS = (
    "kill worker", "kill web", "stop worker", "freeze worker", "freeze web", "freeze at answer", "clock of process"
)  # fmt: skip
REDIS_FAULTS = (
    "redis down", "redis empty", "redis loses", "redis slow", "redis restore", "redis clock", "redis scripts"
)  # fmt: skip
DATABASE_FAULTS = ("database down", "database refuses", "database loses", "database slow")
SERVICE_FAULTS = ("down", "out", "proxy", "lost", "deaf", "hang", "limit", "slow", "refuse")
PEOPLE = (
    "new", "new", "new", "edit", "edit", "edit", "edit", "private", "tag", "draft", "delete", "delete", "hand over",
    "together", "rolled back", "bulk", "sync now", "many", "schedule",
)  # fmt: skip
OPERATORS = (
    "rule", "retire", "pause", "retry failed", "recover", "clear", "restore", "destination", "address", "place moves",
    "disable", "owner leaves", "resync", "run now", "delete task",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens at a moment."""

    number: int
    at: float
    kind: str
    given: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """For the trace."""
        given = ", ".join(f"{name}={value!r}" for name, value in self.given.items())
        return f"#{self.number} {self.at:.3f} {self.kind}{f' ({given})' if given else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run."""

    seed: str
    length: float  # virtual seconds until the faults end
    web_count: int
    worker_count: int
    services: tuple[str, ...]
    destinations: tuple[Mapping[str, Any], ...]
    steps: tuple[Step, ...]
    is_calm: bool  # neither processes nor Redis nor the database fail: then nothing may be left to the reconciler

    def only(self, numbers: frozenset[int]) -> Plan:
        """This plan with these steps alone."""
        return replace(self, steps=tuple(step for step in self.steps if step.number in numbers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Focus:
    """What a plan is about: some kinds of troubles, for a fault that needs them."""

    faults: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()  # of the services
    people: tuple[str, ...] = PEOPLE
    operators: tuple[str, ...] = ()
    services: tuple[str, ...] = ("plain", "keyed", "index")
    with_jobs: bool = False
    shares: float = 0.3


FOCUS = {
    "calm": Focus(troubles=("down", "out", "limit", "slow")),
    "outages": Focus(troubles=("down", "out"), people=("new", "edit", "draft", "delete")),
    "stops": Focus(faults=("kill worker", "kill web", "freeze worker", "freeze web"), troubles=("slow",)),
    "stale": Focus(faults=("freeze at call",) * 3, troubles=("hang", "hang", "slow"), people=("new", "edit")),
    "late": Focus(faults=("freeze at answer", "freeze worker"), people=("new", "new", "edit"), services=("plain",)),
    "retiring": Focus(
        faults=("kill worker", "kill web"), troubles=("slow", "lost", "hang"), people=("new",), operators=("retire",)
    ),
    "dead letters": Focus(
        faults=("redis down", "redis down", "kill web"),
        troubles=("down", "down", "out"),
        people=("forbid", "forbid", "edit", "edit"),
        services=("plain", "keyed"),
    ),
    "clearing": Focus(
        faults=("redis empty", "kill worker"),
        troubles=("down", "out", "refuse"),
        operators=("clear", "clear", "restore"),
    ),
    "moving": Focus(
        faults=("kill worker", "redis loses"),
        troubles=("lost", "slow", "down"),
        people=("new", "edit", "edit", "draft", "delete"),
        operators=("address", "address", "place moves", "retire"),
    ),
    "looking after": Focus(
        faults=("kill worker", "redis loses"),
        troubles=("down", "limit", "refuse", "slow"),
        people=("new", "edit", "edit", "draft", "delete", "hand over"),
        operators=("disable", "disable", "owner leaves", "resync", "run now", "run now", "delete task"),
    ),
    "one place": Focus(
        faults=("kill worker", "freeze worker"),
        troubles=("lost", "slow", "down"),
        people=("new", "edit", "edit", "private", "private", "tag", "draft", "delete", "hand over"),
        operators=("rule", "rule", "retire", "disable", "destination"),
        shares=1.0,
    ),
    "switched off": Focus(
        troubles=("refuse",), people=("new", "edit", "edit"), operators=("disable", "disable"), shares=1.0
    ),
    "refused": Focus(faults=("database refuses",), people=("new", "delete")),
    "clocks": Focus(
        faults=("web clock", "redis empty", "redis empty", "redis down", "redis down"),
        troubles=("down", "out"),
        people=("new", "edit", "many"),
    ),
}  # fmt: skip


def make_plan(seed: str, focus: str = "") -> Plan:
    """Draw a plan. `focus`: a name of FOCUS, or "" for all kinds."""
    return _focused(seed, FOCUS[focus]) if focus else _general(seed)


def _general(seed: str) -> Plan:
    chance = Random(f"plan {seed}")  # noqa: S311
    services = tuple(sorted(chance.sample(("plain", "keyed", "index"), chance.randint(1, 3))))
    if chance.random() < 0.3:
        services = (*services, "jobs")
    faults: list[str] = []
    if chance.random() >= 0.3:
        faults = chance.sample((*PROCESS_FAULTS, *REDIS_FAULTS, *DATABASE_FAULTS), chance.randint(1, 6))
    troubles = chance.sample(SERVICE_FAULTS, chance.randint(1, 4)) if chance.random() < 0.7 else []
    people = chance.sample(PEOPLE, chance.randint(4, len(PEOPLE)))
    operators = chance.sample(OPERATORS, chance.randint(1, 3)) if chance.random() < 0.5 else []
    return _drawn(seed, chance, services, faults, troubles, people, operators)


def _focused(seed: str, focus: Focus) -> Plan:
    chance = Random(f"plan {seed}")  # noqa: S311
    services = (*sorted(chance.sample(focus.services, 1)), *(("jobs",) if focus.with_jobs else ()))
    return _drawn(
        seed, chance, services, list(focus.faults), list(focus.troubles), list(focus.people), list(focus.operators),
        focus.shares,
    )  # fmt: skip


def _drawn(
    seed: str,
    chance: Random,
    services: tuple[str, ...],
    faults: list[str],
    troubles: list[str],
    people: list[str],
    operators: list[str],
    shares: float = 0.3,
) -> Plan:
    """`shares`: how likely destinations of one service are at one place."""
    length = chance.choice((chance.uniform(5.0, 40.0), chance.uniform(20.0, 120.0)))
    kinds = [*faults, *(f"service {how}" for how in troubles)]
    drawn = list(_people(chance, ["new", *people], length, services))
    drawn += [_step(chance, kind, length) for kind in operators for _ in range(chance.randint(1, 2))]
    drawn += [_step(chance, kind, length, services) for kind in kinds for _ in range(chance.randint(1, 4))]
    drawn.sort(key=lambda one: one.at)
    return Plan(
        seed=seed,
        length=length,
        web_count=chance.randint(1, 2),
        worker_count=chance.choice((1, 1, 2, 2, 2, 3)),
        services=services,
        destinations=_at_one_place(
            seed, [_destination(chance, services, number) for number in range(chance.randint(1, 4))], shares
        ),
        steps=tuple(replace(one, number=number) for number, one in enumerate(drawn)),
        is_calm=not faults,
    )


def _destination(chance: Random, services: tuple[str, ...], number: int) -> Mapping[str, Any]:
    service = chance.choice([name for name in services if name != "jobs"])
    rule = chance.choice(("all", "all", "public", "private", "tag"))
    return {
        "name": f"{service} {number}",
        "service": service,
        "address": f"place-{number}",
        "owner_id": chance.choice(OWNERS),
        "rule": rule,
        "rule_value": chance.choice(TAGS[1:]) if rule == "tag" else "",
    }


def _at_one_place(seed: str, destinations: Sequence[Mapping[str, Any]], shares: float) -> tuple[Mapping[str, Any], ...]:
    """Let some destinations of a service be at the place of the first one, which has two spellings."""
    chance = Random(f"places {seed}")  # noqa: S311
    first = destinations[0]
    if chance.random() >= shares:
        return tuple(destinations)
    found = [first]
    for one in destinations[1:]:
        if one["service"] == first["service"] and chance.random() < 0.8:
            spellings = (
                (first["address"],) if one["service"] == "index" else (first["address"], first["address"].upper())
            )
            owner = first["owner_id"] if chance.random() < 0.8 else one["owner_id"]
            one = {**one, "address": chance.choice(spellings), "owner_id": owner}  # noqa: PLW2901
        found.append(one)
    return tuple(found)


def _people(chance: Random, kinds: list[str], length: float, services: tuple[str, ...]) -> Iterator[Step]:
    """People come in bursts."""
    for _ in range(chance.randint(3, 10)):
        at = chance.uniform(0.0, length)
        spread = chance.choice((0.05, 1.0, 20.0))
        for _ in range(chance.randint(1, 8)):
            kind = chance.choice(kinds)
            when = min(at + chance.uniform(0.0, spread), length)
            yield Step(0, when, kind, {"draw": chance.getrandbits(32)})
    for at in (chance.uniform(0.0, length / 2) for _ in range(2)):
        yield Step(0, at, "new", {"draw": chance.getrandbits(32)})
    if "jobs" in services:
        for _ in range(chance.randint(2, 12)):
            yield Step(0, chance.uniform(0.0, length), "job", {"draw": chance.getrandbits(32)})


def _step(chance: Random, kind: str, length: float, services: tuple[str, ...] = ()) -> Step:
    given: dict[str, Any] = {"draw": chance.getrandbits(32)}
    at = chance.uniform(0.0, length)
    seconds = min(chance.choice((chance.uniform(0.1, 3.0), chance.uniform(3.0, 30.0), chance.uniform(20.0, 90.0))),
                  length - at)  # fmt: skip
    if kind.startswith("service "):
        how = kind.removeprefix("service ")
        given |= {"service": chance.choice(services), "how": how, "seconds": seconds}
        given["share"] = chance.choice((1.0, 1.0, 0.4, 0.15))
        kind = "service"
    elif kind in ("freeze worker", "freeze web"):
        given["seconds"] = seconds
    elif kind in ("redis down", "database down"):
        given["seconds"] = min(seconds, 40.0)
    elif kind in ("redis loses", "database refuses", "database loses"):
        given |= {"seconds": seconds, "share": chance.choice((0.02, 0.1, 0.4))}
        if kind == "redis loses":
            given["what"] = chance.choice(("requests", "answers", "both"))
    elif kind in ("redis slow", "database slow"):
        given |= {"seconds": seconds, "slow": chance.choice((0.05, 0.5, 3.0))}
    elif kind == "redis restore":
        given["seconds"] = seconds
    elif kind == "clock of process":
        # The sweep looks back for ten minutes: a clock further behind hides what sent no signal (a known limit).
        given["ahead"] = max(chance.choice((-1, 1)) * chance.choice((0.5, 5.0, 45.0, 3600.0)), -45.0)
    elif kind == "freeze at call":
        given |= {"script": chance.choice(("extend", "retry", "ack", "fail")), "seconds": chance.uniform(25.0, 60.0)}
    elif kind == "freeze at answer":
        given |= {"service": chance.choice(services), "seconds": chance.uniform(25.0, 60.0)}
    elif kind == "web clock":
        given["ahead"] = 3600.0
    elif kind == "redis clock":  # set back by an hour, what is delayed waits an hour longer: nobody could know
        given["ahead"] = chance.choice((-45.0, -5.0, -0.5, 0.5, 5.0, 45.0, 3600.0))
    elif kind in ("kill worker", "kill web", "stop worker"):
        given["away"] = chance.choice((0.05, 2.0, 20.0))
    elif kind in ("pause", "disable"):
        given["seconds"] = seconds
    return Step(0, at, kind, given)
