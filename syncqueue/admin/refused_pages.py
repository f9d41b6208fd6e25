"""The page of objects for which the site's own code raises, and its button that tries them again."""

from __future__ import annotations

from dataclasses import replace

from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue import services
from syncqueue.admin.operation_pages import RoundPages
from syncqueue.admin.rounds import POSITION, Position, is_progress, level_of, read_position
from syncqueue.presentation.figures import figure
from syncqueue.services import audit

SHOWN = 100
_PIECE = 50  # objects in a step; the site's code is called for each


class RefusedPages(RoundPages):
    """The page of refused objects."""

    def own_urls(self) -> list[URLPattern]:
        """Return the URLs."""
        view = non_atomic_requests(self.admin_site.admin_view(self.refused_view))
        return [path("refused/", view, name="syncqueue_queue_refused"), *super().own_urls()]

    def refused_view(self, request: HttpRequest) -> HttpResponse:
        """Show the objects with the reasons; a POST tries all of them again, in rounds."""
        self.check_view(request)
        title = _("Objects that are not synced")
        if is_progress(request):
            self.check_operate(request)
            at = read_position(request.GET[POSITION])
            return self.show_progress(request, title, at, self.url("queue_refused"))
        if request.method == "POST":
            self.check_operate(request)
            return self._retry(request, title)
        rows = services.refused_objects()
        return self.render(request, "syncqueue/refused.html", title, {"rows": rows[:SHOWN], "count": rows.count()})

    def _retry(self, request: HttpRequest, title: str) -> HttpResponse:
        total = services.refused_objects().count()
        actor = audit.Actor.of(request.user).name

        def work(at: Position) -> Position:
            after = int(at.cursor or 0)
            looked, done, last = services.retry_refused_objects(actor=actor, after=after, most=_PIECE)
            looked += at.looked
            whole = max(total if at.total is None else at.total, looked)
            return replace(
                at, total=whole, looked=looked, done=at.done + done, cursor=str(last), finished=not last
            )  # fmt: skip

        at = self.do_round(request, "objects", "sync refused objects: %(count)s objects", work)
        if at is not None and not at.finished:
            return self.show_progress(request, title, at, self.url("queue_refused"))
        if at is not None:
            text = ngettext("%(count)s object is synced again.", "%(count)s objects are synced again.", at.done)
            self.message_user(request, text % {"count": figure(at.done)}, level_of(at.done))
        return HttpResponseRedirect(self.url("queue_refused"))
