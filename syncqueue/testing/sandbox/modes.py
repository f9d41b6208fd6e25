"""The modes of a service: how its stand-in handles a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeKind:
    """One kind of mode."""

    name: str
    label: str
    sentence: str  # shown on the page while the mode is set
    defaults: Mapping[str, Any] = field(default_factory=dict)  # default value of each parameter
    is_on_page: bool = True
    tone: str = "bad"  # good, slow or bad: the colour of the mode


_KINDS = (
    ModeKind(
        name="up",
        label="Up",
        sentence="Responds immediately.",
        defaults={"per_chat_per_minute": None, "per_chat_per_second": None},
        tone="good",
    ),
    ModeKind(
        name="pace",
        label="Paced",
        sentence="Up, with realistic rate limits: too many messages to one chat get a 429.",
        defaults={"per_chat_per_minute": 20, "per_chat_per_second": 1},
        tone="good",
    ),
    ModeKind(
        name="slow",
        label="Slow",
        sentence="Processes the request immediately, responds after a delay.",
        defaults={"delay_seconds": 3.0},
        tone="slow",
    ),
    ModeKind(
        name="limited",
        label="Rate limited",
        sentence="429: retry later. Nothing is stored.",
        defaults={"retry_after": 5},
        tone="slow",
    ),
    ModeKind(
        name="error",
        label="Error 500",
        sentence="Fails with an internal error. Nothing is stored.",
        # description: the text of the error; stored: the request is executed nevertheless, before the error is sent
        defaults={"status": 500, "html": False, "description": "", "stored": False},
    ),
    ModeKind(name="down", label="Down", sentence="The port is closed: connections are refused."),
    ModeKind(name="hang", label="Hanging", sentence="Stores the request, then never responds."),
    ModeKind(name="hang-before", label="Hanging before", sentence="Never responds, and stores nothing."),
    ModeKind(name="broken", label="Bot kicked", sentence="403: the bot was removed from the channel."),
    ModeKind(name="unauthorized", label="Bad token", sentence="401: the credential is refused."),
    ModeKind(
        name="reset",
        label="Reset",
        sentence="Stores nothing, and resets the connection without a response.",
        is_on_page=False,
    ),
    ModeKind(
        name="store-then-reset",
        label="Store, then reset",
        sentence="Stores the request, then resets the connection without a response.",
        is_on_page=False,
    ),
)
KINDS: Mapping[str, ModeKind] = {kind.name: kind for kind in _KINDS}

# The service responds with an error of its own; nothing is stored.
REFUSING = frozenset({"limited", "error", "broken", "unauthorized"})

_BOUNDS = {"delay_seconds": (0, 86_400), "status": (200, 599)}  # the others: from 1 to a day


class BadMode(ValueError):
    """A mode or parameter is unknown or invalid; the message says what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """A mode with its parameters.

    ``params`` contains every parameter of its kind. ``chat`` and ``method`` restrict the mode to requests of one chat
    and one method (None: all); for other requests the service is up.
    """

    name: str = "up"
    params: Mapping[str, Any] = field(default_factory=lambda: dict(KINDS["up"].defaults))
    chat: str | None = None
    method: str | None = None

    @property
    def kind(self) -> ModeKind:
        return KINDS[self.name]

    def as_json(self) -> dict[str, Any]:
        """Return the mode as the control API shows it."""
        narrowed = {"chat": self.chat, "method": self.method}
        return {"mode": self.name, "params": {**self.params, **{k: v for k, v in narrowed.items() if v}}}


def make_mode(name: str, given: Mapping[str, Any], house: Mapping[str, Any] | None = None) -> Mode:
    """Return a validated mode from a name and raw parameters (strings of a form, values of JSON).

    ``house`` overrides defaults by parameter name (``--retry-after`` of the command line). An empty value means the
    default. Raises `BadMode`.
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
    """Return the value in its type: `html` and `stored` are booleans, `description` is a text, others are numbers."""
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
