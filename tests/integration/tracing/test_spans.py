"""One trace from the site's own span over the save to the remote call, also through the queue."""

from __future__ import annotations

import logging

import pytest
from django.contrib.auth.models import User
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import syncqueue
from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination
from tests.eventually import eventually
from tests.integration.sync.scene import record_of, task_of, work

pytestmark = pytest.mark.django_db(transaction=True)
SECRET_TEXT = "a text that is nobody's business"  # noqa: S105


def ended(exporter: InMemorySpanExporter, *names: str) -> dict[str, ReadableSpan]:
    """The spans by name, once all of these are over."""

    def look() -> dict[str, ReadableSpan]:
        found = {span.name: span for span in exporter.get_finished_spans()}
        assert set(names) <= set(found)
        return found

    return eventually(look)


def parent_id(span: ReadableSpan) -> int:
    """Whose child it is."""
    assert span.parent is not None
    return span.parent.span_id


def own_id(span: ReadableSpan) -> int:
    """The span's own id."""
    return span.get_span_context().span_id


def test_a_save_and_its_remote_call_are_one_trace(
    channel: Destination, writer: User, exporter: InMemorySpanExporter
) -> None:
    with trace.get_tracer("site").start_as_current_span("request"):
        note = Note.objects.create(owner=writer, text=SECRET_TEXT)

    spans = ended(exporter, "request", "syncqueue dispatch", "syncqueue attempt", "syncqueue send")
    send, attempt, dispatch = (spans[f"syncqueue {name}"] for name in ("send", "attempt", "dispatch"))
    assert parent_id(send) == own_id(attempt)
    assert parent_id(attempt) == own_id(dispatch)
    assert parent_id(dispatch) == own_id(spans["request"])
    assert len({span.get_span_context().trace_id for span in spans.values()}) == 1
    assert dict(send.attributes or {}) == {
        "syncqueue.service": "telegram",
        "syncqueue.step": "create",
        "syncqueue.destination_id": channel.pk,
    }
    (event,) = attempt.events
    assert dict(event.attributes or {}) == {
        "syncqueue.service": "telegram",
        "syncqueue.task_id": f"key:record-{record_of(note).pk}",
        "syncqueue.entity": f"notes.note:{note.pk}",
        "syncqueue.attempt": 1,
        "syncqueue.record_id": record_of(note).pk,
        "syncqueue.destination_id": channel.pk,
        "syncqueue.outcome": "success",
    }


def test_a_worker_goes_on_with_the_trace_of_the_save(
    channel: Destination, writer: User, exporter: InMemorySpanExporter
) -> None:
    with trace.get_tracer("site").start_as_current_span("request"), syncqueue.queued():
        Note.objects.create(owner=writer, text=SECRET_TEXT)
    work()

    spans = ended(exporter, "request", "syncqueue attempt", "syncqueue send")
    assert parent_id(spans["syncqueue attempt"]) == own_id(spans["syncqueue dispatch"])
    assert parent_id(spans["syncqueue send"]) == own_id(spans["syncqueue attempt"])


def test_a_failed_call_says_so_by_the_class_of_its_error_alone(
    channel: Destination, writer: User, exporter: InMemorySpanExporter, sandbox: RunningSandbox
) -> None:
    sandbox.set_mode("telegram", "error")
    with trace.get_tracer("site").start_as_current_span("request"):
        Note.objects.create(owner=writer, text=SECRET_TEXT)

    spans = ended(exporter, "syncqueue attempt", "syncqueue send")
    send = spans["syncqueue send"]
    assert send.status.status_code is trace.StatusCode.ERROR
    assert (send.attributes or {})["error.type"] in ("Unavailable", "OutcomeUnknown")
    assert send.events == ()
    assert "syncqueue.outcome" in (spans["syncqueue attempt"].events[0].attributes or {})


def test_spans_hold_neither_content_nor_secrets(
    channel: Destination, writer: User, exporter: InMemorySpanExporter, sandbox: RunningSandbox
) -> None:
    sandbox.set_mode("telegram", "unauthorized")
    with trace.get_tracer("site").start_as_current_span("request"):
        Note.objects.create(owner=writer, text=SECRET_TEXT)

    ended(exporter, "syncqueue attempt", "syncqueue send")
    said = "".join(span.to_json() for span in exporter.get_finished_spans())
    assert SECRET_TEXT not in said
    assert sandbox.bot_token not in said


def test_without_a_trace_the_task_names_its_record_alone(channel: Destination, writer: User) -> None:
    with syncqueue.queued():
        note = Note.objects.create(owner=writer, text=SECRET_TEXT)

    assert task_of(note).task.payload == {"record": record_of(note).pk}


def test_log_lines_about_an_attempt_carry_the_same_fields(
    channel: Destination, writer: User, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "syncqueue")
    sandbox.plan_answers("telegram", "error")
    Note.objects.create(owner=writer, text="First goes wrong")
    good = Note.objects.create(owner=writer, text="Second goes well")

    def lines() -> list[logging.LogRecord]:
        found = [one for one in caplog.records if one.name.startswith("syncqueue") and hasattr(one, "outcome")]
        assert len(found) == 2
        return found

    fields = [
        {name: getattr(line, name) for name in ("service", "attempt", "destination_id", "outcome")}
        for line in eventually(lines)
    ]
    assert [one["outcome"] for one in fields] != ["success", "success"]
    assert fields[-1] == {
        "service": "telegram",
        "attempt": 1,
        "destination_id": channel.pk,
        "outcome": "success",
    }
    assert (lines()[-1].record_id, lines()[-1].task_id) == (  # type: ignore[attr-defined]
        record_of(good).pk,
        f"key:record-{record_of(good).pk}",
    )
