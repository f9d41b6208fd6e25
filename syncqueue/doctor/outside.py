"""The doctor's tests of the services: handlers, connections to their hosts, and destinations."""

from __future__ import annotations

import asyncio
import shlex
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue import services
from syncqueue.conf import get_settings
from syncqueue.core.answer import Asked, Refused
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
from syncqueue.presentation.reasons import in_words
from syncqueue.secrets import mask
from syncqueue.site import record_db
from syncqueue.sources.destinations import ensure_declared

MOST_DESTINATIONS = 20  # each costs a call or two; a site may have one for every user


def examine_service(service: str, most: int = MOST_DESTINATIONS) -> Iterator[Finding]:
    """Yield findings on a service: its handler, the connections to its hosts, and its destinations."""
    try:
        handler = shared_handler(service)
    except ConfigurationError as error:
        yield wrong(service, str(error), _("Correct SYNCQUEUE['HANDLERS'][%r].") % service)
        return
    yield ok(service, _("The handler can be used."))
    if not isinstance(handler, DocumentHandler):
        return
    ensure_declared()  # otherwise rows of declared destinations may have old addresses
    rows = Destination.objects.using(record_db()).filter(service=service, state=DestinationState.ACTIVE, enabled=True)
    count = rows.count()
    # Broken destinations first: they are the likely reason for running the doctor.
    chosen = list(rows.order_by("broken_at", "pk")[:most])
    yield from _examine(service, handler, chosen)
    if count > len(chosen):
        text = ngettext(
            "%(n)d of %(count)d destination was tested.", "%(n)d of %(count)d destinations were tested.", count
        )
        yield ok(service, text % {"n": len(chosen), "count": count})


def _examine(service: str, handler: DocumentHandler, chosen: Sequence[Destination]) -> Iterator[Finding]:
    endpoints: dict[str, list[Destination]] = {}
    for destination in chosen:
        try:
            place = place_of(destination)
        except SecretError as error:
            yield _failure(destination, error)
            continue
        cleaned, found = gate.clean(handler, place.address, place.options, place.secret), gate.endpoint(handler, place)
        if isinstance(cleaned, Refused):
            yield _failure(destination, cleaned.error)
        elif isinstance(found, Refused):
            advice = _("Add the port to the address, or let the handler add it: “example.org:443”.")
            yield wrong(_area(destination), _without_secrets(found.reason, destination), advice)
        elif isinstance(found, Asked):
            endpoints.setdefault(found.value, []).append(destination)
    for endpoint, destinations in endpoints.items():
        yield from _examine_endpoint(service, handler, endpoint, destinations)


def _examine_endpoint(
    service: str, handler: DocumentHandler, endpoint: str, destinations: Sequence[Destination]
) -> Iterator[Finding]:
    names = ", ".join(destination.name for destination in destinations)
    host, port = _host_and_port(endpoint)
    if not host:
        if refused := _refused_forms(handler, destinations):
            yield from refused
            return
        text = _("%(names)s: %(handler)s.endpoint() returns %(endpoint)r, which is not a host with a port.")
        values = {"names": names, "handler": type(handler).__name__, "endpoint": endpoint}
        advice = _("Add the port to the address, or let the handler add it: “example.org:443”.")
        yield wrong(service, text % values, advice)
        return
    reach = asyncio.run(try_ways(host, port, Outbound()))
    yield from ways_findings(service, endpoint, reach, force_ipv4=handler.config.force_ipv4)
    if any(not way.problem for way in reach.ways):
        yield from _check_all(destinations)
    else:
        yield advise(service, _("Not tested, because their host cannot be reached: %s.") % names, "")


def _refused_forms(handler: DocumentHandler, destinations: Sequence[Destination]) -> list[Finding]:
    """Return a finding for each destination whose stored form the handler refuses: a reason for a bad endpoint."""
    found: list[Finding] = []
    for destination in destinations:
        try:
            place = place_of(destination)
        except SecretError as error:
            found.append(_failure(destination, error))
            continue
        cleaned = gate.clean(handler, place.address, place.options, place.secret)
        if isinstance(cleaned, Refused):
            found.append(_failure(destination, cleaned.as_error()))
    return found


def _host_and_port(endpoint: str) -> tuple[str, int]:
    """Return the parts of "host:port" or "[::1]:port"; ("", 0) for anything else."""
    host, _colon, port = endpoint.rpartition(":")
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        return "", 0
    return host.strip("[]"), int(port)


def ways_findings(service: str, endpoint: str, reach: Reach, *, force_ipv4: bool) -> Iterator[Finding]:
    """Yield the finding on the connections to a host, with the setting that fixes a problem."""
    if reach.problem:
        text = _("The host name of %(endpoint)s cannot be resolved: %(problem)s.")
        advice = _(
            "Check the address in the settings or the destination, and the DNS of this machine (/etc/resolv.conf)."
        )
        yield wrong(service, text % {"endpoint": endpoint, "problem": reach.problem}, advice, reach.resolved_seconds)
        return
    text = f"{endpoint}: {'; '.join(map(_way_text, reach.ways))}."
    new, old = reach.of("IPv6"), reach.of("IPv4")
    slowest = max((way.seconds for way in reach.ways), default=None)
    setting = f"SYNCQUEUE['HANDLERS'][{service!r}]['FORCE_IPV4']"
    if not any(not way.problem for way in reach.ways):
        advice = _(
            "No address can be reached: check the firewall and routes of this machine, and the status page of the "
            "service."
        )
        yield wrong(service, text, advice, slowest)
    elif force_ipv4 and not _works(old):
        yield wrong(service, text, _("Only IPv6 works on this machine: set %s = False.") % setting, slowest)
    elif not force_ipv4 and new and not _works(new):
        advice = _("IPv6 does not work on this machine: set %s = True.") % setting
        # An address that hangs costs each new connection time; an address that refuses does not.
        yield (wrong if any(way.hangs for way in new) else advise)(service, text, advice, slowest)
    elif not force_ipv4 and old and not _works(old):
        yield advise(service, text, _("IPv4 does not work on this machine; IPv6 is used."), slowest)
    else:
        yield ok(service, text, slowest)


def _works(ways: Iterable[Way]) -> bool:
    return any(not way.problem for way in ways)


def _way_text(way: Way) -> str:
    result = way.problem or _("responds in %d ms") % round(way.seconds * 1000)
    return f"{way.family} {way.address}: {result}"


def _check_all(destinations: Sequence[Destination]) -> Iterator[Finding]:
    for destination in destinations:
        began = time.monotonic()
        try:
            text = services.check_destination(destination)
        except Exception as error:  # a handler may raise anything; the other destinations are still examined
            yield _failure(destination, error)
            continue
        seconds = time.monotonic() - began
        if destination.broken_reason:
            advice = _(
                "The destination works again: press “Try again” in the admin, or run: manage.py syncqueue mend %s"
            )
            advice %= shlex.quote(destination.declared or destination.name)
            yield wrong(_area(destination), f"{text} {in_words(destination.broken_reason)}", advice, seconds)
        else:
            yield _missing(destination, text, seconds) or ok(_area(destination), text, seconds)


def _missing(destination: Destination, text: str, seconds: float) -> Finding | None:
    """Return a finding if a destination has fewer copies than records, as after a table was dropped by hand."""
    try:
        lost = services.count_missing(destination)
    except (SyncQueueError, ValueError, OSError) as error:
        return _failure(destination, error)
    if not lost:
        return None
    text += " " + ngettext(
        "%(count)d copy that is recorded as synced is missing.",
        "%(count)d copies that are recorded as synced are missing.",
        lost,
    ) % {"count": lost}
    advice = _("Write them again: manage.py syncqueue resync --destination %s --force") % destination.pk
    return wrong(_area(destination), text, advice, seconds)


def _area(destination: Destination) -> str:
    return f"{destination.service}: {destination.name}"


def _failure(destination: Destination, error: Exception) -> Finding:
    match error:
        case SecretError():
            advice = _("Add the old key to SECRET_KEY_FALLBACKS or SYNCQUEUE['ENCRYPTION_KEYS'].")
        case DestinationBroken() | ValueError() if destination.declared:
            advice = _("Correct SYNCQUEUE['DESTINATIONS'][%r].") % destination.declared
        case DestinationBroken() | ValueError():
            advice = _("Enter the credential and the address again in the admin.")
        case Unreachable():
            advice = _("Waiting tasks are sent automatically once the service can be reached.")
        case HandlerError():
            advice = _("The service reported this error; check its status and its documentation.")
        case SyncQueueError() | ValueError() | OSError():
            advice = _("Check the destination in the admin, and the settings of its service.")
        case _:
            advice = _("This is an error in the code of the handler: fix it there.")
            return wrong(_area(destination), _without_secrets(_told(error), destination), advice)
    return wrong(_area(destination), _without_secrets(str(error) or type(error).__name__, destination), advice)


def _told(error: Exception) -> str:
    """Return the message of an unexpected exception, with the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


def _without_secrets(text: str, destination: Destination) -> str:
    """Remove the secrets of the destination from the message of a handler's exception."""
    secret: Mapping[str, str] = {}
    with suppress(SyncQueueError, ValueError):
        secret = place_of(destination).secret
    return in_words(mask(text, secret))


def names_of(chosen: Sequence[str]) -> list[str]:
    """Return the services to examine: the chosen ones, or all enabled ones."""
    return list(chosen) or list(get_settings().services)
