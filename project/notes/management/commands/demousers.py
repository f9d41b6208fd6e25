"""The two users of the demo: an administrator, and a writer who is not staff."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Creates the users admin/admin and writer/writer of the demo if they are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("These passwords are public: only with DEBUG=1.")
        people = get_user_model().objects
        if not people.filter(username="admin").exists():
            people.create_superuser("admin", "admin@example.org", "admin")
        if not people.filter(username="writer").exists():
            people.create_user("writer", "writer@example.org", "writer")
