"""What an instance takes in one status and how it treats one, read from its own description of itself. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

# An instance names its own figures, so each has a bound: rendering takes time in proportion to them.
MOST_CHARACTERS = 20_000  # 15,000 is the largest seen; a longer text becomes a thread, as everywhere
MOST_URL_CHARACTERS = 100

# Mastodon and its forks: "4.3.0", "4.3.0+glitch", "4.4.0-beta.1". GoToSocial and Takahe are below 1, Pleroma and
# Akkoma write "2.7.2 (compatible; ...)".
_MASTODON_VERSION = re.compile(r"[3-9]\.\d+\.\d+([-+.][\w.+-]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The figures of an instance; the defaults are Mastodon's own."""

    characters: int = 500  # of a status with its content warning
    url_characters: int | None = 23  # that each URL counts as, however long; None: as many as it has
    is_strict: bool = False  # code points count instead of graphemes, and URLs and mentions in full
    pictures: int = 4  # of a status
    picture_bytes: int = 16 * 1024 * 1024
    video_bytes: int = 40 * 1024 * 1024  # of a video or a sound; most instances take more than is held in memory here
    alt_characters: int = 1500

    def strict(self) -> Limits:
        """The same limits for a server that counts code points, whatever it says of URLs."""
        return replace(self, is_strict=True, url_characters=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """What is known of an instance. False means "not known to": the handler then takes the way that is always safe."""

    limits: Limits = field(default_factory=Limits)
    keeps_visibility: bool = False  # an edit leaves it alone; Takahe makes every edited status public
    keeps_keys: bool = False  # a repeated Idempotency-Key is answered with the status that was posted first
    lists_private: bool = False  # the account's own list shows it its private statuses


def read_instance(description: object) -> Instance:
    """What the description says or, by the name of the software in it, implies.

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
    """The limits in the response of `/api/v2/instance` or `/api/v1/instance`; defaults where it does not say.

    https://docs.joinmastodon.org/entities/Instance/#configuration. Pleroma and others have `max_toot_chars` instead,
    and count URLs in full, as they say nothing of them.
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
        # More than four would leave nobody any the wiser about which of them was cut off elsewhere.
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
    """A whole number above 0, cut to `most`; `default` where there is none."""
    value = section.get(name)
    is_figure = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return min(value, most) if is_figure and isinstance(value, int) else default
