"""`rotate-secrets`: encrypts stored secrets with the current key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue import services
from syncqueue.management.subcommands.base import ACTOR, Answer, Subcommand


class RotateSecrets(Subcommand):
    """Encrypts all secrets with the current key, so that old keys can be removed."""

    name = "rotate-secrets"
    help = (
        "Encrypts every stored secret with the first of SYNCQUEUE['ENCRYPTION_KEYS'], or with SECRET_KEY. Keep the old "
        "key (in SECRET_KEY_FALLBACKS, or after the first key) until this ends with exit code 0. Exit code 1: some "
        "secrets cannot be decrypted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --dry-run; nothing is sent or deleted, so the command does not ask."""
        parser.add_argument("--dry-run", action="store_true", help="only test whether every secret can be decrypted")

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Encrypt every readable secret again, and list the unreadable ones."""
        found = services.rotate_secrets(actor=ACTOR.name, dry_run=options["dry_run"])
        count = found.rewritten_count
        if options["dry_run"]:
            text = ngettext("%d secret would be re-encrypted.", "%d secrets would be re-encrypted.", count) % count
        else:
            text = ngettext("%d secret re-encrypted.", "%d secrets re-encrypted.", count) % count
        lost = [f"{place.service}: {place.name} ({place.pk})" for place in found.unreadable]
        if lost:
            text += " " + _("These cannot be decrypted; restore the old key, or enter their secrets again: %s.")
            text %= ", ".join(lost)
        data = {"count": count, "unreadable": lost, "dry_run": options["dry_run"]}
        return Answer(text=text, data=data, ok=not lost)
