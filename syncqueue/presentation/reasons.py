"""Reasons in the reader's language. They are stored as English sentences, with what a service said in them.

Whoever stores a reason does not know who will read it, and rows and Redis keep what earlier versions stored. So a
stored sentence is recognised by the texts that the code makes sentences of (`reason_texts`) and said again with the
same values. What is not recognised is shown as it is: the words of a service, or of a site's own code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from django.utils import translation
from django.utils.translation import gettext as _

from syncqueue.presentation.figures import labelled
from syncqueue.presentation.reason_texts import TEXTS
from syncqueue.secrets import redact

# Placeholders that hold several reasons, and what is between these.
_LISTS = {"reasons": "; ", "items": ", "}
# Values without blanks: a number, a class, a key. So a sentence of somebody else's is less likely taken for ours.
WITHOUT_BLANKS = frozenset({"attempt", "count", "error", "ip", "most", "object", "seconds", "status"})
_DEEPEST = 8  # reasons in reasons: more than any code makes


@dataclass(frozen=True, slots=True)
class _Template:
    text: str
    literals: tuple[str, ...]  # one more than names
    names: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> _Template:
        first, *rest = text.split("%(")
        names, literals = [], [first]
        for piece in rest:
            name, _stop, literal = piece.partition(")s")
            names.append(name)
            literals.append(literal)
        return cls(text, tuple(literals), tuple(names))

    @property
    def rank(self) -> tuple[bool, int]:
        """What is tried first has less: sentences around a reason, then those with more words of their own."""
        is_around = self.text.startswith("%(reason)s")
        return not is_around, -sum(map(len, self.literals))

    def values(self, text: str) -> dict[str, str] | None:
        """The values that make this sentence `text`, each as short as can be; None where it is another.

        Without regular expressions, whose time would depend on what a service has said.
        """
        first, last = self.literals[0], self.literals[-1]
        if not self.names:
            return {} if text == first else None
        if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
            return None
        at, end, found = len(first), len(text) - len(last), []
        for literal in self.literals[1:-1]:
            start = text.find(literal, at, end)
            if start < 0:
                return None
            found.append(text[at:start])
            at = start + len(literal)
        values = dict(zip(self.names, [*found, text[at:end]], strict=True))
        is_ours = all(value and not (name in WITHOUT_BLANKS and " " in value) for name, value in values.items())
        return values if is_ours else None


_TEMPLATES = sorted(map(_Template.of, TEXTS), key=lambda one: one.rank)


@dataclass(frozen=True, slots=True)
class Recognised:
    """A stored sentence as the text it was made of, and its values."""

    text: str
    values: Mapping[str, str]


def matches(reason: str) -> Iterator[Recognised]:
    """Yield what the sentence can have been made of, the likeliest first."""
    for template in _TEMPLATES:
        values = template.values(reason)
        if values is not None:
            yield Recognised(template.text, values)


@lru_cache(maxsize=4096)
def recognise(reason: str) -> Recognised | None:
    """Return what a stored sentence was made of; None for words of somebody else's."""
    return next(matches(reason), None)


def in_words(reason: str) -> str:
    """Return a stored reason in the reader's language, without secrets; what a service said stays as it was said."""
    return _said(redact(reason).strip(), _DEEPEST)


def _said(reason: str, depth: int) -> str:
    found = recognise(reason)
    if found is not None and depth:
        values = {name: _value(name, value, depth - 1) for name, value in found.values.items()}
        return translation.gettext(found.text) % values
    # "ValueError: ...", "mastodon.example: ...", "notes.note:7: ...": a name before a sentence.
    name, colon, rest = reason.partition(": ")
    if depth and colon and " " not in name and (said := _said(rest, depth - 1)) != rest:
        return labelled(name, said)
    return reason


def _value(name: str, value: str, depth: int) -> str:
    if name in _LISTS:
        return _between(name).join(_said(one, depth) for one in value.split(_LISTS[name]))
    if not name.startswith("reason"):
        return value
    if recognise(value) is None and recognise(f"{value}.") is not None:  # its full stop is the outer sentence's
        return _said(f"{value}.", depth).rstrip(".。")
    return _said(value, depth)


def _between(name: str) -> str:
    return _("; ") if name == "reasons" else _(", ")
