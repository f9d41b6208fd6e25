"""The API's OpenAPI 3.1 description, in one place; a test compares it with the paths and with every answer."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse

from syncqueue.api.schemas import SCHEMAS, STATE, TEXT, Schema, ref
from syncqueue.api.tasks import LARGEST_PAGE, LONGEST_SEARCH, PAGE

_PROBLEMS = {
    400: "A parameter is unknown or malformed.",
    401: "Nobody is logged in, or the token is not known.",
    403: "The permission or the CSRF token is missing.",
    404: "There is no such service (the known ones are named) or task.",
    409: "The task's state does not allow it.",
    501: "The library for this is not installed.",
    503: "Redis or the database does not answer.",
}
_VIEW = "Needs `syncqueue.view_queue` or a token."
_OPERATE = "Needs `syncqueue.operate_queue` or a token. Written to the admin log."
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
    """One method of a path. `answer` names the schema of what it answers with 200."""
    responses: dict[str, Any] = {"200": {"description": "Done.", "content": _json(ref(answer))}}
    for status in sorted({401, 403, 503, *problems}):
        responses[str(status)] = {"description": _PROBLEMS[status], "content": _json(ref("Error"))}
    return {"summary": summary, "description": rights, "parameters": list(parameters), "responses": responses}


def _in_path(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _in_query(name: str, description: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


_SERVICE = _in_path("service", "The name of a service in SYNCQUEUE['HANDLERS'].")
_TASK = _in_path("task_id", "The id of a task.")
_CLEARED_STATE = {"type": "array", "items": {"type": "string", "enum": ["pending", "delayed", "failed"]}}
_PAGE_PARAMETERS = (
    _in_query("state", "Whose tasks; pending when it is left out.", STATE),
    _in_query(
        "search",
        "A text to find, in any case, in id, entity, action, hold and last error.",
        {"type": "string", "maxLength": LONGEST_SEARCH},
    ),
    _in_query("cursor", "next_cursor of the page before.", TEXT),
    _in_query(
        "limit", "How many at most.", {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE}
    ),
)


def _change(summary: str, answer: str, *problems: int) -> dict[str, Any]:
    return _operation(summary, answer, 404, *problems, rights=_OPERATE)


def _health() -> dict[str, Any]:
    said = {"content": _json(ref("Health"))}
    return {
        "summary": "Whether Redis answers, every service has a worker, and nothing waits for too long",
        "description": "Anyone gets the status; figures are for those who may see the queues.",
        "security": [{}, {"token": []}, {"session": []}],
        "responses": {
            "200": {"description": "All is well.", **said},
            "401": {"description": _PROBLEMS[401], "content": _json(ref("Error"))},
            "503": {"description": "Something is wrong.", **said},
        },
    }


def _metrics() -> dict[str, Any]:
    described = _operation("Figures for Prometheus", "Error", 501)
    described["responses"]["200"] = {"description": "The metrics.", "content": _PLAIN}
    return described


_CLEAR = _change("Take tasks out: pending, delayed and failed, or the states named", "Cleared", 400, 409)
_CLEAR["parameters"] = [_in_query("state", "Only this state (repeatable).", _CLEARED_STATE)]

PATHS: dict[str, dict[str, Any]] = {
    "stats": {"get": _operation("The figures of all services", "AllStats")},
    "stats/{service}": {"get": _operation("The figures of one service", "QueueStats", 404), "parameters": [_SERVICE]},
    "health": {"get": _health()},
    "metrics": {"get": _metrics()},
    "openapi.json": {
        "get": {
            "summary": "This description",
            "security": [{}],
            "responses": {"200": {"description": "OpenAPI 3.1.", "content": _json({"type": "object"})}},
        }
    },
    "{service}/retry-failed": {
        "post": _change("Bring all failed tasks back; attempts and crashes count anew", "Counted"),
        "parameters": [_SERVICE],
    },
    "{service}/clear": {"delete": _CLEAR, "parameters": [_SERVICE]},
    "{service}/recover": {
        "post": _change("Take back tasks whose lease has run out", "Counted"),
        "parameters": [_SERVICE],
    },
    "{service}/pause": {"post": _change("Hold the service", "Switched"), "parameters": [_SERVICE]},
    "{service}/resume": {"post": _change("Let the service go on", "Switched"), "parameters": [_SERVICE]},
    "{service}/tasks": {
        "get": _operation("A page of a state's tasks, oldest first", "TaskPage", 400, 404, parameters=_PAGE_PARAMETERS),
        "parameters": [_SERVICE],
    },
    "{service}/tasks/{task_id}": {
        "get": _operation("One task with its payload and attempts", "TaskDetail", 404),
        "delete": _change("Take one task out; not while it is in processing", "TaskMoved", 409),
        "parameters": [_SERVICE, _TASK],
    },
    "{service}/tasks/{task_id}/retry": {
        "post": _change("Bring one failed task back", "TaskMoved", 409),
        "parameters": [_SERVICE, _TASK],
    },
    "{service}/tasks/{task_id}/run-now": {
        "post": _change("Let one delayed task go out at once", "TaskMoved", 409),
        "parameters": [_SERVICE, _TASK],
    },
}


def description(request: HttpRequest) -> JsonResponse:
    """The description, for anyone: it says how to ask, and nothing of this site but where the API stands."""
    base = request.path.rstrip("/").removesuffix("openapi.json").rstrip("/")
    return JsonResponse(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "syncqueue",
                "version": "1",
                "description": "Figures and moves of the sync queues. Every path also works with a slash at its end.",
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
