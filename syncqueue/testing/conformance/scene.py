"""The common steps of the cases: write notes, run a worker, check both ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from syncqueue.dispatch.site_queues import get_queue
from syncqueue.models import SyncRecord
from syncqueue.testing.conformance.eventually import eventually
from syncqueue.testing.conformance.notes.models import Note
from syncqueue.testing.conformance.service import Kind, ServiceUnderTest
from syncqueue.worker.worker import Worker

# How long an attempt waits for a response that never comes: longer than its request takes on a busy machine.
HANGING_SECONDS = 3
USUAL_SECONDS = 20


class Site:
    """The side of the site."""

    def __init__(self, service: ServiceUnderTest, writer: Any) -> None:
        """`writer`: the user who writes all notes."""
        self.service = service
        self.writer = writer
        self.hanging_seconds = HANGING_SECONDS

    def write(self, text: str, **values: Any) -> Note:
        """Save a new note."""
        return Note.objects.create(owner=self.writer, text=text, **values)

    def write_and_be_killed(self, text: str) -> Note:
        """Save a note whose copy is created by a process that dies before the response; its send mark has expired."""
        self.configure("IMMEDIATE", ENABLED=False)
        note = self.write(text)
        row = SyncRecord.objects.filter(pk=self.record(note).pk)
        names = ("state", "parts", "content_hash", "idempotency_key", "synced_generation", "uncertain")
        made_count = self.service.count("create")

        def as_marked() -> dict[str, Any]:
            assert self.service.count("create") == made_count + 1, "The service has not been asked to make anything."
            found: dict[str, Any] = row.values(*names).get()
            return found

        self.service.answer_next("hang")
        with self.short_attempts(), ThreadPoolExecutor() as threads:
            working = threads.submit(self.work)
            killed = eventually(as_marked, self.service.patience_seconds)
            working.result()
        row.update(**killed, sending_token="of the dead", sending_until=timezone.now(), sending_action="create")  # noqa: S106
        return note

    @contextmanager
    def service_ends(self, kind: Kind = "create") -> Iterator[None]:
        """While the block sends a request of this kind, end the service before it responds; refuse what follows."""

        def is_asked() -> None:
            assert any(entry["open"] for entry in self.service.requests()), "The service has not been asked."

        def end() -> None:
            eventually(is_asked, self.service.patience_seconds)
            self.service.set_mode("down")

        self.service.answer_next("hang", kind=kind)
        with ThreadPoolExecutor(1) as threads:
            ended = threads.submit(end)
            yield
            ended.result()

    def change(self, note: Note, **values: Any) -> None:
        """Set fields and save."""
        for name, value in values.items():
            setattr(note, name, value)
        note.save()

    def work(self) -> None:
        """Run a worker that does all that can be done now."""
        asyncio.run(Worker(burst=True).run())

    def work_until(self, check: Callable[[], Any]) -> None:
        """Run workers until an assertion holds."""

        def look() -> None:
            self.work()
            check()

        eventually(look, self.service.patience_seconds)

    def configure(self, part: str = "", /, **values: Any) -> None:
        """Change settings of this test: of the service, or of one of the inner dicts."""
        now = settings.SYNCQUEUE
        if part:
            changed = {part: {**now.get(part, {}), **values}}
        else:
            changed = {"HANDLERS": {self.service.name: {**now["HANDLERS"][self.service.name], **values}}}
        # Never disabled: the `settings` fixture of the test restores the previous settings.
        override_settings(SYNCQUEUE={**now, **changed}).enable()

    @contextmanager
    def short_attempts(self) -> Iterator[None]:
        """Cut off attempts of saves inside the block if the service hangs; later attempts have the usual time."""
        self.configure("PROCESSING", ATTEMPT_TIMEOUT_SECONDS=self.hanging_seconds)
        yield
        self.configure("PROCESSING", ATTEMPT_TIMEOUT_SECONDS=USUAL_SECONDS)

    def record(self, note: Note) -> SyncRecord:
        """Return the only record of a note."""
        return SyncRecord.objects.get(source="conformance.note", object_pk=str(note.pk))

    # Assertions

    def assert_shows(self, *texts: str, address: str | None = None) -> None:
        """Assert that a person sees these texts, each once and in this order, and nothing else."""
        copies = self.service.copies(address)
        seen = [copy.text[:300] for copy in copies]
        assert len(copies) == len(texts), (
            f"{self.service.name} shows {len(copies)} copies where {len(texts)} are right: {seen!r:.2000} "
            f"instead of {[text[:300] for text in texts]!r:.2000}"
        )
        for copy, text in zip(copies, texts, strict=True):
            assert self.service.shows(copy, text), (
                f"{self.service.name} shows {copy.text!r:.1000} where {text!r:.1000} is right"
            )

    def assert_settled(self) -> None:
        """Assert that every record is synced and nothing is left in the queue."""
        states = {(state, error) for state, error in SyncRecord.objects.values_list("state", "error")}
        assert {state for state, _ in states} <= {"synced"}, f"Records are not settled: {sorted(states)}"
        self.assert_empty_queue()

    def assert_empty_queue(self) -> None:
        """Assert that there is no task in any state."""
        stats = get_queue(self.service.name).stats()
        counts = (stats.pending_count, stats.delayed_count, stats.processing_count, stats.failed_count)
        assert counts == (0, 0, 0, 0), f"Work is left in the queue: {stats}"
