"""Failures by reason and destination, and actions on a whole group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from syncqueue import services
from syncqueue.admin.operation_pages import RoundPages
from syncqueue.admin.rounds import PIECE, POSITION, Position, is_progress, level_of, read_position
from syncqueue.models import Destination, RecordState
from syncqueue.presentation.figures import figure, labelled
from syncqueue.services import audit
from syncqueue.site import record_db


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    group: services.FailureGroup
    records_url: str
    destination_url: str
    action_url: str  # without the name of the action at its end


@dataclass(frozen=True, slots=True, kw_only=True)
class _Action:
    label: Promise
    question: Callable[[int], str]
    answer: Callable[[int], str]
    is_dangerous: bool = False


_ACTIONS = {
    "retry": _Action(
        label=gettext_lazy("Retry"),
        question=lambda n: ngettext(
            "%(count)s object that failed for this reason is synced again.",
            "%(count)s objects that failed for this reason are synced again.",
            n,
        ),
        answer=lambda n: ngettext("%(count)s object is being synced.", "%(count)s objects are being synced.", n),
    ),
    "delete": _Action(
        label=gettext_lazy("Delete"),
        question=lambda n: ngettext(
            "%(count)s failure with this reason is deleted. Its object is not synced until it is saved again, or "
            "someone syncs it. The failure can be restored for 7 days.",
            "%(count)s failures with this reason are deleted. Their objects are not synced until they are saved "
            "again, or someone syncs them. The failures can be restored for 7 days.",
            n,
        ),
        answer=lambda n: ngettext("%(count)s failure is deleted.", "%(count)s failures are deleted.", n),
        is_dangerous=True,
    ),
}


class FailurePages(RoundPages):
    """The pages of the groups and of their actions."""

    def own_urls(self) -> list[URLPattern]:
        """Return the URLs; a group has destination, state and reason in its URL."""
        wrap = self.admin_site.admin_view
        act = non_atomic_requests(wrap(self.failure_action_view))
        return [
            path("failures/", wrap(self.failures_view), name="syncqueue_queue_failures"),
            path("failures/<int:pk>/<str:state>/<slug:kind>/<str:name>/", act, name="syncqueue_queue_failure_action"),
            *super().own_urls(),
        ]

    def failures_view(self, request: HttpRequest) -> HttpResponse:
        """Show the reasons, and how many objects failed for each."""
        self.check_view(request)
        found = services.failures()
        # Addresses are made here, because hundreds of rows with five `url` tags each took longer than the counting.
        here, records_url = self.url("queue_failures"), self.url("syncrecord_changelist")
        destinations = {group.destination.pk for group in found.groups}
        destination_urls = {pk: self.url("destination_change", pk) for pk in destinations}
        rows = [
            _Row(
                group=group,
                records_url=f"{records_url}?{_records_query(group)}",
                destination_url=destination_urls[group.destination.pk],
                action_url=f"{here}{group.destination.pk}/{group.state.value}/{group.kind}/",
            )
            for group in found.groups
        ]
        shown = {"rows": rows, "is_whole": found.is_whole}
        return self.render(request, "syncqueue/failures.html", _("Failures by reason"), shown)

    def failure_action_view(self, request: HttpRequest, pk: int, state: str, kind: str, name: str) -> HttpResponse:
        """Ask for confirmation with the count, then do it in rounds."""
        self.check_operate(request)
        action, destination = _ACTIONS.get(name), Destination.objects.using(record_db()).filter(pk=pk).first()
        if action is None or destination is None or state not in (RecordState.FAILED, RecordState.UNKNOWN):
            raise Http404(name)
        self.check_service(destination.service)
        title, way_back = labelled(destination.name, action.label), self.url("queue_failures")
        if is_progress(request):
            return self.show_progress(request, title, read_position(request.GET[POSITION]), way_back)
        at = read_position(request.POST.get(POSITION, ""))
        is_first = at.total is None  # count once, not in each round
        group = services.failure_group(destination, RecordState(state), kind) if is_first else None
        count = group.count if group else at.total or 0
        if request.method != "POST":
            question = action.question(count) % {"count": figure(count)}
            reason = group.reason if group else ""
            shown = {
                "question": question, "reason": reason, "way_back": way_back, "label": action.label,
                "is_dangerous": action.is_dangerous,
            }  # fmt: skip
            return self.render(request, "syncqueue/confirm.html", title, shown)
        work = self._work(request, name, destination, RecordState(state), kind, count)
        done = self.do_round(request, destination.service, f"{name} failures: %(count)s records", work)
        if done is not None and not done.finished:
            return self.show_progress(request, title, done, way_back)
        if done is not None:
            self.message_user(request, action.answer(done.done) % {"count": figure(done.done)}, level_of(done.done))
        return HttpResponseRedirect(way_back)

    def _work(
        self, request: HttpRequest, name: str, destination: Destination, state: RecordState, kind: str, count: int
    ) -> Callable[[Position], Position]:
        actor = audit.Actor.of(request.user).name

        def work(at: Position) -> Position:
            after = int(at.cursor or 0)
            clearing = at.clearing
            if name == "retry":
                done, last = services.retry_failures(destination, state, kind, actor=actor, after=after, most=PIECE)
            else:
                batch = services.clearing(clearing, destination.service) if clearing is not None else None
                batch = batch or services.begin_clearing(destination.service, actor=actor)
                clearing = batch.pk
                done, last = services.delete_failures(
                    batch, destination, state, kind, actor=actor, after=after, most=PIECE
                )
            whole = max(count if at.total is None else at.total, at.done + done)
            return replace(
                at, total=whole, looked=at.done + done, done=at.done + done, cursor=str(last), clearing=clearing,
                finished=not last,
            )  # fmt: skip

        return work


def _records_query(group: services.FailureGroup) -> str:
    return urlencode({"state__exact": group.state.value, "destination": group.destination.pk})
