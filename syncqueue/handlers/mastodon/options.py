"""What a destination on Mastodon is made of: address, token, options; and who may see what. Pure."""

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

# Mastodon's and Pleroma's have 43 characters, GoToSocial's 48, Pixelfed's are JWTs of a thousand with dots.
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
        pattern=r"(?s).{0,200}",  # it counts against the limit of every status of a thread
        help_text=gettext_lazy("The text is folded behind it."),
    ),
    "sensitive": Option(
        kind="switch",
        label=gettext_lazy("Sensitive pictures"),
        default=False,
        help_text=gettext_lazy("Pictures are blurred until a reader wants to see them."),
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
        help_text=gettext_lazy("People who are mentioned are notified; by private objects nobody is."),
    ),
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
