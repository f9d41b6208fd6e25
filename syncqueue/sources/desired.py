"""The desired state of an object at a destination, for the planner: the same for attempts and pages."""

from __future__ import annotations

from dataclasses import replace

from django.db.models import Model

from syncqueue.core.answer import Answer, Asked, Refused
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
    )
    if source is None or obj is None or state.retiring:  # nothing is wanted, so the site's code is not called
        return Asked(state)
    content = gate.content(source, obj, destination)
    created_at, times = gate.created_at(source, obj), gate.live_times(source, obj)
    # A site-wide destination keeps its copy up to date even if the object's owner has changed.
    owners = gate.owner_keys(source, obj) if destination.owner_id is not None else Asked(frozenset())
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
            is_owners=destination.owner_id is None or str(destination.owner_id) in map(str, owners.value),
        )
    )
