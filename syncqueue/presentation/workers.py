"""Texts for the states of workers."""

from __future__ import annotations

from django.utils.translation import gettext as _

from syncqueue.core.worker_state import WorkerState


def state_words(state: WorkerState) -> str:
    """Return the state for people."""
    match state:
        case WorkerState.QUIET:
            return _("quiet: takes no new work")
        case WorkerState.STOPPING:
            return _("stopping")
    return _("working")
