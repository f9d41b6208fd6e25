"""A task as lists and its own page show it: in words, with links, and without secrets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from syncqueue.admin.links import Link, entity_link
from syncqueue.core.task import AttemptNote, TaskState, TaskView
from syncqueue.presentation.figures import duration_words
from syncqueue.queue.inspect import HoldView
from syncqueue.secrets import redact
from syncqueue.sources.intents import record_id_of

STATE_WORDS = {
    TaskState.PENDING: lambda: _("pending"),
    TaskState.DELAYED: lambda: _("delayed"),
    TaskState.PROCESSING: lambda: _("processing"),
    TaskState.FAILED: lambda: _("failed"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """One task in words."""

    view: TaskView
    about: Link
    record_id: int | None
    error: str  # of the last attempt, or why it cannot be read
    standing: str  # since when, or until when, it is where it is
    attempts: Sequence[AttemptNote] = field(default=())  # newest first

    @property
    def is_broken(self) -> bool:
        """Whether its body cannot be read."""
        return self.view.task is None

    @property
    def payload(self) -> str:
        """What it carries, as JSON; the raw body where that cannot be read."""
        if self.view.task is None:
            return redact(self.view.raw)
        return redact(json.dumps(dict(self.view.task.payload), indent=2, ensure_ascii=False))


def task_row(view: TaskView, site_name: str, holds: Sequence[HoldView] = ()) -> TaskRow:
    """`holds`: of the service, to say why a task is parked."""
    history = view.progress.history
    error = view.unreadable or (history[-1].error if history else "")
    return TaskRow(
        view=view,
        about=entity_link(view.task.entity, site_name) if view.task else Link(_("Cannot be read"), ""),
        record_id=record_id_of(view.task) if view.task else None,
        error=redact(error),
        standing=redact(_standing(view, holds)),
        attempts=[_clean(note) for note in reversed(history)],
    )


def _clean(note: AttemptNote) -> AttemptNote:
    return AttemptNote(
        at=note.at,
        seconds=note.seconds,
        outcome=note.outcome,
        error=redact(note.error),
        traceback=redact(note.traceback),
    )


def _standing(view: TaskView, holds: Sequence[HoldView]) -> str:
    if view.held_by:
        reasons = [hold.reason for hold in holds if hold.name == view.held_by]
        return _("parked: %s") % (reasons[0] if reasons and reasons[0] else view.held_by)
    if view.due_at is None:
        return _("parked")
    if view.state is TaskState.PENDING:
        return _("waits for %s") % _since(view.due_at)
    if view.state is TaskState.FAILED:
        return _("%s ago") % _since(view.due_at)
    if view.due_at <= timezone.now():
        return _("due now") if view.state is TaskState.DELAYED else _("its lease has run out")
    left = duration_words((view.due_at - timezone.now()).total_seconds())
    return (_("due in %s") if view.state is TaskState.DELAYED else _("its lease lasts %s more")) % left


def _since(at: datetime) -> str:
    return duration_words((timezone.now() - at).total_seconds())
