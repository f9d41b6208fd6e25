"""What a process has learned of instances and accounts. Nothing here is needed: it spares requests and refusals."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from syncqueue.handlers.mastodon.instance import Instance, Limits

KEPT_SECONDS = 3600.0  # a description, an account
KEPT_COUNT = 2000
SILENT_SECONDS = 60.0
# What a search has read that goes on in the next attempt: at most 1000 statuses of some kilobytes each.
LISTING_SECONDS, LISTING_COUNT = 120.0, 10

T = TypeVar("T")


class _Recent(Generic[T]):
    """The last `count` values by key, each for so long."""

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
    """What instances have taken, for all handlers of this process: previews are made by others than attempts are."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._limits: _Recent[Limits] = _Recent()
        self._silent: _Recent[bool] = _Recent(SILENT_SECONDS)

    def get(self, address: str) -> Limits | None:
        """What the instance takes; of one that did not answer a moment ago Mastodon's own figures."""
        return self._limits.get(address) or (Limits() if self._silent.get(address) else None)

    def note(self, address: str, limits: Limits) -> None:
        """Keep what an instance says of itself, or has just taken."""
        self._limits.put(address, limits)

    def note_silent(self, address: str) -> None:
        """It was asked and did not tell: it is not asked again for a minute."""
        self._silent.put(address, True)


known_limits = KnownLimits()


class Memory:
    """By the address of the instance, without a slash."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._instances: _Recent[Instance] = _Recent()
        self._accounts: _Recent[Mapping[str, Any]] = _Recent()
        self._offsets: _Recent[float] = _Recent()
        self._owners: _Recent[str] = _Recent()
        self._sources: _Recent[Mapping[str, Any]] = _Recent()
        self._listings: _Recent[Sequence[Mapping[str, Any]]] = _Recent(LISTING_SECONDS, LISTING_COUNT)
        # Learned from its deeds, and true until the process ends: whatever the description says, twice is too often.
        self._is_strict: set[str] = set()
        self._opens_edited: set[str] = set()

    def instance(self, address: str) -> Instance | None:
        """Its description, if it was read in the last hour."""
        return self._instances.get(address)

    def note_instance(self, address: str, found: Instance) -> None:
        """Keep what an instance says of itself."""
        self._instances.put(address, found)

    def is_strict(self, address: str) -> bool:
        """Whether it has refused a text for its length that was short enough by Mastodon's way to count."""
        return address in self._is_strict

    def note_strict(self, address: str) -> None:
        """It counts code points."""
        self._is_strict.add(address)

    def opens_edited(self, address: str) -> bool:
        """Whether an edit there has made a status more public than it was."""
        return address in self._opens_edited

    def note_opens_edited(self, address: str) -> None:
        """What is not public there must not be edited."""
        self._opens_edited.add(address)

    def account(self, address: str, token: str) -> Mapping[str, Any] | None:
        """The account of a token."""
        return self._accounts.get((address, _name_of(token)))

    def note_account(self, address: str, token: str, account: Mapping[str, Any]) -> None:
        """Keep whose a token is."""
        self._accounts.put((address, _name_of(token)), account)

    def offset(self, address: str) -> float:
        """How many seconds its clock is ahead of ours, as last seen; 0 where it is not known."""
        return self._offsets.get(address) or 0.0

    def note_offset(self, address: str, seconds: float) -> None:
        """Keep how far its clock is ahead."""
        self._offsets.put(address, seconds)

    def owner(self, address: str, status_id: str) -> str:
        """The object ("notes.note:42") that a status was posted for by this process; "" where it is not known."""
        return self._owners.get((address, status_id)) or ""

    def note_owner(self, address: str, status_id: str, owner: str) -> None:
        """Keep for which object a status was posted, so that an equal text of another is not taken for it."""
        self._owners.put((address, status_id), owner)

    def source(self, address: str, status: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The source of a status in this very version."""
        return self._sources.get((address, str(status.get("id")), str(status.get("edited_at"))))

    def note_source(self, address: str, status: Mapping[str, Any], source: Mapping[str, Any]) -> None:
        """Keep the source of a status."""
        self._sources.put((address, str(status.get("id")), str(status.get("edited_at"))), source)

    def take_listing(self, key: tuple[str, ...]) -> Sequence[Mapping[str, Any]]:
        """The statuses that a search had read when it was cut short; they are kept for one search alone."""
        return self._listings.pop(key) or ()

    def note_listing(self, key: tuple[str, ...], statuses: Sequence[Mapping[str, Any]]) -> None:
        """Keep what a search has read of a list: from its newest status on and without a gap."""
        self._listings.put(key, tuple(statuses))


def _name_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
