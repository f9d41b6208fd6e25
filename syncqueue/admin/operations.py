"""The operations on a queue: button, question with the count, work, and result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from syncqueue import services
from syncqueue.admin.rounds import PIECE, Position, after_piece, next_piece
from syncqueue.core.task import QueueStats, TaskState
from syncqueue.presentation.figures import capped, figure, in_a_row

CLEARABLE = (TaskState.PENDING, TaskState.DELAYED, TaskState.FAILED)
COUNTED = 10_000  # limit for counting records, because the page reloads every few seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of a service for its buttons and their questions."""

    stats: QueueStats
    failed_record_count: int  # failed or held in the database; more than COUNTED are not counted
    is_resumable: bool  # whether a hold is set that ends when the service is resumed


def figures_of(service: str) -> Figures:
    """Read the figures. Raises `QueueUnavailable`."""
    counted = services.failed_record_count(service, COUNTED + 1)
    return Figures(
        stats=services.stats(service), failed_record_count=counted, is_resumable=services.is_resumable(service)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The request of a person."""

    service: str
    states: Sequence[TaskState]  # the states to clear; empty for other operations
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A button on the card of a queue."""

    label: Promise  # text of the button
    question: Callable[[Figures], str]  # says what will happen, with the count
    work: Callable[[Order, Position], Position]  # does a part of the work
    answer: Callable[[int], str]  # says what has happened, with the count
    is_useful: Callable[[Figures], bool]  # whether it would have an effect now
    counts: bool = True  # whether it affects a number of tasks
    chooses_states: bool = False
    is_dangerous: bool = False


def _ask_retry(figures: Figures) -> str:
    said = []
    if count := figures.stats.failed_count:
        text = ngettext(
            "%(count)s failed task goes back to the queue and is tried again from its first attempt.",
            "%(count)s failed tasks go back to the queue and are tried again from their first attempt.",
            count,
        )
        said.append(text % {"count": figure(count)})
    if count := figures.failed_record_count:
        text = ngettext(
            "%(count)s object that failed, or is held because a response was lost, is synced again, even if Redis "
            "no longer has its task. If it is held, its copy may already exist: check it first.",
            "%(count)s objects that failed, or are held because a response was lost, are synced again, even if "
            "Redis no longer has their tasks. Copies of the held ones may already exist: check them first.",
            count,
        )
        said.append(text % {"count": capped(count, COUNTED)})
    return " ".join(said)


def _ask_clear(figures: Figures) -> str:
    return _(
        "The tasks in the chosen states are removed from the queue; they can be restored for 7 days. Until then, "
        "their objects are not synced, unless they are saved again or someone uses “Sync now”. Tasks in processing "
        "stay."
    )


def _ask_recover(figures: Figures) -> str:
    return ngettext(
        "%(count)s task is in processing. It goes back to the queue if its worker is gone and its lease has expired.",
        "%(count)s tasks are in processing. Those whose worker is gone and whose lease has expired go back to the "
        "queue.",
        figures.stats.processing_count,
    ) % {"count": figure(figures.stats.processing_count)}


def _waiting_count(stats: QueueStats) -> int:
    return stats.pending_count + stats.delayed_count


def _ask_pause(figures: Figures) -> str:
    text = _("Nothing more is sent until the service is resumed; new work waits.")
    return in_a_row([text, _now_waiting(figures.stats)])


def _ask_resume(figures: Figures) -> str:
    text = _(
        "Sending continues, oldest first, at the pace that the service allows. Rate limits are lifted now; the "
        "service may set new ones."
    )
    return f"{text} {_now_waiting(figures.stats)}"


def _now_waiting(stats: QueueStats) -> str:
    count = _waiting_count(stats)
    return ngettext("%(count)s task waits now.", "%(count)s tasks wait now.", count) % {"count": figure(count)}


def _retry(order: Order, at: Position) -> Position:
    if at.cursor:
        return _retry_records(order, at)
    total = services.stats(order.service).failed_count
    most = next_piece(at, total)
    done = services.retry_failed(order.service, actor=order.actor, most=most) if most > 0 else 0
    at = after_piece(at, total, most, done)
    if not at.finished:
        return at
    left = services.failed_record_count(order.service)  # those without dead letters; the others wait by then
    return replace(at, total=at.looked + left, cursor="0", finished=not left)


def _retry_records(order: Order, at: Position) -> Position:
    after = int(at.cursor)
    done, last = services.retry_failed_records(order.service, actor=order.actor, after=after, most=PIECE)
    looked = min(at.looked + PIECE, at.total or 0)
    return replace(at, looked=looked, done=at.done + done, cursor=str(last), finished=not last)


def _clear(order: Order, at: Position) -> Position:
    counts = services.state_counts(services.stats(order.service))
    total = sum(counts[state] for state in order.states)
    most = next_piece(at, total)
    if most <= 0:
        return after_piece(at, total, 0, 0)
    batch = services.clearing(at.clearing, order.service) if at.clearing is not None else None
    batch = batch or services.begin_clearing(order.service, actor=order.actor)
    removed = services.clear(order.service, states=order.states, actor=order.actor, clearing=batch, most=most)
    done = sum(removed.values())
    return after_piece(at, total, done, done, clearing=batch.pk)


def _recover(order: Order, at: Position) -> Position:
    return Position(done=services.recover(order.service, actor=order.actor), finished=True)


def _pause(order: Order, at: Position) -> Position:
    services.pause(order.service, actor=order.actor)
    return Position(finished=True)


def _resume(order: Order, at: Position) -> Position:
    services.resume(order.service, actor=order.actor)
    return Position(finished=True)


def _told(text: Promise) -> Callable[[int], str]:
    """`text`: an `ngettext_lazy` with the values "number" and "count"."""
    return lambda n: str(text % {"number": n, "count": figure(n)})


OPERATIONS = {
    "retry-failed": Operation(
        label=gettext_lazy("Retry failed"),
        question=_ask_retry,
        work=_retry,
        answer=_told(
            ngettext_lazy("%(count)s task is back in the queue.", "%(count)s tasks are back in the queue.", "number")
        ),
        is_useful=lambda figures: figures.stats.failed_count + figures.failed_record_count > 0,
    ),
    "recover": Operation(
        label=gettext_lazy("Recover"),
        question=_ask_recover,
        work=_recover,
        answer=_told(ngettext_lazy("%(count)s task is recovered.", "%(count)s tasks are recovered.", "number")),
        is_useful=lambda figures: figures.stats.processing_count > 0,
    ),
    "pause": Operation(
        label=gettext_lazy("Pause"),
        question=_ask_pause,
        work=_pause,
        answer=lambda n: _("The service is paused."),
        is_useful=lambda figures: not figures.stats.paused,
        counts=False,
    ),
    "resume": Operation(
        label=gettext_lazy("Resume"),
        question=_ask_resume,
        work=_resume,
        answer=lambda n: _("The service is resumed."),
        is_useful=lambda figures: figures.is_resumable,
        counts=False,
    ),
    "clear": Operation(
        label=gettext_lazy("Clear"),
        question=_ask_clear,
        work=_clear,
        answer=_told(ngettext_lazy("%(count)s task is cleared.", "%(count)s tasks are cleared.", "number")),
        is_useful=lambda figures: figures.stats.failed_count + _waiting_count(figures.stats) > 0,
        chooses_states=True,
        is_dangerous=True,
    ),
}
