"""The length of a text for Bluesky, and the positions where it may be cut. Pure.

A post has at most 300 graphemes and 3,000 bytes, links in full. In some scripts (Balinese, Khmer) the server counts
more graphemes than this library; a strict count counts each code point, which no server exceeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import grapheme

from syncqueue.handlers.bluesky.facets import URL
from syncqueue.handlers.public import ELLIPSIS, Atom, cut_atoms, divided

GRAPHEMES, BYTES = 300, 3000
_LONGEST_CLUSTER = 16  # code points; no real grapheme has more, and a longer one is cut


@dataclass(frozen=True, slots=True)
class _Atom(Atom):
    """A grapheme or a URL. Its cost is counted in graphemes."""

    size: int  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The maximum of graphemes and bytes."""

    graphemes: int = GRAPHEMES
    bytes: int = BYTES
    is_strict: bool = False

    def less(self, text: str) -> Room:
        """Return the room that is left beside `text`."""
        cost, size = measure(text, self)
        return Room(graphemes=self.graphemes - cost, bytes=self.bytes - size, is_strict=self.is_strict)

    def half(self) -> Room:
        """Return half of it."""
        return Room(graphemes=self.graphemes // 2, bytes=self.bytes // 2, is_strict=self.is_strict)


def measure(text: str, room: Room) -> tuple[int, int]:
    """Return how many graphemes and bytes a text has."""
    return (len(text) if room.is_strict else int(grapheme.length(text))), len(text.encode())


def fits(text: str, room: Room) -> bool:
    """Return whether a text fits."""
    if len(text) > room.bytes:  # each character has at least one byte
        return False
    cost, size = measure(text, room)
    return cost <= room.graphemes and size <= room.bytes


def cut(text: str, room: Room) -> str:
    """Return as much of `text` as fits; a shortened text ends with "…"."""
    if fits(text, room):
        return text
    found = list(_atoms(text, room))
    return cut_atoms(found, _reach(found, 0, room.less(f" {ELLIPSIS}")))


def pieces(text: str, room: Room) -> Iterator[str]:
    """Split `text` into pieces that fit, at natural pauses."""
    found = list(_atoms(text, room))
    return divided(found, lambda start: _reach(found, start, room))


def _atoms(text: str, room: Room) -> Iterator[_Atom]:
    position = 0
    for match in URL.finditer(text):
        url = match.group()
        atom = _Atom(url, *measure(url, room))
        # A URL that would fill most of a post must be cut nevertheless.
        if atom.cost <= GRAPHEMES // 2 and atom.size <= BYTES // 2:
            yield from _clusters(text[position : match.start()], room)
            yield atom
            position = match.end()
    yield from _clusters(text[position:], room)


def _clusters(text: str, room: Room) -> Iterator[_Atom]:
    if text.isascii():
        # Every character is a grapheme; "\r\n" does not occur in a tidy text.
        yield from (_Atom(character, 1, 1) for character in text)
        return
    for cluster in grapheme.graphemes(text):
        if len(cluster) <= _LONGEST_CLUSTER:
            yield _Atom(cluster, len(cluster) if room.is_strict else 1, len(cluster.encode()))
        else:
            yield from (_Atom(character, 1, len(character.encode())) for character in cluster)


def _reach(found: Sequence[_Atom], start: int, room: Room) -> int:
    """Return the end of the atoms from `start` that fit."""
    end, cost, size = start, 0, 0
    while end < len(found):
        cost, size = cost + found[end].cost, size + found[end].size
        if cost > room.graphemes or size > room.bytes:
            break
        end += 1
    return end
