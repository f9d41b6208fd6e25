"""What an object and a destination ask for, as the planner takes it: asked by attempts and by pages alike."""

from __future__ import annotations

from dataclasses import replace

from django.db.models import Model

from syncqueue.core.answer import Answer, Asked, Refused
from syncqueue.handlers.base import Document
from syncqueue.models import Destination, DestinationState
from syncqueue.sources import gate
from syncqueue.sources.planner import DesiredState
from syncqueue.sources.registry import ModelSync


def desired_state(
    source: ModelSync | None, obj: Model | None, destination: Destination, document: Document | None
) -> Answer[DesiredState]:
    """The desired state of one object at one destination. `document`: None where the object is not live."""
    state = DesiredState(
        exists=obj is not None,
        live=document is not None,
        document=document,
        rule=destination.rule,
        rule_value=destination.rule_value,
        start_at=destination.start_at,
        retiring=destination.state == DestinationState.RETIRING,
    )
    if source is None or obj is None:
        return Asked(state)
    created_at, times = gate.created_at(source, obj), gate.live_times(source, obj)
    # A site-wide destination keeps what it shows up to date, whoever owns the object now.
    owner = gate.owner_key(source, obj) if destination.owner_id is not None else Asked(None)
    if isinstance(created_at, Refused):
        return created_at
    if isinstance(times, Refused):
        return times
    if isinstance(owner, Refused):
        return owner
    return Asked(
        replace(
            state,
            created_at=created_at.value,
            live_from=times.value[0],
            live_until=times.value[1],
            is_owners=str(destination.owner_id) == str(owner.value) if destination.owner_id is not None else True,
        )
    )


def desired_elsewhere(state: DesiredState, destination: Destination) -> DesiredState:
    """The same object at another destination of the same owner."""
    return replace(
        state,
        rule=destination.rule,
        rule_value=destination.rule_value,
        start_at=destination.start_at,
        retiring=destination.is_retiring,
    )
