"""Posts, edits and removes one note, in the environment of `.env`."""

import dataclasses
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
        "Saves a note, waits until it is synced, edits it, removes it, and prints the figures of the queue. The note "
        "appears on the real services of this environment for a moment. Exit code 1 if a step is not done in time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", help="the owner of the note (default: the first superuser)")
        parser.add_argument("--private", action="store_true", help="make the note private")
        parser.add_argument("--timeout", type=float, default=60.0, help="seconds allowed for each step (60)")

    def handle(self, *args: Any, **options: Any) -> None:
        self.timeout_seconds: float = options["timeout"]
        try:
            self.there_and_back(owner(options["user"]), is_private=options["private"])
            for service in settings.SYNCQUEUE["HANDLERS"]:
                self.print_figures(service)
        except syncqueue.SyncQueueError as error:
            raise CommandError(f"{type(error).__name__}: {error}") from error
        self.stdout.write(self.style.SUCCESS("It works."))

    def there_and_back(self, person: Any, *, is_private: bool) -> None:
        text = f"Smoke test of {timezone.now():%Y-%m-%d %H:%M:%S} UTC; it removes itself."
        note = Note(owner=person, text=text, is_private=is_private)
        try:
            self.step("saved", note, note.save, is_out=True)
            note.text = text.replace("Smoke test", "Edited smoke test")
            self.step("edited", note, note.save, is_out=True)
        finally:
            # Also after a failed step, so that no copy stays on a service.
            self.step("removed", note, note.soft_delete, is_out=False)
            note.delete()

    def step(self, name: str, note: Note, act: Callable[[], None], *, is_out: bool) -> None:
        """Call `act` and wait until it is synced; raises `CommandError` with the explanation of syncqueue."""
        started = time.monotonic()
        act()
        while not has_arrived(note, is_out):
            if time.monotonic() - started > self.timeout_seconds:
                raise CommandError(f"{name}: not done after {self.timeout_seconds:.0f} s.\n{reasons(note)}")
            time.sleep(0.1)
        self.stdout.write(f"{name}: done after {time.monotonic() - started:.2f} s\n{reasons(note)}")

    def print_figures(self, service: str) -> None:
        figures = dataclasses.asdict(syncqueue.get_queue(service).stats())
        self.stdout.write("\n".join(f"  {name}: {value}" for name, value in figures.items()))


def has_arrived(note: Note, is_out: bool) -> bool:
    """Return whether every record is synced and a copy exists (or, if `is_out` is False, none exists)."""
    records = syncqueue.status(note)
    return all(record.state == "synced" for record in records) and is_out == any(record.parts for record in records)


def owner(username: str | None) -> Any:
    people = get_user_model().objects.filter(is_active=True)
    found = people.filter(username=username) if username else people.filter(is_superuser=True).order_by("pk")
    person = found.first()
    if person is None:
        raise CommandError("The note needs an owner: run `manage.py createsuperuser`, or name a user with --user.")
    return person


def reasons(note: Note) -> str:
    lines = [f"  {sentence}" for sentence in syncqueue.explain(note)]
    return "\n".join(lines) or "  No destination accepts this note: check DESTINATIONS and the RULE of each."
