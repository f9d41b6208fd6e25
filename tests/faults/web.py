"""The web side of a site, for scripts that run as processes of their own: `from tests.faults.web import *`.

`die` is put in the place of a function of syncqueue to end the process exactly there.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.core.signals import request_finished, request_started  # noqa: E402
from django.db import transaction  # noqa: E402

import syncqueue  # noqa: E402
from project.notes.models import Note  # noqa: E402
from syncqueue import services  # noqa: E402

__all__ = [
    "Note", "answer", "call_command", "die", "one_request", "save", "services", "stand_still", "syncqueue", "time",
    "transaction",
]  # fmt: skip


def save(text: str) -> Note:
    """A new public note of the site's one user."""
    return Note.objects.create(owner_id=1, text=text)


def die(*_: Any, **__: Any) -> NoReturn:
    """End this process as a power failure does."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("not reached")


def stand_still() -> None:
    """Stop this process until it is told to go on (SIGCONT)."""
    os.kill(os.getpid(), signal.SIGSTOP)


@contextmanager
def one_request() -> Iterator[None]:
    """What is inside belongs to one request."""
    request_started.send(sender=None)
    try:
        yield
    finally:
        request_finished.send(sender=None)


def answer(value: Any) -> None:
    """What the script has to say to its test, as its last line."""
    print(json.dumps(value))
