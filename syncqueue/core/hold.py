"""Holds: the reasons why tasks must wait, and the names that they have in the queue.

A name is a kind and a subject, "rate:destination:7". Names are built and read here alone; the scripts know them as
texts, and of their kinds only the breaker, the pause, the rate limit and the share.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

PAUSE, BREAKER, RATE, STOPPED, SHARE = "pause", "breaker", "rate", "stopped", "share"
KINDS = (BREAKER, RATE, STOPPED, PAUSE, SHARE)
# What releases before 0.1.0 called a stopped destination. The reconciler lifts such holds: what waits there meets
# its new hold at the next attempt.
_FORMER_KINDS = ("broken", "disabled")
_DESTINATION, _CREDENTIAL, _SERVICE, _OWNER = "destination:", "credential:", "service:", "owner:"


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason to wait."""

    kind: str  # one of KINDS
    subject: str = ""  # a host and port, "destination:7", "credential:1f...", "service:name", "owner:3"; "": a pause

    @classmethod
    def parse(cls, name: str) -> Hold:
        """The hold with this name."""
        kind, _, subject = name.partition(":")
        return cls(kind, subject)

    @property
    def name(self) -> str:
        """Its name in the queue."""
        return f"{self.kind}:{self.subject}" if self.subject else self.kind

    @property
    def destination_id(self) -> int | None:
        """The key of the destination that it holds; None where it holds something else."""
        key = self.subject.removeprefix(_DESTINATION)
        return int(key) if key != self.subject and key.isdecimal() else None

    @property
    def is_former(self) -> bool:
        """Whether an earlier release has set it, which had other kinds."""
        return self.kind in _FORMER_KINDS

    def __str__(self) -> str:
        """The name, for texts."""
        return self.name


PAUSED = Hold(PAUSE)


def breaker_of(endpoint: str) -> Hold:
    """The hold of an endpoint, a host and port, that cannot be reached or is out of order."""
    return Hold(BREAKER, endpoint)


def rate_of(destination_id: int, credential: str = "") -> Hold:
    """The hold of a rate limit on a destination, or on all destinations with a credential (its hash)."""
    return Hold(RATE, f"{_CREDENTIAL}{credential}" if credential else f"{_DESTINATION}{destination_id}")


def stopped(destination_id: int) -> Hold:
    """The hold of a destination whose row says that it takes nothing: it is refused, or switched off."""
    return Hold(STOPPED, f"{_DESTINATION}{destination_id}")


def share_of(destination_id: int, owner: object = None) -> Hold:
    """The hold of an owner, or of a site-wide destination, that has its share of the attempts at one time."""
    return Hold(SHARE, f"{_DESTINATION}{destination_id}" if owner is None else f"{_OWNER}{quote(str(owner), safe='')}")


def holds_of_destination(
    destination_id: int, endpoint: str, credential: str = "", *, owner: object = None
) -> tuple[str, ...]:
    """The names of all holds that may apply to tasks of a destination. `owner`: its key; None: it is site-wide."""
    rates = [rate_of(destination_id), *([rate_of(destination_id, credential)] if credential else [])]
    share = share_of(destination_id, owner)
    return tuple(hold.name for hold in (stopped(destination_id), *rates, share, breaker_of(endpoint)))


def rate_of_service(service: str) -> Hold:
    """The hold of a rate limit on a service's generic tasks."""
    return Hold(RATE, service)


def stopped_service(service: str) -> Hold:
    """The hold of a service whose generic tasks were refused. A person lifts it by resuming the service."""
    return Hold(STOPPED, f"{_SERVICE}{service}")


def holds_of_service(service: str) -> tuple[str, ...]:
    """The names of all holds that may apply to a service's generic tasks; the service is their endpoint."""
    return tuple(hold.name for hold in (rate_of_service(service), stopped_service(service), breaker_of(service)))


def resumed(service: str, names: Iterable[str] = ()) -> tuple[str, ...]:
    """The names of the holds that end when a person resumes a service; `names`: those that are set.

    Rate limits are among them: a service may have asked for a day's patience by mistake.
    """
    rates = [name for name in names if Hold.parse(name).kind == RATE]
    return PAUSED.name, stopped_service(service).name, f"{_FORMER_KINDS[0]}:{service}", *rates
