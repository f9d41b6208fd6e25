"""Long work in rounds: each request works for a few seconds, shows the progress, and requests the next round.

So no request is cut off, Redis and the workers go on meanwhile, and a person sees the progress and can stop it.
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
PIECE = 2000  # tasks or records between two checks of the time; services process them in chunks
POSITION = "position"  # name of the hidden input with a Position
_SALT = "syncqueue.admin.rounds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The progress of the work. A hidden, signed input passes it from round to round."""

    total: int | None = None  # number at the beginning; None: not counted yet
    looked: int = 0  # number that was processed
    done: int = 0
    cursor: str = ""
    clearing: int | None = None  # primary key of the Clearing that removes the tasks
    finished: bool = False

    def text(self) -> str:
        """Return the signed text for the input."""
        return signing.dumps(asdict(self), salt=_SALT)


# Does a part of the work.
Work: TypeAlias = Callable[[Position], Position]


def level_of(done: int) -> int:
    """Return the message level for a count: success only if anything was done."""
    return messages.SUCCESS if done else messages.WARNING


LONGEST_ADDRESS = 4000  # characters; servers and browsers take at least 8,000


def sent(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the fields that a form sent, or the address of the page that it redirects to; without the position."""
    values = request.POST if request.method == "POST" else request.GET
    names = [name for name in values if name not in (POSITION, "csrfmiddlewaretoken")]
    return [(name, value) for name in names for value in values.getlist(name)]


def address_of(path: str, fields: Sequence[tuple[str, Any]]) -> str:
    """Return the address that a form is redirected to, so that "Back" never asks to send the form again.

    Returns "" if the fields are too long for an address; then the page is the response to the form.
    """
    address = f"{path}?{urlencode(fields)}"
    return address if len(address) <= LONGEST_ADDRESS else ""


def is_progress(request: HttpRequest) -> bool:
    """Return whether the request is for the page with the progress."""
    return request.method == "GET" and POSITION in request.GET


def read_position(text: str) -> Position:
    """Parse the result of `Position.text`; the beginning for anything else."""
    try:
        return Position(**signing.loads(text, salt=_SALT))
    except (signing.BadSignature, TypeError):
        return Position()


def run_round(work: Work, at: Position) -> Position:
    """Work for some seconds, or until the work is finished."""
    until = time.monotonic() + ROUND_SECONDS
    while not at.finished:
        at = work(at)
        if time.monotonic() > until:
            break
    return at


def next_piece(at: Position, total: int) -> int:
    """Return the size of the next part of a total that was counted at the beginning."""
    return min(PIECE, (total if at.total is None else at.total) - at.looked)


def after_piece(at: Position, total: int, looked: int, done: int, clearing: int | None = None) -> Position:
    """Return the position after a part. A part without effect is the last: the rest has gone in another way."""
    whole = total if at.total is None else at.total
    seen = at.looked + looked
    return Position(
        total=whole,
        looked=seen,
        done=at.done + done,
        clearing=clearing if clearing is not None else at.clearing,
        finished=seen >= whole or done == 0,
    )
