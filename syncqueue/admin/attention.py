"""Notices about problems that need a person: the first lines of the dashboard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue import services
from syncqueue.admin import cures
from syncqueue.admin.cards import Card
from syncqueue.admin.cures import names_of
from syncqueue.admin.sentences import Cure, Target, service_target
from syncqueue.core.duty import DutyState
from syncqueue.core.hold import BREAKER, RATE, stopped_service
from syncqueue.models import Destination, DestinationState, RecordState, SyncRecord, Verification
from syncqueue.presentation.duties import failing_words
from syncqueue.presentation.figures import capped, figure, labelled, listed, moment
from syncqueue.presentation.holds import reason_words
from syncqueue.presentation.reasons import in_words
from syncqueue.presentation.records import as_sentence
from syncqueue.presentation.verifications import needs_person, summary
from syncqueue.sources.records import missing_copies

DESTINATIONS_NAMED = 5
OBJECTS_NAMED = 3
DUTIES_NAMED = 3
VERIFICATIONS_READ = 200  # the newest: a site may have a destination for every user
COUNTED = 10_000  # limit for counting, because the page is requested every few seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A sentence, the pages of the things that it names, and the cures."""

    text: str
    names: Mapping[str, Target] = field(default_factory=dict)
    cures: tuple[Cure, ...] = ()
    is_urgent: bool = True  # it does not end by itself


def notices(cards: Sequence[Card], duties: Sequence[DutyState] = ()) -> list[Notice]:
    """Return the notices, those that do not end by themselves first. `duties`: those that fail in a worker."""
    found = [
        *_broken_destinations(),
        *_emptied_places(),
        *_held_records(),
        *_refused_objects(),
        *_verifications(),
        *_without_worker(cards),
        *_failing_duties(duties),
    ]
    for card in cards:
        found += _of_card(card)
    return sorted(found, key=lambda notice: not notice.is_urgent)


def _of_card(card: Card) -> Iterator[Notice]:
    if card.problem:
        yield Notice(text=labelled(card.service, card.problem), names=_named(card))
    stats = card.stats
    if stats is None:
        return
    if stats.failed_count:
        text = ngettext(
            "%(service)s: %(count)s task failed and waits for a decision: retry or delete it.",
            "%(service)s: %(count)s tasks failed and wait for a decision: retry or delete them.",
            stats.failed_count,
        ) % {"service": card.service, "count": figure(stats.failed_count)}
        shown = cures.of_failures(card.service, see=_where_failures_are(card.service, stats.failed_count))
        yield Notice(text=text, names=_named(card), cures=shown)
    yield from _failed_records(card.service, stats.failed_count)
    if stats.paused:
        text = _("%(service)s is paused; %(waiting)s until someone resumes it.")
        waits = {"service": card.service, "waiting": _tasks_wait(_waiting_count(card))}
        yield Notice(text=text % waits, names=_named(card), cures=cures.resume(card.service))
    yield from _refused_tasks(card)
    yield from _holds_that_end(card)


def _named(*cards: Card) -> Mapping[str, Target]:
    """Return the pages of the services in a sentence."""
    return {card.service: service_target(card.service) for card in cards}


def _where_failures_are(service: str, count: int) -> Target:
    """Return the page of the reasons, or that of the tasks if some of them belong to no object."""
    states = (RecordState.FAILED, RecordState.UNKNOWN)
    if _count(SyncRecord.objects.filter(service=service, state__in=states)) >= min(count, COUNTED):
        return Target("queue_failures")
    return Target("queue_tasks", (service, "failed"))


def _see_workers() -> tuple[Cure, ...]:
    return (Cure(label=_("See the workers"), target=Target("queue_workers"), command="syncqueue workers"),)


def _without_worker(cards: Sequence[Card]) -> Iterator[Notice]:
    alone = [card for card in cards if card.stats and not card.worker_count]
    if alone:
        names, count = listed(card.service for card in alone), sum(_waiting_count(card) for card in alone)
        text = _("No worker is running for %(names)s; %(waiting)s. Start one with “manage.py runsyncworker”.")
        text %= {"names": names, "waiting": _tasks_wait(count)}
        yield Notice(text=text, names=_named(*alone), cures=_see_workers())


def _failing_duties(duties: Sequence[DutyState]) -> Iterator[Notice]:
    by_name = {duty.name: duty for duty in duties}  # several workers may have the same problem
    for duty in list(by_name.values())[:DUTIES_NAMED]:
        yield Notice(text=failing_words(duty), cures=_see_workers())


def _waiting_count(card: Card) -> int:
    return card.stats.pending_count + card.stats.delayed_count if card.stats else 0


def _refused_tasks(card: Card) -> Iterator[Notice]:
    """Yield a notice if a service refuses generic tasks, which belong to no destination."""
    for hold in card.holds:
        if hold.name == stopped_service(card.service).name and not hold.lifted:
            text = _(
                "%(service)s has been refused since %(since)s (%(reason)s); %(waiting)s until someone resumes it."
            ) % {
                "service": card.service,
                "since": moment(hold.since_at or timezone.now()),
                "reason": reason_words(hold).rstrip(".。"),
                "waiting": _tasks_wait(hold.parked_count),
            }
            yield Notice(text=text, names=_named(card), cures=cures.resume(card.service))


def _holds_that_end(card: Card) -> Iterator[Notice]:
    for hold in card.holds:
        if hold.kind in (BREAKER, RATE) and not hold.lifted:
            text = _("%(service)s: %(reason)s, since %(since)s; %(waiting)s and will be sent automatically.") % {
                "service": card.service,
                "reason": reason_words(hold).rstrip(".。"),
                "since": moment(hold.since_at or timezone.now()),
                "waiting": (_messages_wait if hold.kind == BREAKER else _tasks_wait)(hold.parked_count),
            }
            see = Cure(
                label=_("See what waits"), target=Target("queue_tasks", (card.service, "delayed")),
                command="syncqueue doctor",
            )  # fmt: skip
            what = (see, *cures.of_hold(hold.name, card.service))
            yield Notice(text=text, names=_named(card), cures=what, is_urgent=False)


def _broken_destinations() -> Iterator[Notice]:
    rows = Destination.objects.exclude(broken_reason="").filter(enabled=True).order_by("broken_at", "pk")
    for row in rows[:DESTINATIONS_NAMED]:
        waiting = SyncRecord.objects.filter(destination=row, state=RecordState.WAITING)
        count = _count(waiting)
        values = {
            "service": row.service,
            "name": row.name,
            "since": moment(row.broken_at or timezone.now()),
            "reason": in_words(row.broken_reason).rstrip(".。"),
            "waiting": ngettext("%(count)s object waits", "%(count)s objects wait", count)
            % {"count": capped(count, COUNTED)},
        }
        text = _("%(service)s: %(name)s has been refused since %(since)s (%(reason)s); %(waiting)s.") % values
        yield Notice(text=text, names=names_of(row), cures=cures.of_destination(row))


def _emptied_places() -> Iterator[Notice]:
    """Yield notices about places that were gone and were created again, without the former copies."""
    rows = Destination.objects.filter(emptied_at__isnull=False, state=DestinationState.ACTIVE).order_by("-emptied_at")
    for row in rows[:DESTINATIONS_NAMED]:
        count = _count(missing_copies(row))
        if not count:
            continue
        text = ngettext(
            "%(service)s: %(name)s had disappeared and was created again (%(since)s); %(count)s copy is missing.",
            "%(service)s: %(name)s had disappeared and was created again (%(since)s); %(count)s copies are missing.",
            count,
        ) % {
            "service": row.service,
            "name": row.name,
            "since": moment(row.emptied_at),
            "count": capped(count, COUNTED),
        }
        yield Notice(text=text, names=names_of(row), cures=cures.refill(row))


def _verifications() -> Iterator[Notice]:
    """Yield notices about findings of `syncqueue verify` that were not corrected since."""
    rows = Verification.objects.select_related("destination").order_by("-seen_at")
    told = [row for row in rows[:VERIFICATIONS_READ] if needs_person(row) or row.stopped or row.unknown_count]
    for row in told[:DESTINATIONS_NAMED]:
        place = row.destination
        text = _("%(service)s: %(name)s was verified. %(summary)s") % {
            "service": place.service,
            "name": place.name,
            "summary": summary(row),
        }
        is_urgent = needs_person(row)
        shown = cures.differs(place) if is_urgent else cures.verified(place)
        yield Notice(text=text, names=names_of(place), cures=shown, is_urgent=is_urgent)


def _held_records() -> Iterator[Notice]:
    count = _count(SyncRecord.objects.filter(state=RecordState.UNKNOWN))
    if count:
        text = ngettext(
            "%(count)s object is held because a response was lost: check whether its copy exists, then sync it.",
            "%(count)s objects are held because a response was lost: check whether their copies exist, then sync them.",
            count,
        ) % {"count": capped(count, COUNTED)}
        target = Target("syncrecord_changelist", query="state__exact=unknown")
        see = Cure(label=_("See the objects"), target=target, command="syncqueue failures")
        yield Notice(text=text, cures=(see,))


def _refused_objects() -> Iterator[Notice]:
    """Yield a notice about objects that cannot be recorded, because the site's own code raises for them."""
    rows = services.refused_objects()
    count = rows[: COUNTED + 1].count()
    if count:
        text = ngettext(
            "%(count)s object is not synced, because the site's own code raises an exception: %(reasons)s",
            "%(count)s objects are not synced, because the site's own code raises exceptions, such as: %(reasons)s",
            count,
        ) % {
            "count": capped(count, COUNTED),
            "reasons": as_sentence(_("; ").join(in_words(row.reason).rstrip(".。") for row in rows[:OBJECTS_NAMED])),
        }
        yield Notice(text=text, cures=cures.of_refused_objects())


def _failed_records(service: str, dead_letters: int) -> Iterator[Notice]:
    """Yield a notice about records whose dead letters are gone, because Redis was emptied or has trimmed them."""
    count = _count(SyncRecord.objects.filter(service=service, state=RecordState.FAILED))
    if count > dead_letters:
        text = ngettext(
            "%(service)s: %(count)s object failed, and Redis no longer has its task: check it, then sync it.",
            "%(service)s: %(count)s objects failed, and Redis no longer has the tasks of some: check them, then "
            "sync them.",
            count,
        ) % {"service": service, "count": capped(count, COUNTED)}
        shown = cures.of_failures(service, see=Target("queue_failures"))
        yield Notice(text=text, names={service: service_target(service)}, cures=shown)


def _count(rows: QuerySet[SyncRecord]) -> int:
    return rows.order_by()[: COUNTED + 1].count()


def _tasks_wait(count: int) -> str:
    return ngettext("%(count)s task waits", "%(count)s tasks wait", count) % {"count": figure(count)}


def _messages_wait(count: int) -> str:
    return ngettext("%(count)s message waits", "%(count)s messages wait", count) % {"count": figure(count)}
