"""What the doctor says of one thing it has tried."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a thing stands."""

    OK = "ok"
    ADVICE = "advice"  # works, and could be better
    WRONG = "wrong"  # a person must act


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was tried."""

    area: str  # "redis", "database", "workers", "telegram", "telegram: @news"
    level: Level
    text: str  # what was found; no secrets
    advice: str = ""  # what mends it
    seconds: float | None = None  # how long it took, where that says something


def ok(area: str, text: str, seconds: float | None = None) -> Finding:
    """All is well."""
    return Finding(area=area, level=Level.OK, text=text, seconds=seconds)


def advise(area: str, text: str, advice: str, seconds: float | None = None) -> Finding:
    """It works, and could be better."""
    return Finding(area=area, level=Level.ADVICE, text=text, advice=advice, seconds=seconds)


def wrong(area: str, text: str, advice: str, seconds: float | None = None) -> Finding:
    """A person must act."""
    return Finding(area=area, level=Level.WRONG, text=text, advice=advice, seconds=seconds)
