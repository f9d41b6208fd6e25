"""URLs of the pages of the notes."""

from django.urls import path

from . import destination_views, views

urlpatterns = [
    # Browsers request it on pages without an icon, such as the admin.
    path("favicon.ico", views.favicon),
    path("", views.note_list, name="note-list"),
    path("notes/new/", views.note_edit, name="note-create"),
    path("notes/<int:pk>/", views.note_detail, name="note-detail"),
    path("notes/<int:pk>/edit/", views.note_edit, name="note-update"),
    path("notes/<int:pk>/delete/", views.note_delete, name="note-delete"),
    path("destinations/", destination_views.destination_list, name="destination-list"),
    path("destinations/new/<slug:service>/", destination_views.destination_add, name="destination-create"),
    path("destinations/<int:pk>/edit/", destination_views.destination_edit, name="destination-update"),
    path("destinations/<int:pk>/switch/", destination_views.destination_switch, name="destination-switch"),
    path("destinations/<int:pk>/test/", destination_views.destination_test, name="destination-test"),
    path("destinations/<int:pk>/mend/", destination_views.destination_mend, name="destination-mend"),
    path("destinations/<int:pk>/delete/", destination_views.destination_delete, name="destination-delete"),
]
