"""The tasks that were cleared or deleted in the last 7 days, and their restoration."""

from __future__ import annotations

from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue import services
from syncqueue.admin.operation_pages import RoundPages
from syncqueue.admin.rounds import PIECE, POSITION, Position, is_progress, level_of, read_position
from syncqueue.models import Clearing
from syncqueue.presentation.figures import figure, in_a_row
from syncqueue.services import audit

SHOWN = 200


class ClearingPages(RoundPages):
    """The pages of cleared tasks and of their restoration."""

    def own_urls(self) -> list[URLPattern]:
        """Return the URLs of the list and of the confirmation pages."""
        wrap = self.admin_site.admin_view
        restore = non_atomic_requests(wrap(self.restore_view))
        return [
            path("cleared/", wrap(self.cleared_view), name="syncqueue_queue_cleared"),
            path("cleared/<int:pk>/restore/", restore, name="syncqueue_queue_restore"),
            *super().own_urls(),
        ]

    def cleared_view(self, request: HttpRequest) -> HttpResponse:
        """Show who removed which tasks, and when."""
        self.check_view(request)
        return self.render(
            request, "syncqueue/cleared.html", _("Cleared work"), {"clearings": services.restorable()[:SHOWN]}
        )

    def restore_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for confirmation with the count, then restore in rounds."""
        self.check_operate(request)
        clearing = services.restorable().filter(pk=pk, restored_at=None).first()
        if clearing is None:
            raise Http404(str(pk))
        self.check_service(clearing.service)
        title = _("%s: restore") % clearing.service
        if is_progress(request):
            return self.show_progress(request, title, read_position(request.GET[POSITION]), self.url("queue_cleared"))
        if request.method != "POST":
            shown = {"question": _question(clearing), "way_back": self.url("queue_cleared"), "label": _("Restore")}
            return self.render(request, "syncqueue/confirm.html", title, shown)
        actor = audit.Actor.of(request.user).name

        def work(at: Position) -> Position:
            count, more = services.restore(clearing, actor=actor, most=PIECE)
            done = at.done + count
            return Position(total=clearing.task_count, looked=done, done=done, finished=not more)

        at = self.do_round(request, clearing.service, "restore: %(count)s tasks", work)
        if at is not None and not at.finished:
            return self.show_progress(request, title, at, self.url("queue_cleared"))
        if at is not None:
            self.message_user(request, _answer(clearing.service, at.done), level_of(at.done))
        return HttpResponseRedirect(self.url("queue_cleared"))


def _question(clearing: Clearing) -> str:
    text = ngettext(
        "%(count)s task that %(actor)s cleared goes back to the queue, unless its object has been saved since.",
        "%(count)s tasks that %(actor)s cleared go back to the queue, except those whose objects have been saved "
        "since.",
        clearing.task_count,
    ) % {"count": figure(clearing.task_count), "actor": clearing.actor}
    return in_a_row([text, _("Failed tasks come back as failed and are not sent until someone retries them.")])


def _answer(service: str, count: int) -> str:
    text = ngettext("%(service)s: %(count)s task is back.", "%(service)s: %(count)s tasks are back.", count)
    return text % {"service": service, "count": figure(count)}
