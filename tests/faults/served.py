"""The demo site's pages, and one that saves a note at once, for tests of the servers that people use."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from project.notes.models import Note
from project.urls import urlpatterns as pages


@csrf_exempt
def save(request: HttpRequest) -> HttpResponse:
    """A new public note of the site's one user: `/save/?text=...`, or a posted one in Markdown."""
    text = request.POST.get("markdown", request.GET.get("text", ""))
    Note.objects.create(owner_id=1, text=text, is_markdown=request.method == "POST")
    return HttpResponse("saved")


urlpatterns = [path("save/", save), *pages]
