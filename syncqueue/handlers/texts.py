"""Texts for services that post them: tidied, with hashtags, cut or divided at natural pauses. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

ELLIPSIS = "…"
# Where a piece may end, the best first: a paragraph, a line, a sentence, a word.
_BORDERS = (r"\n\n", r"\n", r"[.!?…]\s|[。！？]", r"\s")


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of text that is never cut: a grapheme, a URL, a mention. Services divide a text into them."""

    text: str
    cost: int  # its length for the service's limit


def tidy(text: str) -> str:
    """Return `text` in a form that can be sent: valid Unicode, uniform line ends, no blank lines around it."""
    # A lone surrogate cannot be encoded; JSON and JavaScript produce them by cutting an emoji in two.
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text.rstrip().lstrip("\n")


def hashtag(tag: str) -> str:
    """Return `tag` as a word that services accept as a hashtag, without the #; "" if that is not possible."""
    return re.sub(r"\W+", "_", unicodedata.normalize("NFC", tag)).strip("_")


def shortened(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters; a shortened text ends with "…"."""
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}{ELLIPSIS}"


def cut_atoms(atoms: Sequence[Atom], end: int) -> str:
    """Return the text of the atoms before `end`, back to a natural pause, with "…" or " …" at its end."""
    end = _good_end(atoms, 0, end)
    while end and atoms[end - 1].text.isspace():
        end -= 1
    kept = "".join(atom.text for atom in atoms[:end])
    # Separated from a URL or mention, of which it would become a part.
    return f"{kept} {ELLIPSIS}" if end and _is_link(atoms[end - 1].text) else f"{kept}{ELLIPSIS}"


def divided(atoms: Sequence[Atom], reach: Callable[[int], int]) -> Iterator[str]:
    """Divide a text into pieces that end at natural pauses, each of one atom at least; blank ones are left out.

    `reach` returns the end of the atoms that fit into one piece, from the index of its first atom.
    """
    start = 0
    while start < len(atoms):
        end = _good_end(atoms, start, max(reach(start), start + 1))
        piece = "".join(atom.text for atom in atoms[start:end]).strip()
        if piece:
            yield piece
        start = end


def _is_link(text: str) -> bool:
    return "://" in text or (len(text) > 1 and text[0] == "@")


def _good_end(atoms: Sequence[Atom], start: int, end: int) -> int:
    """Return the last natural pause between `start` and `end`; one in the first half would lose too much text."""
    if end >= len(atoms) or atoms[end].text.isspace():
        return end
    text = "".join(atom.text for atom in atoms[start:end])
    for border in _BORDERS:
        places = [match.end() for match in re.finditer(border, text) if match.end() > len(text) // 2]
        if places:
            return _atom_at(atoms, start, places[-1])
    return end


def _atom_at(atoms: Sequence[Atom], start: int, characters: int) -> int:
    """Return the index of the first atom after a number of characters from `start`."""
    position = 0
    for number in range(start, len(atoms)):
        position += len(atoms[number].text)
        if position >= characters:
            return number + 1
    return len(atoms)
