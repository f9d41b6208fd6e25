"""The page of the differences that the last verification of a destination has found, with a button to correct them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.contrib import messages
from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue import services
from syncqueue.admin.links import Link, part_link
from syncqueue.admin.operation_pages import RoundPages
from syncqueue.admin.rounds import PIECE, POSITION, Position, is_progress, read_position
from syncqueue.admin.titles import titles
from syncqueue.models import Destination, DestinationState, SyncRecord, VerificationFinding
from syncqueue.presentation import commands
from syncqueue.presentation.figures import figure, labelled
from syncqueue.presentation.verifications import drift_words, summary
from syncqueue.services import audit
from syncqueue.site import record_db
from syncqueue.sources.drift import Drift

SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    record_id: int
    words: str  # the title of the object
    drift: str
    copies: list[Link]


class FindingPages(RoundPages):
    """The page of the differences at a destination."""

    def own_urls(self) -> list[URLPattern]:
        """Return the URLs, with the destination."""
        view = non_atomic_requests(self.admin_site.admin_view(self.findings_view))
        return [path("findings/<int:pk>/", view, name="syncqueue_queue_findings"), *super().own_urls()]

    def findings_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the differences; a POST lets workers correct all of them, in rounds."""
        self.check_view(request)
        if request.method == "POST" or is_progress(request):
            self.check_operate(request)
        rows = Destination.objects.using(record_db()).filter(pk=pk, state=DestinationState.ACTIVE)
        destination = rows.first()
        verification = services.last_verification(destination) if destination is not None else None
        if destination is None or verification is None:
            raise Http404(pk)
        title, address = labelled(destination.name, _("differences")), self.url("queue_findings", pk)
        if is_progress(request):
            return self.show_progress(request, title, read_position(request.GET[POSITION]), address)
        if request.method == "POST":
            return self._correct(request, destination, title, address)
        found = services.findings(destination)
        shown = {
            "rows": _rows(request, list(found[:SHOWN])), "count": found.count(), "shown": SHOWN,
            "summary": summary(verification), "command": commands.verify(destination),
        }  # fmt: skip
        return self.render(request, "syncqueue/findings.html", title, shown)

    def _correct(self, request: HttpRequest, destination: Destination, title: str, address: str) -> HttpResponse:
        total = services.findings(destination).count()
        actor = audit.Actor.of(request.user).name

        def work(at: Position) -> Position:
            looked, done = services.correct_findings(destination, actor=actor, most=PIECE)
            whole = max(total if at.total is None else at.total, at.looked + looked)
            return replace(
                at, total=whole, looked=at.looked + looked, done=at.done + done, finished=looked < PIECE
            )  # fmt: skip

        at = self.do_round(request, destination.service, "correct copies: %(count)s records", work)
        if at is not None and not at.finished:
            return self.show_progress(request, title, at, address)
        if at is not None:
            text = ngettext(
                "A worker corrects %(count)s copy.", "Workers correct %(count)s copies.", at.done
            )  # fmt: skip
            level = messages.SUCCESS if at.done else messages.WARNING
            self.message_user(request, text % {"count": figure(at.done)}, level)
        return HttpResponseRedirect(address)


def _rows(request: HttpRequest, found: list[VerificationFinding]) -> list[_Row]:
    known = SyncRecord.objects.using(record_db()).in_bulk([one.record_id for one in found])
    names = titles(request.user, [(record.source, record.object_pk) for record in known.values()])
    return [
        _Row(
            record_id=record.pk,
            words=names.words(record.source, record.object_pk),
            drift=drift_words(Drift(one.drift)),
            copies=[part_link(part) for part in record.parts],
        )
        for one in found
        if (record := known.get(one.record_id)) is not None
    ]
