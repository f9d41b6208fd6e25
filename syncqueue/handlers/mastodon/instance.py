"""What an instance takes in one status, read from its own description of itself. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The figures of an instance; the defaults are Mastodon's own."""

    characters: int = 500  # of a status with its content warning
    url_characters: int | None = 23  # that each URL counts as, however long; None: as many as it has
    pictures: int = 4  # of a status
    picture_bytes: int = 16 * 1024 * 1024
    alt_characters: int = 1500


def read_limits(description: object) -> Limits:
    """The limits in what `/api/v2/instance` or `/api/v1/instance` answered; defaults where it does not say.

    https://docs.joinmastodon.org/entities/Instance/#configuration. Pleroma and others have `max_toot_chars` instead,
    and count URLs in full, as they say nothing of them.
    """
    answer = description if isinstance(description, Mapping) else {}
    statuses, media = _section(answer, "statuses"), _section(answer, "media_attachments")
    if not statuses:
        characters = _figure(answer, "max_toot_chars", 0)
        return Limits(characters=characters, url_characters=None) if characters else Limits()
    return Limits(
        characters=_figure(statuses, "max_characters", Limits().characters),
        url_characters=_figure(statuses, "characters_reserved_per_url", 0) or None,
        # More than four would leave nobody any the wiser about which of them was cut off elsewhere.
        pictures=min(_figure(statuses, "max_media_attachments", Limits().pictures), Limits().pictures),
        picture_bytes=min(_figure(media, "image_size_limit", Limits().picture_bytes), Limits().picture_bytes),
        alt_characters=min(_figure(media, "description_limit", Limits().alt_characters), Limits().alt_characters),
    )


def _section(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    configuration = answer.get("configuration")
    section = configuration.get(name) if isinstance(configuration, Mapping) else None
    return section if isinstance(section, Mapping) else {}


def _figure(section: Mapping[str, Any], name: str, default: int) -> int:
    value = section.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default
