"""Paths for a site's own pages: `path("connect/mastodon/", include("syncqueue.api.connect.urls"))`."""

from __future__ import annotations

from django.urls import path

from syncqueue.api.connect import views

app_name = "syncqueue-connect"

urlpatterns = [
    path("", views.start, name="start"),
    path("callback/", views.callback, name="callback"),
]
