"""Pages of a user's notes: list, write, edit, delete. A user only sees their own notes."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.utils.translation import gettext as _

from syncqueue.core.errors import HandlerError

from .finding import FoundNotes, is_searchable
from .forms import NoteForm
from .models import Note, NoteQuerySet

NOTES_A_PAGE = 20


def own_notes(request: HttpRequest) -> NoteQuerySet:
    """Return the notes of the user that are not in the trash."""
    return Note.objects.of(request.user.pk).live().prefetch_related("tags")


def favicon(request: HttpRequest) -> HttpResponse:
    return redirect(static("project/icon.svg"))


@login_required
def note_list(request: HttpRequest) -> HttpResponse:
    """List all notes, or those that match `q`."""
    query = request.GET.get("q", "").strip() if is_searchable() else ""
    notes = own_notes(request)
    asked: Any = FoundNotes(notes, request.user.pk, query, NOTES_A_PAGE) if query else notes
    context: dict[str, Any] = {"query": query, "is_searchable": is_searchable()}
    try:
        context["page"] = Paginator(asked, NOTES_A_PAGE).get_page(request.GET.get("page"))
    except HandlerError:
        messages.error(request, _("The search is not available. These are all your notes."))
        context |= {"query": "", "page": Paginator(notes, NOTES_A_PAGE).get_page(1)}
    return render(request, "notes/list.html", context)


@login_required
def note_detail(request: HttpRequest, pk: int) -> HttpResponse:
    note = get_object_or_404(own_notes(request), pk=pk)
    # A preview takes a while, so it is made for those who ask for it.
    return render(request, "notes/detail.html", {"note": note, "preview": "preview" in request.GET})


@login_required
def note_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Edit a note; without a pk, create one."""
    note = get_object_or_404(own_notes(request), pk=pk) if pk else Note(owner_id=cast(int, request.user.pk))
    form = NoteForm(request.POST or None, instance=note, label_suffix="")
    if request.method == "POST" and save_whole(form):
        messages.success(request, _("The note is saved."))
        return redirect("note-list")
    return render(request, "notes/edit.html", {"note": note, "form": form})


@transaction.atomic
def save_whole(form: NoteForm) -> bool:
    """Save note, tags and new tags in one transaction, so that they sync as one change; False: the form is invalid."""
    is_right = form.is_valid()
    if is_right:
        form.save()
    return is_right


@login_required
def note_delete(request: HttpRequest, pk: int) -> HttpResponse:
    note = get_object_or_404(own_notes(request), pk=pk)
    if request.method == "POST":
        note.soft_delete()
        messages.success(request, _("The note is deleted."))
        return redirect("note-list")
    return render(request, "notes/delete.html", {"note": note})
