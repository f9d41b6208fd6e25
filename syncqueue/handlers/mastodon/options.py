"""Address, token and options of a destination on Mastodon, and the visibility of its statuses. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, get_args

from django.utils.translation import gettext_lazy

from syncqueue.handlers.base import Document, Place
from syncqueue.handlers.options import Option
from syncqueue.handlers.posts import POST_OPTIONS

Visibility = Literal["public", "unlisted", "private", "direct"]

# From the most open to the most closed.
VISIBILITIES: tuple[Visibility, ...] = get_args(Visibility)

# Tokens of Mastodon and Pleroma have 43 characters, those of GoToSocial 48; Pixelfed's are JWTs of about a thousand.
TOKEN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.+=~-]{19,1999}")


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
    **POST_OPTIONS,
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


def breaks_mentions(document: Document, place: Place) -> bool:
    """Return whether mentions must be disabled, because mentioned people can see even a private status."""
    return document.is_private or not place.options.get("mentions", True)
