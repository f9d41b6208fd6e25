"""A cache of facts about instances and accounts, which saves requests and refusals."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from syncqueue.handlers.mastodon.instance import Instance, Limits

KEPT_SECONDS = 3600.0  # how long descriptions and accounts are kept
KEPT_COUNT = 2000
SILENT_SECONDS = 60.0
# Results of an unfinished search, for the next attempt: at most 1000 statuses of some kilobytes each.
LISTING_SECONDS, LISTING_COUNT = 120.0, 10

T = TypeVar("T")


class _Recent(Generic[T]):
    """The last `count` values by key, each for a limited time."""

    def __init__(self, seconds: float = KEPT_SECONDS, count: int = KEPT_COUNT) -> None:
        self._seconds = seconds
        self._count = count
        self._values: OrderedDict[Any, tuple[float, T]] = OrderedDict()

    def get(self, key: Any) -> T | None:
        until, value = self._values.get(key, (0.0, None))
        return value if time.monotonic() < until else None

    def pop(self, key: Any) -> T | None:
        value = self.get(key)
        self._values.pop(key, None)
        return value

    def put(self, key: Any, value: T) -> None:
        self._values[key] = (time.monotonic() + self._seconds, value)
        self._values.move_to_end(key)
        while len(self._values) > self._count:
            self._values.popitem(last=False)


class KnownLimits:
    """The limits of instances, shared by all handlers of this process: previews and attempts use separate ones."""

    def __init__(self) -> None:
        """Start empty."""
        self._limits: _Recent[Limits] = _Recent()
        self._silent: _Recent[bool] = _Recent(SILENT_SECONDS)

    def get(self, address: str) -> Limits | None:
        """Return the limits of the instance; Mastodon's own if it did not respond within the last minute."""
        return self._limits.get(address) or (Limits() if self._silent.get(address) else None)

    def note(self, address: str, limits: Limits) -> None:
        """Store the limits that an instance declares, or has just accepted."""
        self._limits.put(address, limits)

    def note_silent(self, address: str) -> None:
        """Note that an instance did not return its limits: it is not asked again for a minute."""
        self._silent.put(address, True)


known_limits = KnownLimits()


class Memory:
    """Facts by the address of the instance, without a trailing slash."""

    def __init__(self) -> None:
        """Start empty."""
        self._instances: _Recent[Instance] = _Recent()
        self._accounts: _Recent[Mapping[str, Any]] = _Recent()
        self._offsets: _Recent[float] = _Recent()
        self._owners: _Recent[str] = _Recent()
        self._sources: _Recent[Mapping[str, Any]] = _Recent()
        self._listings: _Recent[Sequence[Mapping[str, Any]]] = _Recent(LISTING_SECONDS, LISTING_COUNT)
        # Observed behaviour, valid until the process ends whatever the description says.
        self._is_strict: set[str] = set()
        self._opens_edited: set[str] = set()

    def instance(self, address: str) -> Instance | None:
        """Return the description of an instance if it was read in the last hour."""
        return self._instances.get(address)

    def note_instance(self, address: str, found: Instance) -> None:
        """Store the description of an instance."""
        self._instances.put(address, found)

    def is_strict(self, address: str) -> bool:
        """Return whether it has refused a text as too long that was short enough by Mastodon's counting."""
        return address in self._is_strict

    def note_strict(self, address: str) -> None:
        """Note that it counts code points."""
        self._is_strict.add(address)

    def opens_edited(self, address: str) -> bool:
        """Return whether an edit there has made a status more public."""
        return address in self._opens_edited

    def note_opens_edited(self, address: str) -> None:
        """Note that statuses that are not public must not be edited there."""
        self._opens_edited.add(address)

    def account(self, address: str, token: str) -> Mapping[str, Any] | None:
        """Return the account of a token."""
        return self._accounts.get((address, _name_of(token)))

    def note_account(self, address: str, token: str, account: Mapping[str, Any]) -> None:
        """Store the account of a token."""
        self._accounts.put((address, _name_of(token)), account)

    def offset(self, address: str) -> float:
        """Return how many seconds its clock is ahead of ours, as last seen; 0 if unknown."""
        return self._offsets.get(address) or 0.0

    def note_offset(self, address: str, seconds: float) -> None:
        """Store how far its clock is ahead, in seconds."""
        self._offsets.put(address, seconds)

    def owner(self, address: str, status_id: str) -> str:
        """Return the object ("notes.note:42") for which this process posted a status; "" if unknown."""
        return self._owners.get((address, status_id)) or ""

    def note_owner(self, address: str, status_id: str, owner: str) -> None:
        """Store for which object a status was posted, so that an equal text of another object does not match it."""
        self._owners.put((address, status_id), owner)

    def source(self, address: str, status: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the source text of a status in this version."""
        return self._sources.get((address, str(status.get("id")), str(status.get("edited_at"))))

    def note_source(self, address: str, status: Mapping[str, Any], source: Mapping[str, Any]) -> None:
        """Store the source text of a status."""
        self._sources.put((address, str(status.get("id")), str(status.get("edited_at"))), source)

    def take_listing(self, key: tuple[str, ...]) -> Sequence[Mapping[str, Any]]:
        """Return the statuses that an unfinished search had read; they are kept for one search only."""
        return self._listings.pop(key) or ()

    def note_listing(self, key: tuple[str, ...], statuses: Sequence[Mapping[str, Any]]) -> None:
        """Store what a search has read of a list: from its newest status, without a gap."""
        self._listings.put(key, tuple(statuses))


def _name_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
