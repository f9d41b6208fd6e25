"""What kind of server the stand-in is: its limits, and how far it goes along with Mastodon's ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncqueue.testing.sandbox.service_options import BadOption, changed

from .flavours import FLAVOURS, Flavour

MAX_NUMBER = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The server's figures (https://docs.joinmastodon.org/entities/Instance/ and .../api/rate-limits/)."""

    flavour: str = "mastodon"  # which server it plays: flavours.py
    idempotency: bool = True  # False (and always with flavours that keep none): Idempotency-Key is ignored
    hides_itself: bool = False  # it describes itself as nothing in particular
    says_mastodon: bool = False  # it describes itself as Mastodon
    keeps_edits: bool = True  # False: an edit is accepted and changes nothing
    edits_pictures: bool = True  # False: an edit changes the text, and leaves the pictures as they are
    markdown: bool = False  # the accounts are set to Markdown: its asterisks are not shown
    history: bool = True  # False: it does not tell that a status was edited
    max_characters: int = 500
    max_media: int = 4
    max_alt_characters: int = 1500
    processed_later_bytes: int = 1_000_000  # pictures from this size on are answered with 202
    processing_polls: int = 2  # so often a look at such a picture says 206
    processing_fails: bool = False  # such a picture ends in 422
    request_limit: int = 300
    request_seconds: int = 300
    media_limit: int = 30  # uploads
    media_seconds: int = 1800
    delete_limit: int = 30
    delete_seconds: int = 1800

    @property
    def ways(self) -> Flavour:
        """How the server treats statuses."""
        return FLAVOURS[self.flavour]

    @property
    def keeps_idempotency_keys(self) -> bool:
        return self.idempotency and self.ways.keeps_idempotency_keys

    def changed(self, given: Mapping[str, Any]) -> Options:
        """These options with the given ones (JSON values) in their place. Raises `BadOption`."""
        found = changed(self, given)
        if found.flavour not in FLAVOURS:
            raise BadOption(f"flavour must be one of {', '.join(FLAVOURS)}, not {found.flavour!r}.")
        for name, value in given.items():
            if isinstance(value, int) and not 0 <= value <= MAX_NUMBER:
                raise BadOption(f"{name} must be between 0 and {MAX_NUMBER}, not {value!r}.")
        return found
