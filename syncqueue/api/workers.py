"""API views of the workers."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse

from syncqueue import services
from syncqueue.api.routing import requires
from syncqueue.core.worker_state import WorkerRequest
from syncqueue.models import ServicePolicy
from syncqueue.services import audit
from syncqueue.services.audit import Actor
from syncqueue.services.permissions import OPERATE, VIEW


@requires(VIEW)
def workers(request: HttpRequest, actor: Actor) -> JsonResponse:
    """Return the workers that are alive."""
    return JsonResponse({"workers": [worker.data() for worker in services.workers()]})


@requires(OPERATE)
def quiet(request: HttpRequest, actor: Actor, worker: str) -> JsonResponse:
    """Ask a worker to take no new work."""
    return _ask(actor, worker, WorkerRequest.QUIET)


@requires(OPERATE)
def stop(request: HttpRequest, actor: Actor, worker: str) -> JsonResponse:
    """Ask a worker to end, as at SIGTERM."""
    return _ask(actor, worker, WorkerRequest.STOP)


def _ask(actor: Actor, worker: str, wanted: WorkerRequest) -> JsonResponse:
    services.ask_worker(worker, wanted, actor=actor.name)
    audit.note(actor, f"{wanted} worker", subject=worker, model=ServicePolicy)
    return JsonResponse({"worker": worker, "request": wanted.value})
