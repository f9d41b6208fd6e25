"""The OpenAPI 3.1 description of the API; a test compares it with the paths and with every response."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse

from syncqueue.api.parameters import LARGEST_PAGE, PAGE
from syncqueue.api.schemas import MOMENT, SCHEMAS, STATE, TEXT, Schema, ref
from syncqueue.api.tasks import LONGEST_SEARCH

_PROBLEMS = {
    400: "A parameter is unknown or malformed.",
    401: "The request is not authenticated, or the token is unknown.",
    403: "The permission or the CSRF token is missing.",
    404: "The service (the error lists the enabled ones), the task, the worker or the destination does not exist.",
    409: "The state of the task does not allow it.",
    501: "The package for this is not installed.",
    503: "Redis or the database does not respond.",
}
_VIEW = "Requires `syncqueue.view_queue` or a token."
_OPERATE = "Requires `syncqueue.operate_queue` or a token. Recorded in the admin log."
_PLAIN = {"text/plain": {"schema": TEXT}, "application/openmetrics-text": {"schema": TEXT}}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _operation(
    summary: str,
    answer: str,
    *problems: int,
    rights: str = _VIEW,
    parameters: tuple[dict[str, Any], ...] = (),
) -> dict[str, Any]:
    """Return one method of a path. `answer`: the schema name of the 200 response."""
    responses: dict[str, Any] = {"200": {"description": "Done.", "content": _json(ref(answer))}}
    for status in sorted({401, 403, 503, *problems}):
        responses[str(status)] = {"description": _PROBLEMS[status], "content": _json(ref("Error"))}
    return {"summary": summary, "description": rights, "parameters": list(parameters), "responses": responses}


def _in_path(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _in_query(name: str, description: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


_SERVICE = _in_path("service", "A service of SYNCQUEUE['HANDLERS'].")
_WORKER = _in_path("worker", "The id of a worker.")
_TASK = _in_path("task_id", "The id of a task.")
_CLEARED_STATE = {"type": "array", "items": {"type": "string", "enum": ["pending", "delayed", "failed"]}}
_CURSOR = _in_query("cursor", "next_cursor of the previous page.", TEXT)
_LIMIT = _in_query(
    "limit",
    "Maximum number of entries on the page.",
    {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE},
)
_PAGE_PARAMETERS = (
    _in_query("state", "The state of the tasks; the default is pending.", STATE),
    _in_query(
        "search",
        "Case-insensitive search in id, entity, action, hold and last error.",
        {"type": "string", "maxLength": LONGEST_SEARCH},
    ),
    _CURSOR,
    _LIMIT,
)
_LOG_PARAMETERS = (
    _in_query("service", "Only this service.", TEXT),
    _in_query(
        "destination", "Only the destination with this id.", {"type": "integer", "minimum": 0, "maximum": 10**15}
    ),
    _in_query("object", "Only this object, such as notes.note:42.", TEXT),
    _in_query("since", "From this time on: ISO 8601, a date, or a time of today (14:05).", MOMENT),
    _in_query("until", "Before this time.", MOMENT),
    _CURSOR,
    _LIMIT,
)


def _change(summary: str, answer: str, *problems: int) -> dict[str, Any]:
    return _operation(summary, answer, 404, *problems, rights=_OPERATE)


def _health() -> dict[str, Any]:
    said = {"content": _json(ref("Health"))}
    return {
        "summary": "Whether Redis responds, every service has a worker, and no task waits or duty fails for too long",
        "description": "The status is public; the figures require `syncqueue.view_queue` or a token.",
        "security": [{}, {"token": []}, {"session": []}],
        "responses": {
            "200": {"description": "Everything works.", **said},
            "401": {"description": _PROBLEMS[401], "content": _json(ref("Error"))},
            "503": {"description": "Something is wrong.", **said},
        },
    }


def _metrics() -> dict[str, Any]:
    described = _operation("Metrics for Prometheus", "Error", 501)
    described["responses"]["200"] = {"description": "The metrics.", "content": _PLAIN}
    return described


_CLEAR = _change("Clear tasks: pending, delayed and failed, or the given states", "Cleared", 400, 409)
_CLEAR["parameters"] = [_in_query("state", "Only this state (repeatable).", _CLEARED_STATE)]

PATHS: dict[str, dict[str, Any]] = {
    "stats": {"get": _operation("Figures of all services", "AllStats")},
    "stats/{service}": {"get": _operation("Figures of one service", "QueueStats", 404), "parameters": [_SERVICE]},
    "health": {"get": _health()},
    "metrics": {"get": _metrics()},
    "openapi.json": {
        "get": {
            "summary": "This description",
            "security": [{}],
            "responses": {"200": {"description": "OpenAPI 3.1.", "content": _json({"type": "object"})}},
        }
    },
    "workers": {"get": _operation("The live workers", "Workers")},
    "workers/{worker}/quiet": {
        "post": _change("Ask a worker to take no new work; it does so within 10 seconds", "WorkerAsked"),
        "parameters": [_WORKER],
    },
    "workers/{worker}/stop": {
        "post": _change("Ask a worker to stop, as after SIGTERM; its shutdown begins within 10 seconds", "WorkerAsked"),
        "parameters": [_WORKER],
    },
    "log": {"get": _operation("What went out, newest first", "Log", 400, parameters=_LOG_PARAMETERS)},
    "failures": {"get": _operation("Failures by reason and destination, the most frequent first", "Failures")},
    "{service}/failures/{reason}": {
        "delete": _change("Delete the failures of a reason; for 7 days they can be restored in the admin", "Counted"),
        "parameters": [_SERVICE, _in_path("reason", "A reason of `failures`.")],
    },
    "{service}/failures/{reason}/retry": {
        "post": _change("Sync the objects again that failed for a reason", "Counted"),
        "parameters": [_SERVICE, _in_path("reason", "A reason of `failures`.")],
    },
    "broken-destinations": {"get": _operation("Broken destinations", "BrokenDestinations")},
    "{service}/destinations/{destination_id}/mend": {
        "post": _change("Mark a destination as fixed: its waiting tasks are sent", "BrokenDestination"),
        "parameters": [_SERVICE, _in_path("destination_id", "The id of a destination.")],
    },
    "{service}/retry-failed": {
        "post": _change("Put all failed tasks back into the queue; resets their attempt and crash counts", "Counted"),
        "parameters": [_SERVICE],
    },
    "{service}/clear": {"delete": _CLEAR, "parameters": [_SERVICE]},
    "{service}/recover": {
        "post": _change("Recover the tasks with an expired lease", "Counted"),
        "parameters": [_SERVICE],
    },
    "{service}/pause": {"post": _change("Pause the service", "Switched"), "parameters": [_SERVICE]},
    "{service}/resume": {"post": _change("Resume the service", "Switched"), "parameters": [_SERVICE]},
    "{service}/tasks": {
        "get": _operation(
            "A page of the tasks in one state, oldest first", "TaskPage", 400, 404, parameters=_PAGE_PARAMETERS
        ),
        "parameters": [_SERVICE],
    },
    "{service}/tasks/{task_id}": {
        "get": _operation("One task with its payload and attempts", "TaskDetail", 404),
        "delete": _change("Delete one task; refused while it is in processing", "TaskMoved", 409),
        "parameters": [_SERVICE, _TASK],
    },
    "{service}/tasks/{task_id}/retry": {
        "post": _change("Put one failed task back into the queue", "TaskMoved", 409),
        "parameters": [_SERVICE, _TASK],
    },
    "{service}/tasks/{task_id}/run-now": {
        "post": _change("Run one delayed task now", "TaskMoved", 409),
        "parameters": [_SERVICE, _TASK],
    },
}


def description(request: HttpRequest) -> JsonResponse:
    """Return the description. It is public: it documents the API and reveals only its URL."""
    base = request.path.rstrip("/").removesuffix("openapi.json").rstrip("/")
    return JsonResponse(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "syncqueue",
                "version": "1",
                "description": "Figures and operations of the sync queues. A trailing slash is optional on every path. "
                "Texts for people, such as errors and reasons, come in the language of the request.",
            },
            "servers": [{"url": base or "/"}],
            "security": [{"token": []}, {"session": []}],
            "paths": {f"/{path}": item for path, item in PATHS.items()},
            "components": {
                "schemas": SCHEMAS,
                "securitySchemes": {
                    "token": {"type": "http", "scheme": "bearer"},
                    "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
                },
            },
        }
    )
