"""The valid options, addresses and secrets of a destination. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from django.utils.translation import gettext_lazy

from syncqueue import Document, Option
from syncqueue.handlers.public import POST_OPTIONS, Place

Card = Literal["plain", "always", "never"]

# https://atproto.com/specs/handle and https://atproto.com/specs/did; an e-mail address is not an account name.
_HANDLE = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_DID = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]*[A-Za-z0-9._-]")
_LONGEST = 253

OPTIONS: Mapping[str, Option] = {
    "over_limit": POST_OPTIONS["over_limit"],
    "card": Option(
        kind="choice",
        label=gettext_lazy("Card of the page"),
        default="plain",
        choices={
            "plain": gettext_lazy("Where there are no pictures"),
            "always": gettext_lazy("Always: the first picture is shown on it"),
            "never": gettext_lazy("Never"),
        },
        help_text=gettext_lazy("It shows the title and the beginning of the text, and links to the object's own page."),
    ),
    "link": POST_OPTIONS["link"],
    "language": Option(
        kind="text",
        label=gettext_lazy("Language"),
        pattern=r"([a-z]{2,3}(-[A-Za-z]{2,4})?)?",
        help_text=gettext_lazy("Such as “zh” or “pt-BR”. Readers can choose the languages that they are shown."),
    ),
    "mentions": Option(
        kind="switch",
        label=gettext_lazy("Mentions notify"),
        default=True,
        help_text=gettext_lazy("Mentioned people are notified."),
    ),
    "host": Option(
        kind="text",
        label=gettext_lazy("Server of the account"),
        pattern=r"(https?://[^\s/@?#]+/?)?",
        help_text=gettext_lazy("If empty: https://bsky.social."),
    ),
}


def card(place: Place) -> Card:
    """Return when the object's own page is shown as a card."""
    chosen: Card = place.options.get("card", "plain")
    return chosen


def language(place: Place) -> str:
    """Return the language of the texts; "" if unknown."""
    return str(place.options.get("language") or "")


def notifies(document: Document, place: Place) -> bool:
    """Return whether mentioned people are notified."""
    return bool(place.options.get("mentions", True)) and not document.is_private


def account_name(address: str) -> str:
    """Return the handle or DID that an address names; raises `ValueError` without a message."""
    name = address.strip().removeprefix("@")
    name = name if name.startswith("did:") else name.lower()
    if len(name) > _LONGEST or not (_HANDLE.fullmatch(name) or _DID.fullmatch(name)):
        raise ValueError
    return name
