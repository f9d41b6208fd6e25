"""One deletion by the site, with all that goes with it: gathered while Django announces it, noted once it is done.

Django announces every object before it deletes the first one, and reports each one afterwards. Noting them one by one
would cost some statements for each; here they cost some for all of them.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.db import Error as DatabaseError

from syncqueue.core.answer import Refused
from syncqueue.dispatch.gathering import savepoint
from syncqueue.models import Destination
from syncqueue.sources import adopting, gate
from syncqueue.sources.intents import Change, Left
from syncqueue.sources.registry import ModelSync

logger = logging.getLogger("syncqueue.receivers")

# Of one deletion: how long a site may take to say what it knows of copies from before.
MOST_ASKING_SECONDS = 5.0


class Deletion:
    """What one call of `delete()` takes with it."""

    def __init__(self) -> None:
        """Nothing is announced yet."""
        self._announced: dict[ModelSync, dict[str, Change]] = {}
        self._noted: dict[ModelSync, set[str]] = {}
        self._places: dict[Any, list[Destination]] = {}  # by owners
        self._asked_seconds = 0.0

    def announce(self, source: ModelSync, change: Change, using: str) -> None:
        """An object is about to be deleted from a database."""
        if gate.adopts(source):
            change = replace(change, left=self._copies_from_before(source, change, using))
        self._announced.setdefault(source, {})[change.pk] = change

    def _copies_from_before(self, source: ModelSync, change: Change, using: str) -> Left:
        """What the site knows of copies that may have no record yet: afterwards nobody can be asked.

        Beyond its time it is not asked any more. Where that happens, and where it raises, a record says of each place
        that a copy may be left.
        """
        owners = gate.owner_keys(source, change.obj)
        if isinstance(owners, Refused):
            return {}
        if owners.value not in self._places:
            self._places[owners.value] = adopting.places_of(owners.value)
        places = self._places[owners.value]
        if not places or self._asked_seconds >= MOST_ASKING_SECONDS:
            return dict.fromkeys(place.pk for place in places)
        began = time.monotonic()
        try:
            with savepoint(using):  # what the site asks of the database must not spoil its deletion
                return adopting.copies_of_deleted(source, change.obj, places)
        except DatabaseError:
            logger.exception("The copies from before of %s:%s could not be asked for", source.label, change.pk)
            return dict.fromkeys(place.pk for place in places)
        finally:
            self._asked_seconds += time.monotonic() - began

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
