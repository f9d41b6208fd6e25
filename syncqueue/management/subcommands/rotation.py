"""`rotate-secrets`: stored secrets move to the key that writes now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue import services
from syncqueue.management.subcommands.base import ACTOR, Answer, Subcommand


class RotateSecrets(Subcommand):
    """After this, old keys can be given up."""

    name = "rotate-secrets"
    help = (
        "Writes every stored secret anew under the first of SYNCQUEUE['ENCRYPTION_KEYS'], or SECRET_KEY. Keep the old "
        "key (SECRET_KEY_FALLBACKS, or behind the first) until this has ended with exit code 0; 1: no key opens some."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Nothing is sent or deleted, so nobody is asked; one may look first."""
        parser.add_argument("--dry-run", action="store_true", help="only try whether every secret can be read")

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Rewrite what can be read, and name what cannot."""
        found = services.rotate_secrets(actor=ACTOR.name, dry_run=options["dry_run"])
        count = found.rewritten_count
        if options["dry_run"]:
            text = ngettext("%d secret would be written anew.", "%d secrets would be written anew.", count) % count
        else:
            text = ngettext("%d secret written anew.", "%d secrets written anew.", count) % count
        lost = [f"{place.service}: {place.name} ({place.pk})" for place in found.unreadable]
        if lost:
            text += " " + _("No key opens these; enter their secrets again, or bring the old key back: %s.")
            text %= ", ".join(lost)
        data = {"count": count, "unreadable": lost, "dry_run": options["dry_run"]}
        return Answer(text=text, data=data, ok=not lost)
