"""The length of a text for Mastodon, and the positions where it may be cut. Pure.

https://docs.joinmastodon.org/user/posting/#text: graphemes are counted, a URL as a fixed number, and a mention without
its domain. The pattern of URLs is from the client library, which follows the server. GoToSocial and Takahe count code
points, and URLs and mentions in full, whatever they declare: `Limits.is_strict`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import grapheme
from mastodon.utility import url_regex  # type: ignore[attr-defined]  # named nowhere else

from syncqueue.handlers.mastodon.instance import Limits
from syncqueue.handlers.texts import Atom, cut_atoms, divided

_MENTION = re.compile(r"(?<![/\w])(@[A-Za-z0-9_]+)@[A-Za-z0-9.-]+[A-Za-z0-9]+")


def count(text: str, limits: Limits) -> int:
    """Return how many characters of the limit `text` uses."""
    return len(text) if limits.is_strict else sum(atom.cost for atom in _atoms(text, limits))


def cut(text: str, limit: int, limits: Limits) -> str:
    """Shorten `text` to at most `limit` characters as the instance counts them; a shortened text ends with "…"."""
    found = list(_atoms(text, limits))
    if sum(atom.cost for atom in found) <= limit:
        return text
    return cut_atoms(found, _reach(found, 0, limit - 2))


def pieces(text: str, limit: int, limits: Limits) -> Iterator[str]:
    """Split `text` into pieces of at most `limit` characters, at natural pauses."""
    found = list(_atoms(text, limits))
    return divided(found, lambda start: _reach(found, start, limit))


def _atoms(text: str, limits: Limits) -> Iterator[Atom]:
    position = 0
    for match in url_regex.finditer(text):
        # The match begins with the character before the URL.
        start, end = match.end(2), match.end()
        yield from _words(text[position:start], limits)
        yield from _url(text[start:end], limits)
        position = end
    yield from _words(text[position:], limits)


def _url(url: str, limits: Limits) -> Iterator[Atom]:
    cost = len(url) if limits.is_strict else limits.url_characters or grapheme.length(url)
    # An atom that would fill most of a status must be cut nevertheless.
    return iter([Atom(url, cost)]) if cost <= limits.characters // 2 else _graphemes(url, limits)


def _words(text: str, limits: Limits) -> Iterator[Atom]:
    position = 0
    for match in _MENTION.finditer(text):
        yield from _graphemes(text[position : match.start()], limits)
        yield Atom(match.group(), len(match.group() if limits.is_strict else match.group(1)))
        position = match.end()
    yield from _graphemes(text[position:], limits)


def _graphemes(text: str, limits: Limits) -> Iterator[Atom]:
    if text.isascii():
        # Every character is a grapheme; "\r\n" does not occur in a tidy text.
        return (Atom(character, 1) for character in text)
    if not limits.is_strict:
        return (Atom(cluster, 1) for cluster in grapheme.graphemes(text))
    return _code_points(text, limits)


def _code_points(text: str, limits: Limits) -> Iterator[Atom]:
    """Yield graphemes that count as their code points; one that would fill most of a status is cut."""
    for cluster in grapheme.graphemes(text):
        if len(cluster) <= limits.characters // 2:
            yield Atom(cluster, len(cluster))
        else:
            yield from (Atom(character, 1) for character in cluster)


def _reach(found: Sequence[Atom], start: int, limit: int) -> int:
    """Return the end of the atoms from `start` that fit into `limit`; at least one of them."""
    end, cost = start, 0
    while end < len(found) and cost + found[end].cost <= limit:
        cost += found[end].cost
        end += 1
    return max(end, min(start + 1, len(found)))
