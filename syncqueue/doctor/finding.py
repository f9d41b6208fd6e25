"""The result of one test of the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    ADVICE = "advice"  # works, but could be improved
    WRONG = "wrong"  # a person must act


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding."""

    area: str  # "redis", "database", "workers", "telegram", "telegram: @news"
    level: Level
    text: str  # the finding, without secrets
    advice: str = ""  # how to fix it
    seconds: float | None = None  # duration, if measured


def ok(area: str, text: str, seconds: float | None = None) -> Finding:
    """Return a finding without a problem."""
    return Finding(area=area, level=Level.OK, text=text, seconds=seconds)


def advise(area: str, text: str, advice: str, seconds: float | None = None) -> Finding:
    """Return a finding that works but could be improved."""
    return Finding(area=area, level=Level.ADVICE, text=text, advice=advice, seconds=seconds)


def wrong(area: str, text: str, advice: str, seconds: float | None = None) -> Finding:
    """Return a finding on which a person must act."""
    return Finding(area=area, level=Level.WRONG, text=text, advice=advice, seconds=seconds)
