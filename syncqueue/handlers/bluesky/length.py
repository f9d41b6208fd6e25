"""How long a text is for Bluesky, and where it may be cut. Pure.

A post has at most 300 graphemes and 3,000 bytes, links in full. Of some scripts (Balinese, Khmer) the server counts
more graphemes than this library does; a strict count takes each code point for one, which no server exceeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import grapheme

from syncqueue.handlers.bluesky.facets import URL
from syncqueue.handlers.public import ELLIPSIS, Atom, cut_atoms, divided

GRAPHEMES, BYTES = 300, 3000
_LONGEST_CLUSTER = 16  # code points; no reader's grapheme has more, and such a one is cut


@dataclass(frozen=True, slots=True)
class _Atom(Atom):
    """A grapheme or a URL. Its cost is counted in graphemes."""

    size: int  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much there is room for."""

    graphemes: int = GRAPHEMES
    bytes: int = BYTES
    is_strict: bool = False

    def less(self, text: str) -> Room:
        """What is left beside `text`."""
        cost, size = measure(text, self)
        return Room(graphemes=self.graphemes - cost, bytes=self.bytes - size, is_strict=self.is_strict)

    def half(self) -> Room:
        """Half of it."""
        return Room(graphemes=self.graphemes // 2, bytes=self.bytes // 2, is_strict=self.is_strict)


def measure(text: str, room: Room) -> tuple[int, int]:
    """Graphemes and bytes of a text."""
    return (len(text) if room.is_strict else int(grapheme.length(text))), len(text.encode())


def fits(text: str, room: Room) -> bool:
    """Whether there is room for a text."""
    if len(text) > room.bytes:  # each character has a byte at least
        return False
    cost, size = measure(text, room)
    return cost <= room.graphemes and size <= room.bytes


def cut(text: str, room: Room) -> str:
    """As much of `text` as there is room for, ended by "…" where something is missing."""
    if fits(text, room):
        return text
    found = list(_atoms(text, room))
    return cut_atoms(found, _reach(found, 0, room.less(f" {ELLIPSIS}")))


def pieces(text: str, room: Room) -> Iterator[str]:
    """`text` in pieces that there is room for, each ended where a reader would pause."""
    found = list(_atoms(text, room))
    return divided(found, lambda start: _reach(found, start, room))


def _atoms(text: str, room: Room) -> Iterator[_Atom]:
    position = 0
    for match in URL.finditer(text):
        url = match.group()
        atom = _Atom(url, *measure(url, room))
        # One that would fill most of a post by itself must be cut after all.
        if atom.cost <= GRAPHEMES // 2 and atom.size <= BYTES // 2:
            yield from _clusters(text[position : match.start()], room)
            yield atom
            position = match.end()
    yield from _clusters(text[position:], room)


def _clusters(text: str, room: Room) -> Iterator[_Atom]:
    if text.isascii():
        # Every character is one; "\r\n" does not occur in a tidy text.
        yield from (_Atom(character, 1, 1) for character in text)
        return
    for cluster in grapheme.graphemes(text):
        if len(cluster) <= _LONGEST_CLUSTER:
            yield _Atom(cluster, len(cluster) if room.is_strict else 1, len(cluster.encode()))
        else:
            yield from (_Atom(character, 1, len(character.encode())) for character in cluster)


def _reach(found: Sequence[_Atom], start: int, room: Room) -> int:
    """How far the atoms from `start` on fit."""
    end, cost, size = start, 0, 0
    while end < len(found):
        cost, size = cost + found[end].cost, size + found[end].size
        if cost > room.graphemes or size > room.bytes:
            break
        end += 1
    return end
