"""API views of tasks: pages of a state, one task, and the operations on it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.api.errors import ApiError
from syncqueue.api.parameters import PAGE, limit, parameters
from syncqueue.api.routing import requires
from syncqueue.core.task import AttemptNote, TaskState, TaskView
from syncqueue.models import ServicePolicy
from syncqueue.presentation.reasons import in_words
from syncqueue.secrets import redact
from syncqueue.services import audit
from syncqueue.services.audit import Actor
from syncqueue.services.permissions import OPERATE, VIEW
from syncqueue.sources.intents import record_id_of

LONGEST_SEARCH = 200


@requires(VIEW)
def tasks(request: HttpRequest, actor: Actor, service: str) -> JsonResponse:
    """Return a page of the tasks in one state, oldest first."""
    asked = parameters(request, {"state", "search", "cursor", "limit"})
    state = _state(asked.get("state", TaskState.PENDING.value))
    search = asked.get("search", "")
    if len(search) > LONGEST_SEARCH:
        raise ApiError(400, _("search: at most %d characters.") % LONGEST_SEARCH)
    most = limit(asked.get("limit", str(PAGE)))
    page = services.task_page(service, state, cursor=asked.get("cursor", ""), search=search, limit=most)
    return JsonResponse(
        {
            "service": service,
            "state": state.value,
            "tasks": [summary(view) for view in page.tasks],
            "searched_count": page.searched_count,
            "total_count": page.total_count,
            "next_cursor": page.next_cursor or None,
        }
    )


@requires(VIEW)
def task(request: HttpRequest, actor: Actor, service: str, task_id: str) -> JsonResponse:
    """Return one task with its payload and its attempts so far."""
    return JsonResponse(detail(services.task(service, task_id)))


@requires(OPERATE)
def delete(request: HttpRequest, actor: Actor, service: str, task_id: str) -> JsonResponse:
    """Delete one task."""
    services.delete_task(service, task_id, actor=actor.name)
    return _done(actor, service, "delete", task_id)


@requires(OPERATE)
def retry(request: HttpRequest, actor: Actor, service: str, task_id: str) -> JsonResponse:
    """Put one failed task back into the queue."""
    services.retry_task(service, task_id, actor=actor.name)
    return _done(actor, service, "retry", task_id)


@requires(OPERATE)
def run_now(request: HttpRequest, actor: Actor, service: str, task_id: str) -> JsonResponse:
    """Run one delayed task now; a rate limit that it waits for ends."""
    services.run_task_now(service, task_id, actor=actor.name)
    return _done(actor, service, "run-now", task_id)


def _done(actor: Actor, service: str, operation: str, task_id: str) -> JsonResponse:
    audit.note(actor, f"{operation}: 1 task, {task_id}", subject=service, model=ServicePolicy)
    return JsonResponse({"service": service, "id": task_id, "count": 1})


def _state(name: str) -> TaskState:
    if name not in set(TaskState):
        raise ApiError(400, _("state: expected one of %s.") % ", ".join(TaskState))
    return TaskState(name)


def summary(view: TaskView) -> dict[str, Any]:
    """Return a task as it appears on a page; an unreadable task has nulls, and the reason in `unreadable`."""
    known = view.task
    last = view.progress.history[-1] if view.progress.history else None
    return {
        "id": view.id,
        "service": view.service,
        "state": view.state.value,
        "action": known.action if known else None,
        "entity": known.entity if known else None,
        "priority": known.priority if known else None,
        "created_at": known.created_at if known else None,
        "due_at": view.due_at,
        "held_by": view.held_by,
        "record_id": record_id_of(known) if known else None,
        "attempt_count": view.progress.attempt_count,
        "crash_count": view.progress.crash_count,
        "error": in_words(last.error) if last else "",
        "unreadable": in_words(view.unreadable),
    }


def detail(view: TaskView) -> dict[str, Any]:
    """Return all details of a task; the raw body is included only if it cannot be read."""
    return {
        **summary(view),
        "key": view.task.key if view.task else None,
        "payload": dict(view.task.payload) if view.task else None,
        "raw": None if view.task else redact(view.raw),
        "attempts": [_attempt(note) for note in view.progress.history],
    }


def _attempt(note: AttemptNote) -> dict[str, Any]:
    return {
        "at": note.at,
        "seconds": note.seconds,
        "outcome": note.outcome,
        "error": in_words(note.error),
        "traceback": redact(note.traceback),
    }
