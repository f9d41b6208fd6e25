"""One deletion by the site, with all that goes with it: gathered while Django announces it, noted once it is done.

Django announces every object before it deletes the first one, and reports each one afterwards. Noting them one by one
would cost some statements for each; here they cost some for all of them.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable
from typing import Any

from syncqueue.sources.intents import Change
from syncqueue.sources.registry import ModelSync


class Deletion:
    """What one call of `delete()` takes with it."""

    def __init__(self) -> None:
        """Nothing is announced yet."""
        self._announced: dict[ModelSync, dict[str, Change]] = {}
        self._noted: dict[ModelSync, set[str]] = {}

    def announce(self, source: ModelSync, change: Change) -> None:
        """An object is about to be deleted."""
        self._announced.setdefault(source, {})[change.pk] = change

    def report(self, source: ModelSync, change: Change) -> Iterable[Change]:
        """An object was deleted: returns the changes to be noted now, which are those of all announced objects."""
        announced = self._announced.pop(source, {})
        noted = self._noted.setdefault(source, set())
        announced.setdefault(change.pk, change)
        found = [one for pk, one in announced.items() if pk not in noted]
        noted.update(announced)
        return found


class _State(threading.local):
    """Of this thread, as database connections are."""

    def __init__(self) -> None:
        # By the id of what `delete()` was called on, an object or a queryset, for as long as that lives.
        self.deletions: dict[int, tuple[weakref.ref[Any], Deletion]] = {}


_state = _State()


def deletion_of(origin: Any) -> Deletion:
    """The deletion that began at `origin`; one of its own where Django does not tell."""
    if origin is None:
        return Deletion()
    known = _state.deletions.get(id(origin))
    if known is not None and known[0]() is origin:
        return known[1]
    deletions, key = _state.deletions, id(origin)
    made = Deletion()
    deletions[key] = (weakref.ref(origin, lambda _gone: deletions.pop(key, None)), made)
    return made
