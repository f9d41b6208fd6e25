"""The notes app."""

from django.apps import AppConfig


class NotesConfig(AppConfig):
    name = "project.notes"
