"""How long a text is for Mastodon, and where it may be cut. Pure.

https://docs.joinmastodon.org/user/posting/#text: graphemes are counted, a URL as a fixed number, and of a mention not
the domain. The pattern of URLs is the client library's, which follows the server's. GoToSocial and Takahe count code
points and all of everything, whatever they say of themselves: `Limits.is_strict`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import grapheme
from mastodon.utility import url_regex  # type: ignore[attr-defined]  # named nowhere else

from syncqueue.handlers.mastodon.instance import Limits

_MENTION = re.compile(r"(?<![/\w])(@[A-Za-z0-9_]+)@[A-Za-z0-9.-]+[A-Za-z0-9]+")
# Where to end a piece, the best first: a paragraph, a line, a sentence, a word.
_BORDERS = (r"\n\n", r"\n", r"[.!?…]\s|[。！？]", r"\s")


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of text that is never cut: a grapheme, a URL, a mention."""

    text: str
    cost: int  # what it counts as


def count(text: str, limits: Limits) -> int:
    """How many characters of the limit `text` uses up."""
    return len(text) if limits.is_strict else sum(atom.cost for atom in _atoms(text, limits))


def cut(text: str, limit: int, limits: Limits) -> str:
    """`text` in at most `limit` characters as the instance counts them, ended by "…" where something is missing."""
    found = list(_atoms(text, limits))
    if sum(atom.cost for atom in found) <= limit:
        return text
    end = _good_end(found, 0, _reach(found, 0, limit - 2))
    while end and found[end - 1].text.isspace():
        end -= 1
    kept = "".join(atom.text for atom in found[:end])
    # Set apart from a URL or a mention, of which it would become a part.
    return f"{kept} …" if end and _is_link(found[end - 1].text) else f"{kept}…"


def pieces(text: str, limit: int, limits: Limits) -> Iterator[str]:
    """`text` in pieces of at most `limit` characters, each ended where a reader would pause."""
    found = list(_atoms(text, limits))
    start = 0
    while start < len(found):
        end = _good_end(found, start, _reach(found, start, limit))
        piece = "".join(atom.text for atom in found[start:end]).strip()
        if piece:
            yield piece
        start = end


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
    # One that would fill most of a status by itself must be cut after all.
    return iter([Atom(url, cost)]) if cost <= limits.characters // 2 else _graphemes(url, limits)


def _words(text: str, limits: Limits) -> Iterator[Atom]:
    position = 0
    for match in _MENTION.finditer(text):
        yield from _graphemes(text[position : match.start()], limits)
        yield Atom(match.group(), len(match.group() if limits.is_strict else match.group(1)))
        position = match.end()
    yield from _graphemes(text[position:], limits)


def _is_link(text: str) -> bool:
    return "://" in text or (len(text) > 1 and text[0] == "@")


def _graphemes(text: str, limits: Limits) -> Iterator[Atom]:
    if text.isascii():
        # Every character is one; "\r\n" does not occur in a tidy text.
        return (Atom(character, 1) for character in text)
    if not limits.is_strict:
        return (Atom(cluster, 1) for cluster in grapheme.graphemes(text))
    return _code_points(text, limits)


def _code_points(text: str, limits: Limits) -> Iterator[Atom]:
    """Graphemes, each as many as it has code points; one that would fill most of a status is cut after all."""
    for cluster in grapheme.graphemes(text):
        if len(cluster) <= limits.characters // 2:
            yield Atom(cluster, len(cluster))
        else:
            yield from (Atom(character, 1) for character in cluster)


def _reach(found: Sequence[Atom], start: int, limit: int) -> int:
    """How far the atoms from `start` fit into `limit`; at least one of them does."""
    end, cost = start, 0
    while end < len(found) and cost + found[end].cost <= limit:
        cost += found[end].cost
        end += 1
    return max(end, min(start + 1, len(found)))


def _good_end(found: Sequence[Atom], start: int, end: int) -> int:
    """The last good place to end between `start` and `end`; one in the first half costs more than it mends."""
    if end >= len(found) or found[end].text.isspace():
        return end
    text = "".join(atom.text for atom in found[start:end])
    for border in _BORDERS:
        places = [match.end() for match in re.finditer(border, text) if match.end() > len(text) // 2]
        if places:
            return _atom_at(found, start, places[-1])
    return end


def _atom_at(found: Sequence[Atom], start: int, characters: int) -> int:
    """The number of the first atom beyond so many characters from `start` on."""
    position = 0
    for number in range(start, len(found)):
        position += len(found[number].text)
        if position >= characters:
            return number + 1
    return len(found)
