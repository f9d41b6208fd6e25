"""The base class of subcommands: their arguments, and a result that is printed as text or as JSON."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser, OutputWrapper
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.models import Destination, ServicePolicy
from syncqueue.services import audit
from syncqueue.services.audit import Actor

ACTOR = Actor(name="manage.py")
# Shorter work needs no progress bar; a million tasks are two thousand chunks.
_DRAWN_EVERY = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result of a subcommand."""

    text: str  # for people
    data: Mapping[str, Any] | Sequence[Any]  # for scripts: JSON values, datetimes and enums
    ok: bool = True  # False: exit code 1


class Subcommand(ABC):
    """A subcommand of `manage.py syncqueue`."""

    name: ClassVar[str]
    help: ClassVar[str]

    def __init__(self, errors: OutputWrapper) -> None:
        """`errors`: the stream for questions and progress, so that standard output contains only the result."""
        self._errors = errors

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments other than --json."""
        return None

    @abstractmethod
    def run(self, options: Mapping[str, Any]) -> Answer:
        """Run the subcommand; raises `SyncQueueError` or `CommandError`."""

    def confirm(self, question: str, options: Mapping[str, Any]) -> None:
        """Ask for confirmation unless --noinput is given; raises `CommandError` if it is refused."""
        if options["noinput"]:
            return
        self._say(f"{question} [y/N] ")
        try:
            answer = input()
        except EOFError:
            raise CommandError(_("No terminal to ask for confirmation, so nothing was done; use --noinput.")) from None
        if answer.strip().lower() not in ("y", "yes"):
            raise CommandError(_("Not confirmed; nothing was done."))

    def progress(
        self, total: int, options: Mapping[str, Any], *, least: int = _DRAWN_EVERY, label: str = ""
    ) -> Callable[[int], None] | None:
        """Return a function that draws a progress bar; None without a terminal, with --json, or for short work."""
        if options["json"] or total < least or not self._errors.isatty():
            return None

        def draw(done: int) -> None:
            filled = min(done * 30 // total, 30)
            end = "\n" if done >= total else ""
            self._say(f"\r{label}[{'#' * filled}{'.' * (30 - filled)}] {done:,} / {total:,}{end}")

        return draw

    def _say(self, text: str) -> None:
        """Write `text` without the error style and without a newline."""
        self._errors.write(text, style_func=str, ending="")
        self._errors.flush()


def add_service(parser: CommandParser) -> None:
    """Add the argument of subcommands for one service."""
    parser.add_argument("service", help="a service of SYNCQUEUE['HANDLERS']")


def add_caution(parser: CommandParser) -> None:
    """Add the options of subcommands that post or delete."""
    parser.add_argument("--dry-run", action="store_true", help="print what would be done, with the count")
    parser.add_argument("--noinput", "--no-input", action="store_true", help="do not ask for confirmation")


def one_destination(wanted: str, known: Sequence[Destination]) -> Destination:
    """Return the destination that a person names by its name or its number; raises `CommandError`."""
    found = [place for place in known if wanted in (place.name, str(place.pk))]
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"{place.pk} ({place.name})" for place in found or known[:20]) or "-"
    text = (
        _("Several destinations are named %(wanted)r; use the number: %(names)s.")
        if found
        else _("There is no enabled destination %(wanted)r; enabled: %(names)s.")
    )
    raise CommandError(text % {"wanted": wanted, "names": names})


def check_service(name: str) -> None:
    """Raise `CommandError`, which lists the enabled services, if a service is not enabled."""
    known = services.service_names()
    if name not in known:
        message = _("There is no service %(name)r; enabled: %(known)s.")
        raise CommandError(message % {"name": name, "known": ", ".join(known) or "-"})


def note(service: str, what: str) -> None:
    """Record an operation on a service in the admin log."""
    audit.note(ACTOR, what, subject=service, model=ServicePolicy)
