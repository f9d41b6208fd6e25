"""The desired state of an object at a destination, for the planner: the same for attempts and pages."""

from __future__ import annotations

from dataclasses import replace

from django.db.models import Model

from syncqueue.core.answer import Answer, Asked, Refused
from syncqueue.handlers.registry import takes_private
from syncqueue.models import Destination
from syncqueue.sources import gate
from syncqueue.sources.planner import DesiredState
from syncqueue.sources.registry import ModelSync


def desired_state(source: ModelSync | None, obj: Model | None, destination: Destination) -> Answer[DesiredState]:
    """Return the desired state of one object at one destination."""
    state = DesiredState(
        exists=obj is not None,
        rule=destination.rule,
        rule_value=destination.rule_value,
        start_at=destination.start_at,
        retiring=destination.is_retiring,
        takes_private=takes_private(destination.service),
    )
    if source is None or obj is None or state.retiring:  # nothing is wanted, so the site's code is not called
        return Asked(state)
    content = gate.content(source, obj, destination)
    created_at, times = gate.created_at(source, obj), gate.live_times(source, obj)
    owners = _is_owners(source, obj, destination)
    if isinstance(content, Refused):
        return content
    if isinstance(created_at, Refused):
        return created_at
    if isinstance(times, Refused):
        return times
    if isinstance(owners, Refused):
        return owners
    return Asked(
        replace(
            state,
            live=content.value.live,
            document=content.value.document,
            created_at=created_at.value,
            live_from=times.value[0],
            live_until=times.value[1],
            is_owners=owners.value,
        )
    )


def _is_owners(source: ModelSync, obj: Model, destination: Destination) -> Answer[bool]:
    """Return whether the object may be at a destination, by its owners.

    Site-wide destinations keep their copies whatever `owner` returns: a site whose users get their own destinations
    keeps what it has published. `owners` returns all intended owners, the site only if it is one.
    """
    if destination.owner_id is None and not gate.names_all_owners(source):
        return Asked(True)
    owners = gate.owner_keys(source, obj)
    if isinstance(owners, Refused):
        return owners
    # A key may be a number on one side and a text on the other.
    key = destination.owner_id
    return Asked(None in owners.value if key is None else str(key) in map(str, owners.value - {None}))
