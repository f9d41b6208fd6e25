"""The demo site's pages, and one that saves a note at once, for tests of the servers that people use."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from project.notes.models import Note
from project.urls import urlpatterns as pages


def save(request: HttpRequest) -> HttpResponse:
    """A new public note of the site's one user: `/save/?text=...`."""
    Note.objects.create(owner_id=1, text=request.GET["text"])
    return HttpResponse("saved")


urlpatterns = [path("save/", save), *pages]
