"""The modes of a service: what its stand-in does with a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeKind:
    """One position of the switch."""

    name: str
    label: str
    sentence: str  # what a person sees while the switch stands here
    defaults: Mapping[str, Any] = field(default_factory=dict)  # parameter -> value when none is given
    is_on_page: bool = True
    tone: str = "bad"  # good, slow or bad: the colour of the mode


_KINDS = (
    ModeKind(
        name="up",
        label="Up",
        sentence="Answers at once.",
        defaults={"per_chat_per_minute": None, "per_chat_per_second": None},
        tone="good",
    ),
    ModeKind(
        name="pace",
        label="Paced",
        sentence="Up, with rate limits like the real ones: too many messages to one chat get a 429.",
        defaults={"per_chat_per_minute": 20, "per_chat_per_second": 1},
        tone="good",
    ),
    ModeKind(
        name="slow",
        label="Slow",
        sentence="Takes the request at once, answers after a delay.",
        defaults={"delay_seconds": 3.0},
        tone="slow",
    ),
    ModeKind(
        name="limited",
        label="Rate limited",
        sentence="429: come back later. Nothing is stored.",
        defaults={"retry_after": 5},
        tone="slow",
    ),
    ModeKind(
        name="error",
        label="Error 500",
        sentence="Fails inside. Nothing is stored.",
        # description: the error's words; stored: the request is carried out all the same, before the error is sent
        defaults={"status": 500, "html": False, "description": "", "stored": False},
    ),
    ModeKind(name="down", label="Down", sentence="The port is closed: connections are refused."),
    ModeKind(name="hang", label="Hanging", sentence="Takes and stores the request, then never answers."),
    ModeKind(name="hang-before", label="Hanging before", sentence="Never answers, and stores nothing."),
    ModeKind(name="broken", label="Bot kicked", sentence="403: the bot was removed from the channel."),
    ModeKind(name="unauthorized", label="Bad token", sentence="401: the credential is refused."),
    ModeKind(
        name="store-then-reset",
        label="Store, then reset",
        sentence="Stores the request, then resets the connection without an answer.",
        is_on_page=False,
    ),
)
KINDS: Mapping[str, ModeKind] = {kind.name: kind for kind in _KINDS}

# Answered by the service with a refusal of its own; nothing is stored.
REFUSING = frozenset({"limited", "error", "broken", "unauthorized"})

_BOUNDS = {"delay_seconds": (0, 86_400), "status": (200, 599)}  # the others: from 1 to a day


class BadMode(ValueError):
    """A mode or parameter that does not exist or does not fit; the text says what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """A position of the switch with its parameters.

    ``params`` always holds every parameter of its kind. ``chat`` and ``method`` narrow the mode to requests of
    one chat and one method (None: all); other requests meet the service as if it were up.
    """

    name: str = "up"
    params: Mapping[str, Any] = field(default_factory=lambda: dict(KINDS["up"].defaults))
    chat: str | None = None
    method: str | None = None

    @property
    def kind(self) -> ModeKind:
        return KINDS[self.name]

    def as_json(self) -> dict[str, Any]:
        """The mode as the control API shows it."""
        narrowed = {"chat": self.chat, "method": self.method}
        return {"mode": self.name, "params": {**self.params, **{k: v for k, v in narrowed.items() if v}}}


def make_mode(name: str, given: Mapping[str, Any], house: Mapping[str, Any] | None = None) -> Mode:
    """A checked mode from a name and parameters as they came in (strings of a form, values of JSON).

    ``house`` overrides defaults by parameter name (the command line's ``--retry-after``). An empty value means
    the default. Raises `BadMode`.
    """
    kind = KINDS.get(name)
    if kind is None:
        raise BadMode(f"There is no mode {name!r}. Known: {', '.join(KINDS)}.")
    params = {key: (house or {}).get(key, default) for key, default in kind.defaults.items()}
    narrowing: dict[str, str | None] = {"chat": None, "method": None}
    for key, value in given.items():
        if key in narrowing and name != "down":
            narrowing[key] = str(value) if value not in (None, "") else None
        elif key not in params:
            raise BadMode(_unknown_param(name, key, [*params, *narrowing]))
        elif value not in (None, ""):
            params[key] = _checked(key, value)
    return Mode(name=name, params=params, **narrowing)


def _unknown_param(name: str, key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"It takes: {', '.join(known)}."
    return f"Mode {name!r} takes no parameter {key!r}. {hint}"


def _checked(key: str, value: Any) -> Any:
    """The value in its type: `html` and `stored` are truth values, `description` is a text, the others numbers."""
    if key == "description":
        return str(value)
    if key in ("html", "stored"):
        return str(value).lower() in {"true", "1", "on"}
    least, most = _BOUNDS.get(key, (1, 86_400))
    try:
        number = float(value) if key == "delay_seconds" else int(value)
    except (TypeError, ValueError) as error:
        raise BadMode(f"{key} must be a number, not {value!r}.") from error
    if not least <= number <= most:
        raise BadMode(f"{key} must be between {least} and {most}, not {value!r}.")
    return number
