"""What a destination on Mastodon is made of: address, token, options; and who may see what. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal, get_args
from urllib.parse import SplitResult, urlsplit

from syncqueue.handlers.base import Document, Place

Visibility = Literal["public", "unlisted", "private", "direct"]
OverLimit = Literal["thread", "image", "link"]

# From the most open to the most closed.
VISIBILITIES: tuple[Visibility, ...] = get_args(Visibility)
OVER_LIMITS: tuple[OverLimit, ...] = get_args(OverLimit)

# Mastodon's and Pleroma's have 43 characters, GoToSocial's 48, Pixelfed's are JWTs of a thousand with dots.
TOKEN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.+=~-]{19,1999}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_SPOILER_CHARACTERS = 200  # it counts against the limit of every status of a thread


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


def _is_spoiler(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _SPOILER_CHARACTERS


def _is_language(value: object) -> bool:
    return isinstance(value, str) and _LANGUAGE.fullmatch(value) is not None


# A destination's options, each with what it may hold.
OPTIONS: Mapping[str, Callable[[object], bool]] = {
    "visibility": VISIBILITIES.__contains__,  # default: public; private documents are never more open than "private"
    "over_limit": OVER_LIMITS.__contains__,  # what becomes of a text that is too long (default: thread)
    "link": _is_switch,  # the address of the object's own page is added to the status
    "spoiler": _is_spoiler,  # a content warning that the text is folded behind
    "sensitive": _is_switch,  # pictures are blurred until a reader wants to see them
    "language": _is_language,  # such as "zh" or "pt-BR"; default: the account's own
    "mentions": _is_switch,  # False: "@somebody" is written so that nobody is notified; private documents always are
}


def visibility(document: Document, place: Place) -> Visibility:
    """Who may see it: the destination's choice, but followers at most when the document is private."""
    wanted: Visibility = place.options.get("visibility", "public")
    return max(wanted, "private", key=VISIBILITIES.index) if document.is_private else wanted


def over_limit(place: Place) -> OverLimit:
    """What becomes of a text that is too long for one status."""
    chosen: OverLimit = place.options.get("over_limit", "thread")
    return chosen


def breaks_mentions(document: Document, place: Place) -> bool:
    """Whether nobody may be mentioned: whoever is mentioned is shown the status, a private one too."""
    return document.is_private or not place.options.get("mentions", True)


def instance_url(address: str, may_be_plain: Callable[[str, int], bool]) -> SplitResult:
    """The instance an address names: https and a host, and at most a slash; raises `ValueError` without a message.

    `may_be_plain` says of a host and port whether they are reached without TLS too. The result has no slash.
    """
    address = address.removesuffix("/")
    url = urlsplit(address)
    port = f":{url.port}" if url.port else ""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or ""
    is_allowed = url.scheme == "https" or (url.scheme == "http" and may_be_plain(url.hostname or "", url.port or 80))
    # What is left out of this, such as a path or a password, makes a difference.
    if not is_allowed or not _HOST.fullmatch(host) or address != f"{url.scheme}://{host}{port}":
        raise ValueError
    return url
