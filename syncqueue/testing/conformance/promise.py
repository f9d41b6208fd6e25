"""A promise of a handler: a sentence, the traits that a service needs for it, and what to mend if a case fails."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

# The meaning of a missing trait, as the end of a sentence that begins with the name of the service.
LACKS: Mapping[str, str] = {
    "edits": "cannot be edited",
    "takes_private": "takes nothing that is private",
    "has_visibility": "shows everything to everybody",
    "finds_lost": "does not recognise a create that is made again",
    "takes_lost_away": "cannot take away a copy that nobody was told of",
    "keeps_a_trace": "stores nothing before a create",
    "can_be_read": "cannot be asked what is there",
    "tells_content": "does not tell what a copy shows",
    "lists_copies": "does not list what is there",
    "takes_media": "takes no pictures",
    "proves_absence": "cannot tell at once that a create has not arrived",
    "other_address": "has one place for a credential",
    "has_other_place": "has one place",
    "other_spelling": "has one spelling of a place",
}


class Promise:
    """One line of the table that a run prints; decorates the cases that test it, or a class of cases."""

    _numbers = itertools.count()

    def __init__(self, text: str, *, mend: str, **needs: bool) -> None:
        """`mend`: what to do if a case fails. `needs`: the traits of `ServiceUnderTest` that the cases need."""
        self.text = text
        self.mend = mend
        self.needs = needs
        self.number = next(self._numbers)  # the order in the table

    def __call__(self, target: T) -> T:
        """Mark a case, or the cases of a class's own that have no promise yet."""
        for one in _cases(target):
            if isinstance(target, FunctionType) or not hasattr(one, "promise"):
                one.promise = self  # type: ignore[attr-defined]
        return target

    def lacking(self, service: Any) -> str:
        """Return why a service cannot keep it: "shelf cannot be edited (edits = False)"; "" if it can."""
        for trait, value in self.needs.items():
            if value and not getattr(service, trait):
                return f"{service.name} {LACKS[trait]} ({trait} = {getattr(service, trait)!r})"
        return ""

    def is_moot(self, service: Any) -> bool:
        """Return whether it is only for services that lack a trait of this one."""
        return any(not value and getattr(service, trait) for trait, value in self.needs.items())


def uses(*fixtures: str) -> Callable[[type[T]], type[T]]:
    """Decorate a class of cases: each of its own cases uses these fixtures."""

    def decorate(target: type[T]) -> type[T]:
        for one in _cases(target):
            pytest.mark.usefixtures(*fixtures)(one)
        return target

    return decorate


def _cases(target: Any) -> list[Callable[..., Any]]:
    if isinstance(target, FunctionType):
        return [target]
    return [one for name, one in vars(target).items() if name.startswith("test_")]
