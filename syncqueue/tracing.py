"""OpenTelemetry spans from a save to the remote call; without the extra `otel` every function does nothing.

`dispatch` (producer, in the request) -> `attempt` (consumer, in a web process or worker) -> `send` (client, the call of
the handler). A `traceparent` (https://www.w3.org/TR/trace-context/) in the task's payload links them across Redis.
Spans contain ids and outcomes, but no content and no error messages, which may quote the arguments of a library.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Literal

from syncqueue.core.task import SyncTask

if TYPE_CHECKING:
    from opentelemetry.context import Context

try:
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError:  # the extra is not installed
    IS_AVAILABLE = False
else:
    IS_AVAILABLE = True
    _propagator = TraceContextTextMapPropagator()

CARRIER = "traceparent"  # the field of a payload
Kind = Literal["producer", "consumer", "client"]


def span(name: str, kind: Kind, tasks: Sequence[SyncTask] = (), **fields: str | int) -> AbstractContextManager[None]:
    """Return a context manager for a span; an exception marks the span as failed, with the name of its class only.

    `tasks`: the tasks whose traces it continues. The span is a child of the span of one task, or is linked to the
    spans of several tasks.
    """
    return _span(name, kind, tasks, fields) if IS_AVAILABLE else _NOTHING


_NOTHING = nullcontext()


@contextmanager
def _span(name: str, kind: Kind, tasks: Sequence[SyncTask], fields: Mapping[str, str | int]) -> Iterator[None]:
    origins = [_context(task) for task in tasks if task.payload.get(CARRIER)]
    with trace.get_tracer("syncqueue").start_as_current_span(
        f"syncqueue {name}",
        context=origins[0] if len(tasks) == 1 and origins else None,
        kind=trace.SpanKind[kind.upper()],
        attributes={f"syncqueue.{field}": value for field, value in fields.items()},
        links=_links(origins) if len(tasks) > 1 else (),
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield
        except Exception as error:
            current.set_attribute("error.type", type(error).__name__)
            current.set_status(trace.StatusCode.ERROR)
            raise


def _context(task: SyncTask) -> Context:
    return _propagator.extract({CARRIER: str(task.payload[CARRIER])})


def _links(origins: Sequence[Context]) -> list[trace.Link]:
    return [trace.Link(trace.get_current_span(origin).get_span_context()) for origin in origins]


def note(name: str, **fields: object) -> None:
    """Add an event to the current span; fields that are None are left out."""
    if IS_AVAILABLE and (current := trace.get_current_span()).is_recording():
        given = {f"syncqueue.{field}": _plain(value) for field, value in fields.items() if value is not None}
        current.add_event(f"syncqueue {name}", given)


def _plain(value: object) -> str | int:
    return value if isinstance(value, int) else str(value)


def carried() -> dict[str, str]:
    """Return the payload fields that carry the current span; empty if no span is recorded."""
    found: dict[str, str] = {}
    if IS_AVAILABLE and trace.get_current_span().is_recording():
        _propagator.inject(found)
    return {CARRIER: found[CARRIER]} if CARRIER in found else {}
