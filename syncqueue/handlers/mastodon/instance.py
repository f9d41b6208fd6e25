"""The limits of an instance and how it treats statuses, read from its description of itself. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

# The instance chooses these figures, so each has an upper bound: the time of rendering grows with them.
MOST_CHARACTERS = 20_000  # the largest known limit is 15,000; a longer text becomes a thread
MOST_URL_CHARACTERS = 100

# Mastodon and its forks: "4.3.0", "4.3.0+glitch", "4.4.0-beta.1". GoToSocial and Takahe are below 1, Pleroma and
# Akkoma write "2.7.2 (compatible; ...)".
_MASTODON_VERSION = re.compile(r"[3-9]\.\d+\.\d+([-+.][\w.+-]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of an instance; the defaults are Mastodon's."""

    characters: int = 500  # per status, including the content warning
    url_characters: int | None = 23  # what each URL counts as; None: its length
    is_strict: bool = False  # True: code points count instead of graphemes, and URLs and mentions in full
    pictures: int = 4  # per status
    picture_bytes: int = 16 * 1024 * 1024
    video_bytes: int = 40 * 1024 * 1024  # per video or sound; most instances accept more than is held in memory here
    alt_characters: int = 1500

    def strict(self) -> Limits:
        """Return these limits for a server that counts code points, whatever it declares for URLs."""
        return replace(self, is_strict=True, url_characters=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """Properties of an instance. False means unknown: the handler then uses the way that is always safe."""

    limits: Limits = field(default_factory=Limits)
    keeps_visibility: bool = False  # an edit keeps the visibility; Takahe makes every edited status public
    keeps_keys: bool = False  # the existing status is returned when an Idempotency-Key is reused
    lists_private: bool = False  # the account's list contains private statuses for the account itself


def read_instance(description: object) -> Instance:
    """Return what the description says or, by the name of the software, implies.

    https://docs.joinmastodon.org/entities/Instance/. GoToSocial names itself in `source_url`.
    """
    answer = description if isinstance(description, Mapping) else {}
    limits = read_limits(answer)
    software = f"{answer.get('source_url')} {answer.get('version')}".lower()
    if "gotosocial" in software:
        return Instance(limits=limits.strict(), keeps_visibility=True, lists_private=True)
    if "takahe" in software:
        return Instance(limits=limits.strict())
    if _MASTODON_VERSION.fullmatch(str(answer.get("version"))):
        return Instance(limits=limits, keeps_visibility=True, keeps_keys=True, lists_private=True)
    return Instance(limits=limits)


def read_limits(description: object) -> Limits:
    """Return the limits in the response of `/api/v2/instance` or `/api/v1/instance`; defaults for missing ones.

    https://docs.joinmastodon.org/entities/Instance/#configuration. Pleroma and others have `max_toot_chars` instead,
    and count URLs in full, because they have no figure for URLs.
    """
    answer = description if isinstance(description, Mapping) else {}
    statuses, media = _section(answer, "statuses"), _section(answer, "media_attachments")
    if not statuses:
        characters = _figure(answer, "max_toot_chars", 0, MOST_CHARACTERS)
        return Limits(characters=characters, url_characters=None) if characters else Limits()
    usual = Limits()
    return Limits(
        characters=_figure(statuses, "max_characters", usual.characters, MOST_CHARACTERS),
        url_characters=_figure(statuses, "characters_reserved_per_url", 0, MOST_URL_CHARACTERS) or None,
        # Not more than four, because other servers would show only some of them.
        pictures=_figure(statuses, "max_media_attachments", usual.pictures, usual.pictures),
        picture_bytes=_figure(media, "image_size_limit", usual.picture_bytes, usual.picture_bytes),
        video_bytes=_figure(media, "video_size_limit", usual.video_bytes, usual.video_bytes),
        alt_characters=_figure(media, "description_limit", usual.alt_characters, usual.alt_characters),
    )


def _section(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    configuration = answer.get("configuration")
    section = configuration.get(name) if isinstance(configuration, Mapping) else None
    return section if isinstance(section, Mapping) else {}


def _figure(section: Mapping[str, Any], name: str, default: int, most: int) -> int:
    """Return a whole number above 0, limited to `most`; otherwise `default`."""
    value = section.get(name)
    is_figure = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return min(value, most) if is_figure and isinstance(value, int) else default
