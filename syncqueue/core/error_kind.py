"""The kind of a reason: what the reasons of many objects have in common, so that one problem is one line. Pure."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

KIND_CHARACTERS = 12

# Parts of a reason that differ between objects: addresses, ids, numbers.
_OWN = re.compile(r"https?://\S+|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b|\d+")

_DIGITS = re.compile(r"\d+")
_PERHAPS_ID = re.compile(r"#[0-9a-f]|[a-f]#")


def kind_of(reason: str) -> str:
    """Return a short name of what a reason has in common with those of other objects."""
    return _kind_of_words(_DIGITS.sub("#", reason)) or _name(_OWN.sub("#", reason))


@lru_cache(maxsize=4096)
def _kind_of_words(words: str) -> str:
    """Return the kind of all reasons with these words, in which # is a number; "" where more than numbers may differ.

    Thousands of reasons have few words: looking for addresses and ids in each takes most of the time of a page.
    """
    return "" if "://" in words or _PERHAPS_ID.search(words) else _name(words)


def _name(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()[:KIND_CHARACTERS]
