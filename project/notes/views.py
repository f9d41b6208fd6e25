"""A person's own notes: list, write, edit, delete. Nobody sees another person's."""

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
    """The notes of the person who asks, without those in the trash."""
    return Note.objects.of(request.user.pk).live().prefetch_related("tags")


def favicon(request: HttpRequest) -> HttpResponse:
    return redirect(static("project/icon.svg"))


@login_required
def note_list(request: HttpRequest) -> HttpResponse:
    """All notes, or those that `q` finds."""
    query = request.GET.get("q", "").strip() if is_searchable() else ""
    notes = own_notes(request)
    asked: Any = FoundNotes(notes, request.user.pk, query, NOTES_A_PAGE) if query else notes
    context: dict[str, Any] = {"query": query, "is_searchable": is_searchable()}
    try:
        context["page"] = Paginator(asked, NOTES_A_PAGE).get_page(request.GET.get("page"))
    except HandlerError:
        messages.error(request, _("The search is away just now. Here are all your notes."))
        context |= {"query": "", "page": Paginator(notes, NOTES_A_PAGE).get_page(1)}
    return render(request, "notes/list.html", context)


@login_required
def note_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "notes/detail.html", {"note": get_object_or_404(own_notes(request), pk=pk)})


@login_required
def note_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """A new note where there is no pk."""
    note = get_object_or_404(own_notes(request), pk=pk) if pk else Note(owner_id=cast(int, request.user.pk))
    form = NoteForm(request.POST or None, instance=note, label_suffix="")
    if request.method == "POST" and save_whole(form):
        messages.success(request, _("The note is saved."))
        return redirect("note-list")
    return render(request, "notes/edit.html", {"note": note, "form": form})


@transaction.atomic
def save_whole(form: NoteForm) -> bool:
    """Note, tags and new tags are one change and go out as one. False when something is filled in wrong."""
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
