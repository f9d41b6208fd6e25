"""Address, token and options of a destination on Mastodon, and the visibility of its statuses. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal, get_args
from urllib.parse import SplitResult, urlsplit

from django.utils.translation import gettext_lazy

from syncqueue.handlers.base import Document, Place
from syncqueue.handlers.options import Option

Visibility = Literal["public", "unlisted", "private", "direct"]
OverLimit = Literal["thread", "image", "link"]

# From the most open to the most closed.
VISIBILITIES: tuple[Visibility, ...] = get_args(Visibility)
OVER_LIMITS: tuple[OverLimit, ...] = get_args(OverLimit)

# Tokens of Mastodon and Pleroma have 43 characters, those of GoToSocial 48; Pixelfed's are JWTs of about a thousand.
TOKEN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.+=~-]{19,1999}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")


OPTIONS: Mapping[str, Option] = {
    "visibility": Option(
        kind="choice",
        label=gettext_lazy("Visibility"),
        default="public",
        choices={
            "public": gettext_lazy("Public"),
            "unlisted": gettext_lazy("Public, but not in timelines"),
            "private": gettext_lazy("Followers only"),
            "direct": gettext_lazy("Mentioned people only"),
        },
        help_text=gettext_lazy("Private objects are shown to followers at most."),
    ),
    "over_limit": Option(
        kind="choice",
        label=gettext_lazy("Texts that are too long"),
        default="thread",
        choices={
            "thread": gettext_lazy("A thread"),
            "image": gettext_lazy("A picture of the text"),
            "link": gettext_lazy("The beginning, with a link"),
        },
    ),
    "link": Option(
        kind="switch",
        label=gettext_lazy("Link to the page"),
        default=False,
        help_text=gettext_lazy("The address of the object's own page is added."),
    ),
    "spoiler": Option(
        kind="text",
        label=gettext_lazy("Content warning"),
        default="",
        pattern=r"(?s).{0,200}",  # it counts towards the limit of every status of a thread
        help_text=gettext_lazy("The text is hidden behind it."),
    ),
    "sensitive": Option(
        kind="switch",
        label=gettext_lazy("Sensitive pictures"),
        default=False,
        help_text=gettext_lazy("Pictures are blurred until a reader opens them."),
    ),
    "language": Option(
        kind="text",
        label=gettext_lazy("Language"),
        pattern=r"[a-z]{2,3}(-[A-Za-z]{2,4})?",
        help_text=gettext_lazy("Such as “zh” or “pt-BR”. Empty: the account's own."),
    ),
    "mentions": Option(
        kind="switch",
        label=gettext_lazy("Mentions notify"),
        default=True,
        help_text=gettext_lazy("Mentioned people are notified; private objects notify nobody."),
    ),
}


def visibility(document: Document, place: Place) -> Visibility:
    """Return the visibility: the destination's choice, but at most followers if the document is private."""
    wanted: Visibility = place.options.get("visibility", "public")
    return max(wanted, "private", key=VISIBILITIES.index) if document.is_private else wanted


def over_limit(place: Place) -> OverLimit:
    """Return the option for texts that are too long for one status."""
    chosen: OverLimit = place.options.get("over_limit", "thread")
    return chosen


def breaks_mentions(document: Document, place: Place) -> bool:
    """Return whether mentions must be disabled, because mentioned people can see even a private status."""
    return document.is_private or not place.options.get("mentions", True)


def instance_url(address: str, may_be_plain: Callable[[str, int], bool]) -> SplitResult:
    """Return the instance of an address: https, a host, and at most a slash; raises `ValueError` without text.

    `may_be_plain` returns whether a host and port may be reached without TLS. The result has no trailing slash.
    """
    address = address.removesuffix("/")
    url = urlsplit(address)
    port = f":{url.port}" if url.port else ""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or ""
    is_allowed = url.scheme == "https" or (url.scheme == "http" and may_be_plain(url.hostname or "", url.port or 80))
    # The address must not have other parts, such as a path or a password.
    if not is_allowed or not _HOST.fullmatch(host) or address != f"{url.scheme}://{host}{port}":
        raise ValueError
    return url
