"""JSON Schemas of the API's responses, for its OpenAPI description."""

from __future__ import annotations

from typing import Any

from syncqueue.core.task import PRIORITIES, TaskState

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
SECONDS: Schema = {"type": "number", "minimum": 0}
MOMENT: Schema = {"type": "string", "format": "date-time"}
STATE: Schema = {"type": "string", "enum": [state.value for state in TaskState]}


def ref(name: str) -> Schema:
    """Return a reference to one of SCHEMAS."""
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _object(**properties: Schema) -> Schema:
    """Return the schema of an object with exactly these properties."""
    return _partly(list(properties), **properties)


def _partly(required: list[str], /, **properties: Schema) -> Schema:
    """Return the schema of an object with only these properties, of which `required` must be present."""
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


_STATS = {
    "service": TEXT,
    "pending_count": COUNT,
    "delayed_count": COUNT,
    "processing_count": COUNT,
    "failed_count": COUNT,
    "total_processed": COUNT,
    "total_failed": COUNT,
    "last_processed_at": _or_null(MOMENT),
    "last_failed_at": _or_null(MOMENT),
    "oldest_pending_seconds": _or_null(SECONDS),
    "paused": FLAG,
    "breaker": {"type": "string", "enum": ["closed", "open", "half-open"]},
}
_TASK = {
    "id": TEXT,
    "service": TEXT,
    "state": STATE,
    "action": _or_null(TEXT),
    "entity": _or_null(TEXT),
    "priority": _or_null({"type": "string", "enum": list(PRIORITIES)}),
    "created_at": _or_null(MOMENT),
    "due_at": _or_null(MOMENT),
    "held_by": _or_null(TEXT),
    "record_id": _or_null({"type": "integer"}),
    "attempt_count": COUNT,
    "crash_count": COUNT,
    "error": TEXT,
    "unreadable": TEXT,
}
_ATTEMPT = _object(at=MOMENT, seconds=SECONDS, outcome=TEXT, error=TEXT, traceback=TEXT)
_SERVICE_HEALTH = _object(name=TEXT, ok=FLAG, workers=COUNT, oldest_pending_seconds=_or_null(SECONDS), problem=TEXT)
_FAILING_DUTY = _object(host=TEXT, pid=COUNT, name=TEXT, since=MOMENT, error=TEXT, problem=TEXT)

_FAILURES = _object(
    reason=TEXT,
    state={"type": "string", "enum": ["failed", "unknown"]},
    count=COUNT,
    service=TEXT,
    destination_id={"type": "integer"},
    destination=TEXT,
    since=_or_null(MOMENT),
    newest=_or_null(MOMENT),
    why=TEXT,
)

_DESTINATION = _object(id={"type": "integer"}, name=TEXT, service=TEXT, since=_or_null(MOMENT), why=TEXT)
_WORKER = _object(
    id=TEXT,
    host=TEXT,
    pid=COUNT,
    started_at=MOMENT,
    seen_at=MOMENT,
    services=_list(TEXT),
    running=COUNT,
    state={"type": "string", "enum": ["working", "quiet", "stopping"]},
)
_LOG_ENTRY = _object(
    id={"type": "integer"},
    at=MOMENT,
    action={"type": "string", "enum": ["created", "edited", "removed"]},
    is_partial=FLAG,
    service=TEXT,
    destination_id={"type": "integer"},
    destination=TEXT,
    object=TEXT,
    url=TEXT,
    seconds=SECONDS,
    attempt=COUNT,
)

SCHEMAS: dict[str, Schema] = {
    "Error": _object(error={"type": "string", "description": "What is wrong and what to do."}),
    "QueueStats": _object(**_STATS),
    "AllStats": _object(services=_list(ref("QueueStats"))),
    "Failures": _object(failures=_list(_FAILURES), is_whole=FLAG),
    "BrokenDestination": _DESTINATION,
    "BrokenDestinations": _object(destinations=_list(ref("BrokenDestination")), is_whole=FLAG),
    "Workers": _object(workers=_list(_WORKER)),
    "WorkerAsked": _object(worker=TEXT, request={"type": "string", "enum": ["quiet", "stop"]}),
    "Log": _object(log=_list(_LOG_ENTRY), next_cursor=_or_null(TEXT)),
    "Counted": _object(service=TEXT, count=COUNT),
    "Cleared": _object(
        service=TEXT,
        count=COUNT,
        counts={"type": "object", "propertyNames": STATE, "additionalProperties": COUNT},
    ),
    "Switched": _object(service=TEXT, paused=FLAG),
    "Task": _object(**_TASK),
    "TaskPage": _object(
        service=TEXT,
        state=STATE,
        tasks=_list(ref("Task")),
        searched_count=COUNT,
        total_count=COUNT,
        next_cursor=_or_null(TEXT),
    ),
    "TaskDetail": _object(
        **_TASK,
        key=_or_null(TEXT),
        payload=_or_null({"type": "object"}),
        raw=_or_null(TEXT),
        attempts=_list(_ATTEMPT),
    ),
    "TaskMoved": _object(service=TEXT, id=TEXT, count={"const": 1}),
    "Health": _partly(  # the figures require a permission
        ["status"],
        status={"type": "string", "enum": ["ok", "failing"]},
        redis=FLAG,
        services=_list(_SERVICE_HEALTH),
        duties=_list(_FAILING_DUTY),
        unreadable_heartbeats=COUNT,
        error=TEXT,
    ),
}
