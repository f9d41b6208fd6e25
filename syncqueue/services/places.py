"""Operations on destinations: after a save, after a repair, retirement, checks and tests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from django.db.models import F
from django.db.models.expressions import CombinedExpression
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from syncqueue.conf import get_settings
from syncqueue.core.answer import Answer, Refused, words
from syncqueue.core.chunks import chunks
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.errors import ConfigurationError, HandlerError, QueueError
from syncqueue.core.hold import rate_of, stopped
from syncqueue.core.lines import one_line
from syncqueue.dispatch.site_queues import get_queue
from syncqueue.execution.prepare import place_of
from syncqueue.execution.sending import send
from syncqueue.handlers import gate
from syncqueue.handlers.base import Document, DocumentHandler, DocumentJob, JobStep, Place, PlaceChoice, RemotePart
from syncqueue.handlers.registry import make_handler, posts
from syncqueue.models import Destination, DestinationState, Verification, new_token
from syncqueue.queue.calls import CHUNK
from syncqueue.secrets import mask, masked_traceback, redact
from syncqueue.services.deadline import within_deadline
from syncqueue.services.objects import enqueue_pending
from syncqueue.site import record_db
from syncqueue.sources import destinations
from syncqueue.sources.intents import pending_record, touch_records
from syncqueue.sources.records import count_synced, missing_copies
from syncqueue.sources.walks import begin_backfill, begin_refill

T = TypeVar("T")
logger = logging.getLogger("syncqueue.services")


def rotate_secrets(*, actor: str, dry_run: bool = False) -> destinations.Rotation:
    """Encrypt every stored secret with the current key; `dry_run` only tests whether that is possible."""
    found = destinations.rotate_secrets(dry_run=dry_run)
    if not dry_run:
        logger.info("%s secrets rewritten by %s", found.rewritten_count, one_line(actor))
    return found


def mend(destination: Destination, *, actor: str) -> None:
    """Let a repaired destination continue: its waiting tasks are sent, oldest first."""
    rows = Destination.objects.using(record_db()).filter(pk=destination.pk)
    rows.update(broken_reason="", broken_at=None)
    destination.broken_reason, destination.broken_at = "", None
    _lift(destination.service, stopped(destination.pk).name, rate_of(destination.pk).name)
    logger.info("Destination %s mended by %s", destination.pk, one_line(actor))


def _lift(service: str, *names: str) -> None:
    try:
        get_queue(service).lift(*names)
    except (QueueError, ConfigurationError) as error:
        # Redis is unavailable, or the service is not enabled. Attempts read the database in any case.
        logger.warning("%s", error)


def fill_new(destination: Destination) -> None:
    """Request that older objects are recorded for a new destination, if it accepts them; called in its transaction."""
    if destination.service not in get_settings().services:
        return
    if destination.start_at is not None:
        takes_older = destination.start_at < destination.created_at
    else:
        try:
            takes_older = not posts(destination.service)
        except ConfigurationError as error:  # this process does not have the handler, or its library
            logger.error("Whether older objects belong to destination %s is not known: %s", destination.pk, error)
            return
    if takes_older:
        begin_backfill(destination)


def release(destination: Destination) -> None:
    """Let the tasks of a changed destination continue, if it is in order; called after the commit."""
    if destination.service in get_settings().services and destination.enabled and not destination.broken_reason:
        _lift(destination.service, stopped(destination.pk).name)


def wake_resting(destination: Destination) -> None:
    """Let others at the place of a stopped destination show what it has not sent; called in its transaction."""
    if woken := destinations.wake_resting(destination):
        enqueue_pending([pending_record(row, row.destination) for row in woken])


def may_refill(destination: Destination) -> bool:
    """Return whether copies are missing that can be written again without notifying anybody: those of an index."""
    try:
        if posts(destination.service):
            return False
    except ConfigurationError:  # its service is not enabled
        return False
    lost = Verification.objects.using(record_db()).filter(destination_id=destination.pk, mended_count__lt=_drifted())
    return lost.exists() or missing_copies(destination).exists()


def _drifted() -> CombinedExpression:
    return F("gone_count") + F("changed_count") + F("unwanted_count")


def refill(destination: Destination, *, actor: str) -> None:
    """Request that workers write all copies of a destination again, because its place has lost them."""
    begin_refill(destination)
    Verification.objects.using(record_db()).filter(destination_id=destination.pk).update(mended_count=_drifted())
    destinations.forget_emptied(destination.pk)
    logger.info("The copies of destination %s are written again, asked for by %s", destination.pk, one_line(actor))


def retire(destination: Destination, *, remove_remote: bool, actor: str) -> None:
    """Delete a destination: immediately, leaving its remote copies, or after they have been removed."""
    left = destinations.begin_retirement(destination, remove_remote=remove_remote)
    count = sum(row.destination_id == destination.pk for row in left)
    logger.info("Destination %s retired by %s, %s copies to be removed", destination.pk, one_line(actor), count)
    for piece in chunks(left, CHUNK):
        enqueue_pending(touch_records(piece, now=SYSTEM_CLOCK.now()))


def retire_of_owner(owner_id: Any) -> None:
    """Retire the destinations of a user who was deleted; their remote copies stay."""
    failed: Exception | None = None
    for destination in Destination.objects.using(record_db()).filter(owner_id=owner_id, state=DestinationState.ACTIVE):
        try:
            retire(destination, remove_remote=False, actor="the deletion of its owner")
        except Exception as error:  # raised below, after the others have been retired
            failed = failed or error
    if failed is not None:
        raise failed


@sensitive_variables()
def check_destination(destination: Destination) -> str:
    """Check a destination's address and credential without posting; returns a sentence. Raises `HandlerError`."""
    place = place_of(destination)
    return within_deadline(partial(_check, destination.service, place), owner=_owner(destination))


async def _check(service: str, place: Place) -> str:
    async with gate.opened(make_handler(service)) as handler:
        if not isinstance(handler, DocumentHandler):
            return _("There is nothing to check at this service.")
        return _or_raise(await gate.check(handler, place))


def _owner(destination: Destination) -> str:
    return "" if destination.owner_id is None else str(destination.owner_id)


def _or_raise(answer: Answer[T]) -> T:
    if isinstance(answer, Refused):
        raise answer.as_error()
    return answer.value


def count_missing(destination: Destination) -> int:
    """Return how many copies are missing at a destination according to its records. Raises `HandlerError`.

    0 if the service does not report a number, or if others have put at least as many entries there.
    """
    before = count_synced(destination.pk)
    found = asyncio.run(_count(destination))
    # Counted before and after, because copies may appear or disappear meanwhile.
    return 0 if found is None else max(min(before, count_synced(destination.pk)) - found, 0)


async def _count(destination: Destination) -> int | None:
    async with gate.opened(make_handler(destination.service)) as handler:
        if not isinstance(handler, DocumentHandler):
            return None
        return _or_raise(await gate.count(handler, place_of(destination)))


@sensitive_variables()
def send_test(destination: Destination) -> str:
    """Post a line to a destination and delete it again; returns a sentence. Raises `HandlerError`.

    An index is only checked, as by `check_destination`, because searches would find a test row.
    """
    place = place_of(destination)
    return within_deadline(partial(_send_test, destination.service, place), owner=_owner(destination))


async def _send_test(service: str, place: Place) -> str:
    async with gate.opened(make_handler(service)) as handler:
        if not isinstance(handler, DocumentHandler):
            return _("There is nothing to test at this service.")
        if not handler.posts:
            return _or_raise(await gate.check(handler, place))
        parts = await _sent(handler, _test_job(place, "create", ()))
        await _sent(handler, _test_job(place, "delete", parts))
        return _("A test was posted to %(name)s and deleted again.") % {"name": place.name}


async def _sent(handler: DocumentHandler, job: DocumentJob) -> Sequence[RemotePart]:
    try:
        (answer,) = await send(handler, [job])
    except HandlerError as error:
        raise _told(error, job.place) from None
    except Exception as error:  # the site's own class
        logger.error("The test of %s failed\n%s", one_line(job.place.name), masked_traceback(error, job.place.secret))
        raise HandlerError(mask(f"{type(handler).__name__}: {words(error)}", job.place.secret)) from None
    if isinstance(answer, Exception):
        raise _told(answer, job.place)
    return answer


def _told(error: Exception, place: Place) -> Exception:
    """Return the exception, or a new one with its text if it hides a secret from `scrub`."""
    text = mask(str(error), place.secret)
    return error if text == redact(str(error)) else HandlerError(text)


def _test_job(place: Place, step: JobStep, parts: Sequence[RemotePart]) -> DocumentJob:
    async def next_key(parts: Sequence[RemotePart]) -> str:
        return new_token()  # nothing is stored, because the copy is deleted at once

    return DocumentJob(
        place=place,
        document=Document(text=_("A test: posts arrive here. This one is deleted automatically.")),
        parts=parts,
        idempotency_key=new_token(),
        uncertain=False,
        store=next_key,
        step=step,
        source="syncqueue.test",
        object_pk="1",
    )


@sensitive_variables()
def find_places(service: str, secret: Mapping[str, str], *, owner: str = "") -> Sequence[PlaceChoice]:
    """Return the places that a credential can post to; raises `HandlerError` and `ConfigurationError`.

    `owner`: the person who asks; each may make one call at a time.
    """
    return within_deadline(partial(_find_places, service, secret), owner=owner)


async def _find_places(service: str, secret: Mapping[str, str]) -> Sequence[PlaceChoice]:
    async with gate.opened(make_handler(service)) as handler:
        return _or_raise(await gate.places(handler, secret)) if isinstance(handler, DocumentHandler) else ()
