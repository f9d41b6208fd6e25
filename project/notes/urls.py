"""The notes' own pages."""

from django.urls import path

from . import views

urlpatterns = [
    # Browsers ask for it on pages that name no icon, such as the admin's.
    path("favicon.ico", views.favicon),
    path("", views.note_list, name="note-list"),
    path("notes/new/", views.note_edit, name="note-create"),
    path("notes/<int:pk>/", views.note_detail, name="note-detail"),
    path("notes/<int:pk>/edit/", views.note_edit, name="note-update"),
    path("notes/<int:pk>/delete/", views.note_delete, name="note-delete"),
]
