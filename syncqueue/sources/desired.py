"""What an object and a destination ask for, as the planner takes it: asked by attempts and by pages alike."""

from __future__ import annotations

from dataclasses import replace

from django.db.models import Model

from syncqueue.handlers.base import Document
from syncqueue.models import Destination, DestinationState
from syncqueue.sources.planner import DesiredState
from syncqueue.sources.registry import ModelSync


def desired_state(
    source: ModelSync | None, obj: Model | None, destination: Destination, document: Document | None
) -> DesiredState:
    """The desired state of one object at one destination. `document`: None where the object is not live.

    Calls the site's ModelSync, and raises what it raises.
    """
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
        return state
    return replace(
        state,
        created_at=source.created_at(obj),
        live_from=source.moment(obj, "live_from"),
        live_until=source.moment(obj, "live_until"),
        # A site-wide destination keeps what it shows up to date, whoever owns the object now.
        is_owners=destination.owner_id is None or str(destination.owner_id) == str(source.owner_key(obj)),
    )


def desired_elsewhere(state: DesiredState, destination: Destination) -> DesiredState:
    """The same object at another destination of the same owner."""
    return replace(
        state, rule=destination.rule, rule_value=destination.rule_value, start_at=destination.start_at, retiring=False
    )
