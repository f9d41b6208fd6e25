"""Reasons in the reader's language. They are stored as English sentences, which may contain messages of services.

The language of the readers is unknown when a reason is stored, and earlier versions have stored reasons too. So a
stored sentence is matched with the templates of `reason_texts`, and the translated template is filled with the same
values. Other texts, such as those of a service or of the site's own code, are shown unchanged.
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

# Placeholders for several reasons, and the separators between these.
_LISTS = {"reasons": "; ", "items": ", "}
# Placeholders whose values have no blanks: a number, a class, a key. So other sentences match less often by accident.
WITHOUT_BLANKS = frozenset({"attempt", "count", "error", "ip", "most", "object", "seconds", "status"})
_DEEPEST = 8  # maximum nesting of reasons in reasons, more than the code creates


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
        """The sort key: first sentences around another reason, then templates with more literal text."""
        is_around = self.text.startswith("%(reason)s")
        return not is_around, -sum(map(len, self.literals))

    def values(self, text: str) -> dict[str, str] | None:
        """Return the values with which the template gives `text`, each as short as possible; None if it does not match.

        It uses no regular expressions, because their running time would depend on the message of a service.
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
    """The template of a stored sentence, and its values."""

    text: str
    values: Mapping[str, str]


def matches(reason: str) -> Iterator[Recognised]:
    """Yield the matching templates of a sentence, the most specific first."""
    for template in _TEMPLATES:
        values = template.values(reason)
        if values is not None:
            yield Recognised(template.text, values)


@lru_cache(maxsize=4096)
def recognise(reason: str) -> Recognised | None:
    """Return the template of a stored sentence; None if there is none."""
    return next(matches(reason), None)


def in_words(reason: str) -> str:
    """Return a stored reason in the reader's language, without secrets; messages of services stay unchanged."""
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
    if recognise(value) is None and recognise(f"{value}.") is not None:  # its full stop is that of the outer sentence
        return _said(f"{value}.", depth).rstrip(".。")
    return _said(value, depth)


def _between(name: str) -> str:
    return _("; ") if name == "reasons" else _(", ")
