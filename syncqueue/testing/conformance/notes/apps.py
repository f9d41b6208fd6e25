"""The app's configuration."""

from __future__ import annotations

from django.apps import AppConfig


class NotesConfig(AppConfig):
    """Notes with tags."""

    name = "syncqueue.testing.conformance.notes"
    label = "conformance"
    default_auto_field = "django.db.models.BigAutoField"
