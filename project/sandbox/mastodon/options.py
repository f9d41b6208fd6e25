"""What kind of server the stand-in is: its limits, and how far it goes along with Mastodon's ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any

from .flavours import FLAVOURS, Flavour

MAX_NUMBER = 100_000_000


class BadOption(ValueError):
    """An option that does not exist or does not fit; the text says what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The server's figures (https://docs.joinmastodon.org/entities/Instance/ and .../api/rate-limits/)."""

    flavour: str = "mastodon"  # which server it plays: flavours.py
    idempotency: bool = True  # False (and always with flavours that keep none): Idempotency-Key is ignored
    hides_itself: bool = False  # it describes itself as nothing in particular
    says_mastodon: bool = False  # it describes itself as Mastodon
    keeps_edits: bool = True  # False: an edit is accepted and changes nothing
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
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: _checked(name, value, known) for name, value in given.items()})


def _checked(name: str, value: Any, known: Mapping[str, Any]) -> Any:
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."
        raise BadOption(f"There is no option {name!r}. {hint}")
    if name == "flavour":
        if value not in FLAVOURS:
            raise BadOption(f"flavour must be one of {', '.join(FLAVOURS)}, not {value!r}.")
    elif type(value) is not type(known[name]):
        raise BadOption(f"{name} must be {'true or false' if isinstance(known[name], bool) else 'a whole number'}.")
    elif not 0 <= value <= MAX_NUMBER:
        raise BadOption(f"{name} must be between 0 and {MAX_NUMBER}, not {value!r}.")
    return value
