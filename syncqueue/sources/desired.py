"""What an object and a destination ask for, as the planner takes it: asked by attempts and by pages alike."""

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
    """The desired state of one object at one destination."""
    state = DesiredState(
        exists=obj is not None,
        rule=destination.rule,
        rule_value=destination.rule_value,
        start_at=destination.start_at,
        retiring=destination.is_retiring,
        takes_private=takes_private(destination.service),
    )
    if source is None or obj is None or state.retiring:  # nothing is wanted, whatever the site's code would say
        return Asked(state)
    content = gate.content(source, obj, destination)
    created_at, times = gate.created_at(source, obj), gate.live_times(source, obj)
    # A site-wide destination keeps what it shows up to date, whoever owns the object now.
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
