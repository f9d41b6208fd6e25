"""One deletion with all cascaded objects: gathered while Django announces them, recorded when they are deleted.

Django sends pre_delete for every object before it deletes the first one, and post_delete for each one afterwards.
Recording them together costs a few queries for all of them instead of a few for each.
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

# Time limit, per deletion, for asking the site about copies that existed before syncqueue.
MOST_ASKING_SECONDS = 5.0


class Deletion:
    """The objects that one call of `delete()` deletes."""

    def __init__(self) -> None:
        """No object is announced yet."""
        self._announced: dict[ModelSync, dict[str, Change]] = {}
        self._noted: dict[ModelSync, set[str]] = {}
        self._places: dict[Any, list[Destination]] = {}  # by owners
        self._asked_seconds = 0.0

    def announce(self, source: ModelSync, change: Change, using: str) -> None:
        """Note that an object is about to be deleted from a database."""
        if gate.adopts(source):
            change = replace(change, left=self._copies_from_before(source, change, using))
        self._announced.setdefault(source, {})[change.pk] = change

    def _copies_from_before(self, source: ModelSync, change: Change, using: str) -> Left:
        """Ask the site about copies that have no record yet; after the deletion this is not possible any more.

        If the time limit is over, or the site's code raises, a record of each place says that a copy may be left.
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
            with savepoint(using):  # a failed query of the site's code must not break its deletion
                return adopting.copies_of_deleted(source, change.obj, places)
        except DatabaseError:
            logger.exception("existing_remote() failed for %s:%s", source.label, change.pk)
            return dict.fromkeys(place.pk for place in places)
        finally:
            self._asked_seconds += time.monotonic() - began

    def report(self, source: ModelSync, change: Change) -> Iterable[Change]:
        """Note that an object was deleted; returns the changes to record now, those of all announced objects."""
        announced = self._announced.pop(source, {})
        noted = self._noted.setdefault(source, set())
        announced.setdefault(change.pk, change)
        found = [one for pk, one in announced.items() if pk not in noted]
        noted.update(announced)
        return found


class _State(threading.local):
    """Per thread, as database connections are."""

    def __init__(self) -> None:
        # By the id of the object or queryset on which `delete()` was called, as long as that exists.
        self.deletions: dict[int, tuple[weakref.ref[Any], Deletion]] = {}


_state = _State()


def deletion_of(origin: Any) -> Deletion:
    """Return the deletion that began at `origin`; a new one if Django passes no origin."""
    if origin is None:
        return Deletion()
    known = _state.deletions.get(id(origin))
    if known is not None and known[0]() is origin:
        return known[1]
    deletions, key = _state.deletions, id(origin)
    made = Deletion()
    deletions[key] = (weakref.ref(origin, lambda _gone: deletions.pop(key, None)), made)
    return made
