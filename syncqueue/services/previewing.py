"""Previews of an object's copies at each destination, and links to the copies that readers may see.

Previews use the same code as attempts: the same desired state, the same refusals, the handler's own rendering.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from django.db.models import Model
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from syncqueue.core.answer import Answer, Asked, Refused
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.errors import ConfigurationError, HandlerError, SecretError
from syncqueue.execution.prepare import place_of
from syncqueue.handlers import bounds, gate
from syncqueue.handlers.base import Document, DocumentHandler, Place, PreviewPart, RemotePart
from syncqueue.handlers.registry import make_handler, shared_handler
from syncqueue.models import Destination, SyncRecord, new_token
from syncqueue.presentation.previews import Preview
from syncqueue.presentation.records import as_sentence, reason_text
from syncqueue.services.deadline import within_deadline
from syncqueue.services.objects import considered, source_of
from syncqueue.sources import gate as sources_gate
from syncqueue.sources.desired import desired_state
from syncqueue.sources.planner import DesiredState, Reason, is_too_old, refusal
from syncqueue.sources.records import read_parts
from syncqueue.sources.registry import ModelSync
from syncqueue.sources.same_place import Sibling, are_one, counted_together, share

logger = logging.getLogger("syncqueue.services")

PREVIEW_SECONDS = 5.0  # time limit for one destination


@dataclass(frozen=True, slots=True, kw_only=True)
class _Considered:
    """The desired state at one destination."""

    destination: Destination
    record: SyncRecord  # an unsaved one if there is none
    desired: Answer[DesiredState]
    now: datetime

    @property
    def reason(self) -> Reason | None:
        """Why nothing would be posted there; None if something would."""
        if isinstance(self.desired, Refused):
            return None
        found = refusal(self.desired.value, self.now)
        state = self.desired.value
        if found is None and not self.record.parts and is_too_old(state.created_at, state.start_at):
            return Reason.TOO_OLD
        return found

    @property
    def wants(self) -> bool:
        """Whether its destination accepts the object."""
        return isinstance(self.desired, Asked) and self.reason is None

    @property
    def acts(self) -> bool:
        """Whether its destination accepts the object and is not stopped."""
        return self.wants and not self.destination.is_stopped


def preview(obj: Model) -> list[Preview]:
    """Return a preview of an object, saved or not, for each destination that is considered for it.

    Nothing is sent or stored. Raises `ConfigurationError` if its model is not registered.
    """
    source = source_of(obj)
    places, refused = considered(source, obj)
    found = _with_shared(source, obj, [_consider(source, obj, *one) for one in places])
    previews = _rendered(found)
    if refused is not None:
        label = f"{obj._meta.label_lower}:{obj.pk}"
        text = _("could not be read: %(error)s") % {"error": refused.reason}
        return [Preview(destination=label, service="", reason=text), *previews]
    return previews


def _consider(source: ModelSync, obj: Model, destination: Destination, record: SyncRecord | None) -> _Considered:
    # Records that do not exist yet would be created in the order of the destinations, after all others.
    virtual = SyncRecord(pk=2**62 + destination.pk, destination=destination, source=source.label)
    return _Considered(
        destination=destination,
        record=record or virtual,
        desired=desired_state(source, obj, destination),
        now=SYSTEM_CLOCK.now(),
    )


def _with_shared(source: ModelSync, obj: Model, found: Sequence[_Considered]) -> list[_Considered]:
    """Add the name of the destination that shows the object instead, if another one at the same place does."""
    owners = sources_gate.parties(source, obj)
    keys = owners.value if isinstance(owners, Asked) else frozenset()
    return [_shown_elsewhere(one, found, keys) for one in found]


def _shown_elsewhere(one: _Considered, found: Sequence[_Considered], owners: frozenset[object]) -> _Considered:
    others = {
        other.destination.pk: other
        for other in found
        if other is not one and are_one(one.destination, other.destination)
    }
    if not others or one.destination.is_stopped or isinstance(one.desired, Refused):
        return one
    siblings = [
        Sibling(
            record=others[place.pk].record,
            destination=place,
            wants=others[place.pk].acts,
            parts=read_parts(others[place.pk].record),
        )
        for place in counted_together(one.destination, [other.destination for other in others.values()], owners)
    ]
    shown_by = share(one.record, one.wants, read_parts(one.record), siblings).shown_by
    if shown_by is None:
        return one
    return replace(one, desired=Asked(replace(one.desired.value, shown_by=shown_by.name)))


@sensitive_variables()
def _rendered(found: Sequence[_Considered]) -> list[Preview]:
    """Render the document of each destination."""
    jobs: dict[int, tuple[str, Place, Document]] = {}
    answers: dict[int, Answer[tuple[PreviewPart, ...]]] = {}
    for one in found:
        key = one.destination.pk
        if one.reason not in (None, Reason.NOT_YET) or isinstance(one.desired, Refused):
            continue
        document = one.desired.value.document
        if document is None:
            continue
        if too_large := bounds.refusal(document):
            answers[key] = Refused(too_large, HandlerError(too_large))
            continue
        try:
            jobs[key] = (one.destination.service, place_of(one.destination), document)
        except SecretError as error:
            answers[key] = Refused(str(error), error)
    if jobs:
        try:
            answers |= within_deadline(partial(_render_all, jobs), owner=f"preview {new_token()}")
        except HandlerError as error:
            answers |= {key: Refused(str(error), error) for key in jobs}
    return [_preview_of(one, answers.get(one.destination.pk)) for one in found]


async def _render_all(
    jobs: Mapping[int, tuple[str, Place, Document]],
) -> dict[int, Answer[tuple[PreviewPart, ...]]]:
    found = await asyncio.gather(*(_render(*job) for job in jobs.values()))
    return dict(zip(jobs, found, strict=True))


async def _render(service: str, place: Place, document: Document) -> Answer[tuple[PreviewPart, ...]]:
    try:
        handler = make_handler(service)
    except ConfigurationError as error:
        return Refused(str(error), error)
    async with gate.opened(handler) as opened:
        if not isinstance(opened, DocumentHandler):
            text = _("There is nothing to show at this service.")
            return Refused(text, HandlerError(text))
        try:
            async with asyncio.timeout(PREVIEW_SECONDS):
                return await gate.preview(opened, document, place)
        except TimeoutError as error:
            return Refused(_("No answer within %g s.") % PREVIEW_SECONDS, error)


def _preview_of(one: _Considered, answer: Answer[tuple[PreviewPart, ...]] | None) -> Preview:
    shown = Preview(destination=one.destination.name, service=one.destination.service)
    if isinstance(one.desired, Refused):
        return replace(shown, reason=_("could not be read: %(error)s") % {"error": one.desired.reason})
    reason = reason_text(one.reason) if one.reason is not None else ""
    if isinstance(answer, Refused):
        return replace(shown, reason=_("cannot go out: %(error)s") % {"error": as_sentence(answer.reason)})
    return replace(shown, reason=reason, parts=answer.value if answer is not None else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicCopy:
    """A copy that everybody can see."""

    destination: str
    service: str
    url: str


def copies(obj: Model) -> list[PublicCopy]:
    """Return links to an object's public copies, for its readers, in the order of the destinations' names.

    Copies of private objects, unwanted copies that are waiting for their removal, and copies at places that are not
    public are left out. Raises `ConfigurationError` if its model is not registered.
    """
    source = source_of(obj)
    places, _refused = considered(source, obj)
    found = [_consider(source, obj, place, record) for place, record in places if record is not None and record.parts]
    return [
        PublicCopy(destination=one.destination.name, service=one.destination.service, url=part.url)
        for one in found
        if (part := _public_part(one)) is not None
    ]


def _public_part(one: _Considered) -> RemotePart | None:
    """Return the first part with a link if everybody can see it, else None."""
    if not one.wants or isinstance(one.desired, Refused) or one.desired.value.document is None:
        return None
    part = next((part for part in read_parts(one.record) if part.url), None)
    try:
        handler = shared_handler(one.destination.service)
    except ConfigurationError:  # the service is not enabled
        return None
    if part is None or not isinstance(handler, DocumentHandler):
        return None
    place = Place(
        id=one.destination.pk,
        name=one.destination.name,
        address=one.destination.current_address,
        options=one.destination.current_options,
        is_users=one.destination.owner_id is not None,
    )
    return part if gate.is_public(handler, one.desired.value.document, place, part) else None
