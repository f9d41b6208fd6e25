"""The servers that this one can play. They speak one API and differ in what they make of it.

Measured against GoToSocial 0.20 and Takahe 0.11, and read in their sources
(https://codeberg.org/superseriousbusiness/gotosocial, https://github.com/jointakahe/takahe).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """How a server treats statuses; the defaults are Mastodon's own ways."""

    version: str = "4.5.0"
    source_url: str = "https://github.com/mastodon/mastodon"
    api_versions: Mapping[str, int] | None = None
    keeps_idempotency_keys: bool = True
    refuses_unchanged_edit: bool = False  # 422 for an edit that changes nothing
    edit_visibility: Literal["kept", "public"] = "kept"
    # Where an edit names no language: the status's own, or the account's. "none": there are no languages at all.
    edit_language: Literal["kept", "account", "none"] = "kept"
    counts: Literal["graphemes", "code points"] = "graphemes"  # code points: URLs and mentions count in full, too
    too_long_status: int = 422
    reserved_per_url: int = 23  # what it says of itself
    lists_private: bool = True  # in the account's own list; by their ids they are there anyway
    has_source: bool = True
    names_application: bool = True  # what a token belongs to, and what a status of one's own was posted with
    rewrites_text: bool = False  # backslashes and entities of a text, tags in a content warning
    shortens_mentions: bool = False  # an unresolved @name@host is shown as @name
    pages_for_errors: bool = False  # a missing status is an HTML page, a bad token plain text
    resets: Literal["iso", "epoch", "none"] = "iso"  # X-RateLimit-Reset
    generic_400: bool = False  # 400 in place of 401 and 422


FLAVOURS: Mapping[str, Flavour] = {
    "mastodon": Flavour(api_versions={"mastodon": 7}, shortens_mentions=True),
    "gotosocial": Flavour(
        version="0.20.0+git-f85ad1e",
        source_url="https://codeberg.org/superseriousbusiness/gotosocial",
        keeps_idempotency_keys=False,
        refuses_unchanged_edit=True,
        edit_language="account",
        counts="code points",
        too_long_status=400,
        reserved_per_url=25,
        rewrites_text=True,
    ),
    "takahe": Flavour(
        version="takahe/0.11.0",
        source_url="",
        keeps_idempotency_keys=False,
        edit_visibility="public",
        edit_language="none",
        counts="code points",
        too_long_status=400,
        lists_private=False,
        names_application=False,
        pages_for_errors=True,
        resets="none",
    ),
    # Any other, as strange as may be: it says nothing of what it is.
    "other": Flavour(
        version="2.7.2 (compatible; Other 1.0)",
        source_url="",
        keeps_idempotency_keys=False,
        refuses_unchanged_edit=True,
        edit_visibility="public",
        edit_language="account",
        counts="code points",
        lists_private=False,
        has_source=False,
        names_application=False,
        resets="epoch",
        generic_400=True,
    ),
}
