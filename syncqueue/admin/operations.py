"""What a person may do with a queue: the button, the question with its count, the call, and the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from syncqueue import services
from syncqueue.core.task import QueueStats, TaskState

CLEARABLE = (TaskState.PENDING, TaskState.DELAYED, TaskState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One button of a queue's card."""

    label: Promise  # on the button
    question: Callable[[QueueStats], str]  # what will happen, and to how many
    run: Callable[[str, Sequence[TaskState], str], int | None]  # service, states to clear, actor -> how many tasks
    answer: Callable[[int], str]  # what has happened
    is_useful: Callable[[QueueStats], bool]  # whether it would do anything now
    chooses_states: bool = False
    is_dangerous: bool = False


def _ask_retry(stats: QueueStats) -> str:
    return (
        ngettext(
            "%d failed task goes back to the queue and is tried again from its first attempt.",
            "%d failed tasks go back to the queue and are tried again from their first attempt.",
            stats.failed_count,
        )
        % stats.failed_count
    )


def _ask_clear(stats: QueueStats) -> str:
    return _(
        "The tasks of the states chosen are taken out of the queue. What they were about is not synced until it is "
        "saved again, or someone asks for it with “sync now”. Tasks in processing stay."
    )


def _ask_recover(stats: QueueStats) -> str:
    return (
        ngettext(
            "%d task is in processing. If its worker is gone and its lease has run out, it goes back to the queue.",
            "%d tasks are in processing. Those whose worker is gone and whose lease has run out go back to the queue.",
            stats.processing_count,
        )
        % stats.processing_count
    )


def _waiting_count(stats: QueueStats) -> int:
    return stats.pending_count + stats.delayed_count


def _ask_pause(stats: QueueStats) -> str:
    waiting = _now_waiting(_waiting_count(stats))
    return _("Nothing more is sent until the service is resumed; new work waits.") + " " + waiting


def _ask_resume(stats: QueueStats) -> str:
    waiting = _now_waiting(_waiting_count(stats))
    return _("Sending goes on, oldest first, at the pace the service allows.") + " " + waiting


def _now_waiting(count: int) -> str:
    return ngettext("%d task waits now.", "%d tasks wait now.", count) % count


def _pause(service: str, states: Sequence[TaskState], actor: str) -> None:
    services.pause(service, actor=actor)


def _resume(service: str, states: Sequence[TaskState], actor: str) -> None:
    services.resume(service, actor=actor)


OPERATIONS = {
    "retry-failed": Operation(
        label=gettext_lazy("Retry failed"),
        question=_ask_retry,
        run=lambda service, states, actor: services.retry_failed(service, actor=actor),
        answer=lambda n: ngettext("%d task is back in the queue.", "%d tasks are back in the queue.", n) % n,
        is_useful=lambda stats: stats.failed_count > 0,
    ),
    "recover": Operation(
        label=gettext_lazy("Recover"),
        question=_ask_recover,
        run=lambda service, states, actor: services.recover(service, actor=actor),
        answer=lambda n: ngettext("%d task is recovered.", "%d tasks are recovered.", n) % n,
        is_useful=lambda stats: stats.processing_count > 0,
    ),
    "pause": Operation(
        label=gettext_lazy("Pause"),
        question=_ask_pause,
        run=_pause,
        answer=lambda n: _("The service is paused."),
        is_useful=lambda stats: not stats.paused,
    ),
    "resume": Operation(
        label=gettext_lazy("Resume"),
        question=_ask_resume,
        run=_resume,
        answer=lambda n: _("The service goes on."),
        is_useful=lambda stats: stats.paused,
    ),
    "clear": Operation(
        label=gettext_lazy("Clear"),
        question=_ask_clear,
        run=lambda service, states, actor: sum(services.clear(service, states=states, actor=actor).values()),
        answer=lambda n: ngettext("%d task is taken out.", "%d tasks are taken out.", n) % n,
        is_useful=lambda stats: stats.failed_count + _waiting_count(stats) > 0,
        chooses_states=True,
        is_dangerous=True,
    ),
}
