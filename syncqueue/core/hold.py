"""Holds: the reasons why tasks must wait, and their names in the queue.

A name consists of a kind and a subject: "rate:destination:7". Only this module builds and parses names. To the scripts
they are strings; the only kinds that the scripts distinguish are breaker, pause, rate limit and share.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

PAUSE, BREAKER, RATE, STOPPED, SHARE = "pause", "breaker", "rate", "stopped", "share"
KINDS = (BREAKER, RATE, STOPPED, PAUSE, SHARE)
# The kinds that releases before 0.1.0 used for a stopped destination. The reconciler lifts such holds; the next attempt
# parks their tasks behind the new hold.
_FORMER_KINDS = ("broken", "disabled")
_DESTINATION, _CREDENTIAL, _SERVICE, _OWNER = "destination:", "credential:", "service:", "owner:"


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason for which tasks must wait."""

    kind: str  # one of KINDS
    subject: str = ""  # a host and port, "destination:7", "credential:1f...", "service:name", "owner:3"; "": a pause

    @classmethod
    def parse(cls, name: str) -> Hold:
        """Return the hold with this name."""
        kind, _, subject = name.partition(":")
        return cls(kind, subject)

    @property
    def name(self) -> str:
        """Its name in the queue."""
        return f"{self.kind}:{self.subject}" if self.subject else self.kind

    @property
    def destination_id(self) -> int | None:
        """The primary key of the held destination; None if the subject is not a destination."""
        key = self.subject.removeprefix(_DESTINATION)
        return int(key) if key != self.subject and key.isdecimal() else None

    @property
    def is_former(self) -> bool:
        """Whether the kind is one that only earlier releases set."""
        return self.kind in _FORMER_KINDS

    def __str__(self) -> str:
        """The name, for texts."""
        return self.name


PAUSED = Hold(PAUSE)


def breaker_of(endpoint: str) -> Hold:
    """Return the breaker of an endpoint (host and port)."""
    return Hold(BREAKER, endpoint)


def rate_of(destination_id: int, credential: str = "") -> Hold:
    """Return the hold for a rate limit on a destination, or on all destinations with one credential (its hash)."""
    return Hold(RATE, f"{_CREDENTIAL}{credential}" if credential else f"{_DESTINATION}{destination_id}")


def stopped(destination_id: int) -> Hold:
    """Return the hold of a destination that is broken or switched off."""
    return Hold(STOPPED, f"{_DESTINATION}{destination_id}")


def share_of(destination_id: int, owner: object = None) -> Hold:
    """Return the hold of an owner, or of a site-wide destination, whose share of concurrent attempts is used up."""
    return Hold(SHARE, f"{_DESTINATION}{destination_id}" if owner is None else f"{_OWNER}{quote(str(owner), safe='')}")


def holds_of_destination(
    destination_id: int, endpoint: str, credential: str = "", *, owner: object = None
) -> tuple[str, ...]:
    """Return the names of all holds that may apply to a destination's tasks. `owner`: its key; None: site-wide."""
    rates = [rate_of(destination_id), *([rate_of(destination_id, credential)] if credential else [])]
    share = share_of(destination_id, owner)
    return tuple(hold.name for hold in (stopped(destination_id), *rates, share, breaker_of(endpoint)))


def rate_of_service(service: str) -> Hold:
    """Return the hold for a rate limit on a service's generic tasks."""
    return Hold(RATE, service)


def stopped_service(service: str) -> Hold:
    """Return the hold of a service that refused generic tasks. A person lifts it by resuming the service."""
    return Hold(STOPPED, f"{_SERVICE}{service}")


def holds_of_service(service: str) -> tuple[str, ...]:
    """Return the names of all holds that may apply to a service's generic tasks; their endpoint is the service."""
    return tuple(hold.name for hold in (rate_of_service(service), stopped_service(service), breaker_of(service)))


def resumed(service: str, names: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the names of the holds to lift when a person resumes a service. `names`: the holds that are set.

    Rate limits are included: a service may have asked to wait for a day by mistake.
    """
    rates = [name for name in names if Hold.parse(name).kind == RATE]
    return PAUSED.name, stopped_service(service).name, f"{_FORMER_KINDS[0]}:{service}", *rates
