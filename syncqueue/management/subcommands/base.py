"""What a subcommand is: its arguments, and an answer that is printed as text or as JSON."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser, OutputWrapper
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.models import ServicePolicy
from syncqueue.services import audit
from syncqueue.services.audit import Actor

ACTOR = Actor(name="manage.py")
# A million tasks are two thousand chunks; a line is drawn for every few of them.
_DRAWN_EVERY = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a subcommand says."""

    text: str  # for people
    data: Mapping[str, Any] | Sequence[Any]  # for scripts: JSON, moments and enumerations allowed
    ok: bool = True  # False: exit code 1


class Subcommand(ABC):
    """One word after `manage.py syncqueue`."""

    name: ClassVar[str]
    help: ClassVar[str]

    def __init__(self, errors: OutputWrapper) -> None:
        """`errors`: where questions and progress are written, so that what scripts read stays clean."""
        self._errors = errors

    def add_arguments(self, parser: CommandParser) -> None:
        """The arguments beside --json."""
        return None

    @abstractmethod
    def run(self, options: Mapping[str, Any]) -> Answer:
        """Do it. Raises `SyncQueueError`, and `CommandError` with words for people."""

    def confirm(self, question: str, options: Mapping[str, Any]) -> None:
        """Go on when a person says yes, or --noinput has said so; raises `CommandError` otherwise."""
        if options["noinput"]:
            return
        self._say(f"{question} [y/N] ")
        try:
            answer = input()
        except EOFError:
            raise CommandError(_("Nobody is there to say yes, so nothing was done; say --noinput.")) from None
        if answer.strip().lower() not in ("y", "yes"):
            raise CommandError(_("Nothing was done."))

    def progress(self, total: int, options: Mapping[str, Any]) -> Callable[[int], None] | None:
        """Draws how far long work has come; None where nobody looks on, or the work is short."""
        if options["json"] or total < _DRAWN_EVERY or not self._errors.isatty():
            return None

        def draw(done: int) -> None:
            filled = min(done * 30 // total, 30)
            end = "\n" if done >= total else ""
            self._say(f"\r[{'#' * filled}{'.' * (30 - filled)}] {done:,} / {total:,}{end}")

        return draw

    def _say(self, text: str) -> None:
        """Write as it is: neither red, as errors are, nor with a line's end."""
        self._errors.write(text, style_func=str, ending="")
        self._errors.flush()


def add_service(parser: CommandParser) -> None:
    """The argument of those that work on one service."""
    parser.add_argument("service", help="a service of SYNCQUEUE['HANDLERS']")


def add_caution(parser: CommandParser) -> None:
    """The options of those that post or delete."""
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and to how many")
    parser.add_argument("--noinput", "--no-input", action="store_true", help="do not ask")


def check_service(name: str) -> None:
    """Raise `CommandError`, naming the known ones, when a service is not on."""
    known = services.service_names()
    if name not in known:
        message = _("There is no service %(name)r; there are: %(known)s.")
        raise CommandError(message % {"name": name, "known": ", ".join(known) or "-"})


def note(service: str, what: str) -> None:
    """Write down what was done to a service."""
    audit.note(ACTOR, what, subject=service, model=ServicePolicy)
