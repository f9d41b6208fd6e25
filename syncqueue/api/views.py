"""Views of the API: each calls the service layer and returns the result as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from django.db import Error as DatabaseError
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.api.auth import may
from syncqueue.api.errors import ApiError
from syncqueue.api.routing import requires
from syncqueue.core.errors import SyncQueueError
from syncqueue.core.task import TaskState
from syncqueue.models import ServicePolicy
from syncqueue.presentation.reasons import in_words
from syncqueue.services import audit
from syncqueue.services.audit import Actor
from syncqueue.services.permissions import OPERATE, VIEW

CLEARABLE = (TaskState.PENDING, TaskState.DELAYED, TaskState.FAILED)


@requires(VIEW)
def stats(request: HttpRequest, actor: Actor) -> JsonResponse:
    """Return the figures of every service."""
    return JsonResponse({"services": [asdict(services.stats(name)) for name in services.service_names()]})


@requires(VIEW)
def service_stats(request: HttpRequest, actor: Actor, service: str) -> JsonResponse:
    """Return the figures of one service."""
    return JsonResponse(asdict(services.stats(service)))


def health(request: HttpRequest) -> JsonResponse:
    """Return 200 or 503: the status alone to anyone, with figures to callers with the permission."""
    with_figures = False
    try:
        with_figures = may(request, VIEW)
        found = services.health()
    except (SyncQueueError, DatabaseError) as error:
        shown = {"error": in_words(str(error))} if with_figures else {}
        return JsonResponse({"status": "failing", **shown}, status=503)
    figures = {
        "redis": found.redis,
        "services": [asdict(service) for service in found.services],
        "duties": [asdict(duty) for duty in found.duties],
        "unreadable_heartbeats": found.unreadable_heartbeats,
    }
    answer = {"status": "ok" if found.ok else "failing", **(figures if with_figures else {})}
    return JsonResponse(answer, status=200 if found.ok else 503)


@requires(VIEW)
def failures(request: HttpRequest, actor: Actor) -> JsonResponse:
    """Return the failures by reason and destination, the most frequent first."""
    found = services.failures()
    groups = [group.data() for group in found.groups]
    return JsonResponse({"failures": groups, "is_whole": found.is_whole})


@requires(OPERATE)
def retry_failures(request: HttpRequest, actor: Actor, service: str, reason: str) -> JsonResponse:
    """Sync the objects again that failed for a reason; returns the count."""
    count = sum(services.retry_failure_group(group, actor=actor.name) for group in _groups(service, reason))
    return _done(actor, service, "retry-failures", count)


@requires(OPERATE)
def delete_failures(request: HttpRequest, actor: Actor, service: str, reason: str) -> JsonResponse:
    """Delete the failures of a reason, which can be restored for a week; returns the count."""
    count = sum(services.delete_failure_group(group, actor=actor.name) for group in _groups(service, reason))
    return _done(actor, service, "delete-failures", count)


def _groups(service: str, reason: str) -> Sequence[services.FailureGroup]:
    groups = [group for group in services.failures(service).groups if group.kind == reason]
    if not groups:
        raise ApiError(404, _("No failure of %(service)s has this reason.") % {"service": service})
    return groups


@requires(OPERATE)
def retry_failed(request: HttpRequest, actor: Actor, service: str) -> JsonResponse:
    """Put the failed tasks back into the queue; returns the count."""
    count = services.retry_failed(service, actor=actor.name)
    return _done(actor, service, "retry-failed", count)


@requires(OPERATE)
def clear(request: HttpRequest, actor: Actor, service: str) -> JsonResponse:
    """Clear pending, delayed and failed tasks, or those of the given states; returns the count of each state."""
    counts = services.clear(service, states=_states(request), actor=actor.name)
    return _done(actor, service, "clear", sum(counts.values()), counts)


@requires(OPERATE)
def recover(request: HttpRequest, actor: Actor, service: str) -> JsonResponse:
    """Recover the tasks with an expired lease now; returns the count."""
    return _done(actor, service, "recover", services.recover(service, actor=actor.name))


@requires(OPERATE)
def pause(request: HttpRequest, actor: Actor, service: str) -> JsonResponse:
    """Pause the service until it is resumed."""
    services.pause(service, actor=actor.name)
    return _switched(actor, service, "pause", paused=True)


@requires(OPERATE)
def resume(request: HttpRequest, actor: Actor, service: str) -> JsonResponse:
    """Resume a service that is paused or rate limited."""
    services.resume(service, actor=actor.name)
    return _switched(actor, service, "resume", paused=False)


def _states(request: HttpRequest) -> Sequence[TaskState]:
    """Return the states of `?state=`; a misspelt parameter is refused, because it would clear everything."""
    unknown = set(request.GET) - {"state"}
    named = request.GET.getlist("state")
    if unknown or set(named) - set(TaskState):
        allowed = ", ".join(CLEARABLE)
        raise ApiError(400, _("The only parameter is state; expected one of %s.") % allowed)
    return tuple(TaskState(name) for name in dict.fromkeys(named)) or CLEARABLE


def _done(
    actor: Actor, service: str, operation: str, count: int, counts: Mapping[TaskState, int] | None = None
) -> JsonResponse:
    audit.note(actor, f"{operation}: {count} tasks", subject=service, model=ServicePolicy)
    by_state = {} if counts is None else {"counts": {str(state): number for state, number in counts.items()}}
    return JsonResponse({"service": service, "count": count, **by_state})


def _switched(actor: Actor, service: str, operation: str, *, paused: bool) -> JsonResponse:
    audit.note(actor, operation, subject=service, model=ServicePolicy)
    return JsonResponse({"service": service, "paused": paused})
