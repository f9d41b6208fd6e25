"""The doctor's look at the services: handlers, the ways to their hosts, and destinations."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue import services
from syncqueue.conf import get_settings
from syncqueue.core.answer import Refused
from syncqueue.core.errors import (
    ConfigurationError,
    DestinationBroken,
    HandlerError,
    SecretError,
    SyncQueueError,
    Unreachable,
)
from syncqueue.doctor.finding import Finding, advise, ok, wrong
from syncqueue.execution.prepare import place_of
from syncqueue.handlers import gate
from syncqueue.handlers.base import DocumentHandler
from syncqueue.handlers.registry import shared_handler
from syncqueue.models import Destination, DestinationState
from syncqueue.outbound.connect import Outbound
from syncqueue.outbound.probe import Reach, Way, try_ways
from syncqueue.secrets import redact
from syncqueue.site import record_db

MOST_DESTINATIONS = 20  # each costs a call or two; a site may have one for every user


def examine_service(service: str, most: int = MOST_DESTINATIONS) -> Iterator[Finding]:
    """Whether a service's handler can be used, its hosts be reached, and its destinations be posted to."""
    try:
        handler = shared_handler(service)
    except ConfigurationError as error:
        yield wrong(service, str(error), _("Mend SYNCQUEUE['HANDLERS'][%r].") % service)
        return
    yield ok(service, _("Its handler can be used."))
    if not isinstance(handler, DocumentHandler):
        return
    rows = Destination.objects.using(record_db()).filter(service=service, state=DestinationState.ACTIVE, enabled=True)
    count = rows.count()
    # What is known to be broken first: that is what somebody came to see mended.
    chosen = list(rows.order_by("broken_at", "pk")[:most])
    yield from _examine(service, handler, chosen)
    if count > len(chosen):
        text = ngettext(
            "%(n)d of %(count)d destination was tried.", "%(n)d of %(count)d destinations were tried.", count
        )
        yield ok(service, text % {"n": len(chosen), "count": count})


def _examine(service: str, handler: DocumentHandler, chosen: Sequence[Destination]) -> Iterator[Finding]:
    endpoints: dict[str, list[Destination]] = {}
    for destination in chosen:
        try:
            found = gate.endpoint(handler, place_of(destination))
        except SecretError as error:
            yield _failure(destination, error)
            continue
        if isinstance(found, Refused):
            yield _failure(destination, found.as_error())
        else:
            endpoints.setdefault(found.value, []).append(destination)
    for endpoint, destinations in endpoints.items():
        where = gate.port_of(endpoint)
        if where is None:
            text = _("The handler names no host and port (%r): the ways there are not tried.") % endpoint
            yield advise(service, text, _("Let its endpoint() return a text such as “example.org:443”."))
            yield from _check_all(destinations)
            continue
        reach = asyncio.run(try_ways(*where, Outbound()))
        yield from ways_findings(service, endpoint, reach, force_ipv4=handler.config.force_ipv4)
        if any(not way.problem for way in reach.ways):
            yield from _check_all(destinations)
        else:
            names = ", ".join(destination.name for destination in destinations)
            yield advise(service, _("Not tried, as their host cannot be reached: %s.") % names, "")


def ways_findings(service: str, endpoint: str, reach: Reach, *, force_ipv4: bool) -> Iterator[Finding]:
    """What trying the ways to a host has shown, with the setting that mends it."""
    if reach.problem:
        text = _("The name of %(endpoint)s cannot be resolved: %(problem)s.")
        advice = _(
            "Look at the address in the settings or the destination, and at this machine's DNS (/etc/resolv.conf)."
        )
        yield wrong(service, text % {"endpoint": endpoint, "problem": reach.problem}, advice, reach.resolved_seconds)
        return
    text = f"{endpoint}: {'; '.join(map(_way_text, reach.ways))}."
    new, old = reach.of("IPv6"), reach.of("IPv4")
    slowest = max((way.seconds for way in reach.ways), default=None)
    setting = f"SYNCQUEUE['HANDLERS'][{service!r}]['FORCE_IPV4']"
    if not any(not way.problem for way in reach.ways):
        advice = _(
            "Nothing there answers: look at this machine's firewall and routes, and at the service's own status."
        )
        yield wrong(service, text, advice, slowest)
    elif force_ipv4 and not _works(old):
        yield wrong(service, text, _("Only IPv6 works from here: set %s = False.") % setting, slowest)
    elif not force_ipv4 and new and not _works(new):
        advice = _("IPv6 does not work from here: set %s = True.") % setting
        # One that hangs costs each new connection time; one that is refused at once does not.
        yield (wrong if any(way.hangs for way in new) else advise)(service, text, advice, slowest)
    elif not force_ipv4 and old and not _works(old):
        yield advise(service, text, _("IPv4 does not work from here; IPv6 is used."), slowest)
    else:
        yield ok(service, text, slowest)


def _works(ways: Iterable[Way]) -> bool:
    return any(not way.problem for way in ways)


def _way_text(way: Way) -> str:
    result = way.problem or _("answers in %d ms") % round(way.seconds * 1000)
    return f"{way.family} {way.address}: {result}"


def _check_all(destinations: Sequence[Destination]) -> Iterator[Finding]:
    for destination in destinations:
        began = time.monotonic()
        try:
            text = services.check_destination(destination)
        except (SyncQueueError, ValueError, OSError) as error:
            yield _failure(destination, error)
            continue
        seconds = time.monotonic() - began
        if destination.broken_reason:
            advice = _("It works again: press “Try again” in the admin, and what waits for it goes out.")
            yield wrong(_area(destination), f"{text} {destination.broken_reason}", advice, seconds)
        else:
            yield ok(_area(destination), text, seconds)


def _area(destination: Destination) -> str:
    return f"{destination.service}: {destination.name}"


def _failure(destination: Destination, error: Exception) -> Finding:
    match error:
        case SecretError():
            advice = _("Put the old key into SECRET_KEY_FALLBACKS or SYNCQUEUE['ENCRYPTION_KEYS'].")
        case DestinationBroken() if destination.declared:
            advice = _("Mend SYNCQUEUE['DESTINATIONS'][%r].") % destination.declared
        case DestinationBroken():
            advice = _("Enter its credential and address again in the admin.")
        case Unreachable():
            advice = _("It goes out by itself once the service can be reached.")
        case HandlerError():
            advice = _("Look at what the service says; the rest is its affair.")
        case _:
            advice = _("Look at the destination in the admin, and at its service's settings.")
    return wrong(_area(destination), redact(str(error) or type(error).__name__), advice)


def names_of(chosen: Sequence[str]) -> list[str]:
    """The services to examine: those chosen, or all that are on."""
    return list(chosen) or list(get_settings().services)
