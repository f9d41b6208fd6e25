"""A task as lists and its own page show it: in words, with links, and without secrets."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from syncqueue.admin import cures
from syncqueue.admin.links import Link, entity_link, held_destinations
from syncqueue.admin.sentences import Sentences
from syncqueue.admin.titles import Titles
from syncqueue.core.hold import Hold
from syncqueue.core.task import AttemptNote, TaskState, TaskView
from syncqueue.presentation.figures import duration_words, labelled
from syncqueue.presentation.holds import hold_words
from syncqueue.presentation.reasons import in_words
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
    hold: Link | None  # what a parked task waits for
    buttons: str  # HTML: what ends the hold
    standing: str  # since when, or until when, it is in its state
    attempts: Sequence[AttemptNote] = field(default=())  # newest first

    @property
    def is_broken(self) -> bool:
        """Whether its body cannot be read."""
        return self.view.task is None

    @property
    def payload(self) -> str:
        """The payload as JSON; the raw body if that cannot be read."""
        if self.view.task is None:
            return redact(self.view.raw)
        return redact(json.dumps(dict(self.view.task.payload), indent=2, ensure_ascii=False))


class Holds:
    """The holds that the tasks of a page wait for, with the names of their destinations."""

    def __init__(
        self,
        service: str,
        views: Sequence[TaskView],
        holds: Sequence[HoldView],
        url: Callable[..., str],
        sentences: Sentences,
    ) -> None:
        """Read the destinations with one query. `url` returns the address of a page, as `QueuePages.url` does."""
        self._service, self._url, self._sentences = service, url, sentences
        self._reasons = {hold.name: hold.reason for hold in holds}
        self._places = held_destinations(view.held_by for view in views if view.held_by)
        self._names = {key: place.name for key, place in self._places.items()}

    def link(self, name: str) -> Link:
        """Return the meaning of a hold, with its reason if known, and the page on which it can be ended."""
        text, reason = hold_words(name, self._service, self._names), in_words(self._reasons.get(name, "")).rstrip(".。")
        key = Hold.parse(name).destination_id
        url = self._url("destination_change", key) if key in self._names else self._url("queue_changelist")
        if key is None and reason:
            text = reason  # it names the endpoint or the service itself
        elif reason:
            text = labelled(text, reason)
        return Link(redact(text), url)

    def buttons(self, name: str, about: str) -> str:
        """Return the buttons that end a hold, as HTML."""
        place = self._places.get(Hold.parse(name).destination_id or 0)
        what = cures.of_destination(place) if place is not None else ()
        return self._sentences.buttons(what or cures.of_hold(name, self._service), about)


def task_row(view: TaskView, site_name: str, titles: Titles, holds: Holds) -> TaskRow:
    """Return a task in words. `titles` and `holds` were read for all tasks of the page."""
    history = view.progress.history
    error = view.unreadable or (history[-1].error if history else "")
    about = Link(_("Cannot be read"), "")
    if view.task:
        about = entity_link(view.task.entity, site_name)._replace(words=titles.entity_words(view.task.entity))
    return TaskRow(
        view=view,
        about=about,
        record_id=record_id_of(view.task) if view.task else None,
        error=in_words(error),
        hold=holds.link(view.held_by) if view.held_by else None,
        buttons=holds.buttons(view.held_by, about.words) if view.held_by else "",
        standing=redact(_standing(view)),
        attempts=[_clean(note) for note in reversed(history)],
    )


def _clean(note: AttemptNote) -> AttemptNote:
    return AttemptNote(
        at=note.at,
        seconds=note.seconds,
        outcome=note.outcome,
        error=in_words(note.error),
        traceback=redact(note.traceback),
    )


def _standing(view: TaskView) -> str:
    if view.held_by or view.due_at is None:
        return _("parked")
    if view.state is TaskState.PENDING:
        return _("waits for %s") % _since(view.due_at)
    if view.state is TaskState.FAILED:
        return _("%s ago") % _since(view.due_at)
    if view.due_at <= timezone.now():
        return _("due now") if view.state is TaskState.DELAYED else _("its lease has expired")
    left = duration_words((view.due_at - timezone.now()).total_seconds())
    return (_("due in %s") if view.state is TaskState.DELAYED else _("its lease lasts %s more")) % left


def _since(at: datetime) -> str:
    return duration_words((timezone.now() - at).total_seconds())
