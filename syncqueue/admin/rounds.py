"""Long work in rounds: each request does a few seconds of it, says how far it is, and asks to be sent again.

No request lasts long enough to be cut off, Redis and worker go on meanwhile, and a person sees it move and may stop it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias
from urllib.parse import urlencode

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest

ROUND_SECONDS = 2.0
PIECE = 2000  # tasks or records between two looks at the clock; done by services in chunks
POSITION = "position"  # the hidden input that carries a Position
_SALT = "syncqueue.admin.rounds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far the work is. It travels from round to round in a hidden, signed input."""

    total: int | None = None  # how many there were at the beginning; None: not counted yet
    looked: int = 0  # of them looked at
    done: int = 0
    cursor: str = ""
    clearing: int | None = None  # key of the Clearing that tasks are taken out with
    finished: bool = False

    def text(self) -> str:
        """As the input holds it."""
        return signing.dumps(asdict(self), salt=_SALT)


# Does a piece.
Work: TypeAlias = Callable[[Position], Position]


def level_of(done: int) -> int:
    """Return the level of the message that so many were done: a success only where anything was done."""
    return messages.SUCCESS if done else messages.WARNING


LONGEST_ADDRESS = 4000  # characters; servers and browsers take at least 8,000


def sent(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the fields that a form sent, or the address of the page that it redirects to; without the position."""
    values = request.POST if request.method == "POST" else request.GET
    names = [name for name in values if name not in (POSITION, "csrfmiddlewaretoken")]
    return [(name, value) for name in names for value in values.getlist(name)]


def address_of(path: str, fields: Sequence[tuple[str, Any]]) -> str:
    """Return the address that a form is redirected to, so that "Back" never asks to send the form again.

    Returns "" where the fields are too long for an address; the page is the form's own response then.
    """
    address = f"{path}?{urlencode(fields)}"
    return address if len(address) <= LONGEST_ADDRESS else ""


def is_progress(request: HttpRequest) -> bool:
    """Whether the page that shows the progress of work is asked for."""
    return request.method == "GET" and POSITION in request.GET


def read_position(text: str) -> Position:
    """What `Position.text` made; the beginning for anything else."""
    try:
        return Position(**signing.loads(text, salt=_SALT))
    except (signing.BadSignature, TypeError):
        return Position()


def run_round(work: Work, at: Position) -> Position:
    """Work for some seconds, or to the end."""
    until = time.monotonic() + ROUND_SECONDS
    while not at.finished:
        at = work(at)
        if time.monotonic() > until:
            break
    return at


def next_piece(at: Position, total: int) -> int:
    """How many come next of a total that was counted when the work began."""
    return min(PIECE, (total if at.total is None else at.total) - at.looked)


def after_piece(at: Position, total: int, looked: int, done: int, clearing: int | None = None) -> Position:
    """The position after a piece. A piece that did nothing is the last: what was counted has gone otherwise."""
    whole = total if at.total is None else at.total
    seen = at.looked + looked
    return Position(
        total=whole,
        looked=seen,
        done=at.done + done,
        clearing=clearing if clearing is not None else at.clearing,
        finished=seen >= whole or done == 0,
    )
