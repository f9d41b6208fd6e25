"""One note all the way out and back, in the environment that `.env` describes."""

import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

import syncqueue
from project.notes.models import Note


class Command(BaseCommand):
    help = (
        "Saves a note, waits until it is synced, edits it, removes it, and prints the queue's figures. The note "
        "really appears on the services of this environment for a moment. Exit code 1 when a step does not come off."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", help="the note's owner (default: the first superuser)")
        parser.add_argument("--private", action="store_true", help="a private note")
        parser.add_argument("--timeout", type=float, default=60.0, help="seconds for each step (60)")

    def handle(self, *args: Any, **options: Any) -> None:
        self.timeout_seconds: float = options["timeout"]
        text = f"Smoke test of {timezone.now():%Y-%m-%d %H:%M:%S} UTC; it removes itself."
        note = Note.objects.create(owner=owner(options["user"]), text=text, is_private=options["private"])
        try:
            self.wait("saved", note, lambda records: any(record.parts for record in records))
            note.text = text.replace("Smoke test", "Edited smoke test")
            note.save()
            self.wait("edited", note, lambda records: any(record.parts for record in records))
        finally:
            # Also after a failed step: nothing of it should stay out there.
            note.soft_delete()
        self.wait("removed", note, lambda records: not any(record.parts for record in records))
        note.delete()
        for service in settings.SYNCQUEUE["HANDLERS"]:
            self.stdout.write(f"{service}: {syncqueue.get_queue(service).stats()}")
        self.stdout.write(self.style.SUCCESS("It works."))

    def wait(self, step: str, note: Note, holds: Callable[[list[Any]], bool]) -> None:
        """Until every record is synced and `holds`; raises `CommandError` with what syncqueue says of the note."""
        started = time.monotonic()
        while True:
            records = list(syncqueue.status(note))
            if all(record.state == "synced" for record in records) and holds(records):
                break
            if time.monotonic() - started > self.timeout_seconds:
                raise CommandError(f"{step}: not done after {self.timeout_seconds:.0f} s.\n{reasons(note)}")
            time.sleep(0.1)
        self.stdout.write(f"{step}: {len(records)} destinations, {time.monotonic() - started:.1f} s")
        for sentence in syncqueue.explain(note):
            self.stdout.write(f"  {sentence}")


def owner(username: str | None) -> Any:
    people = get_user_model().objects.filter(is_active=True)
    found = people.filter(username=username) if username else people.filter(is_superuser=True).order_by("pk")
    person = found.first()
    if person is None:
        raise CommandError("There is nobody to own the note: `manage.py createsuperuser`, or name one with --user.")
    return person


def reasons(note: Note) -> str:
    sentences = syncqueue.explain(note)
    return "\n".join(map(str, sentences)) if sentences else "No destination wants this note: see DESTINATIONS and its RULE."
