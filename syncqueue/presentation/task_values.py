"""Values of tasks, attempts and copies in the reader's language: actions, priorities, outcomes, kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.utils.translation import gettext as _

from syncqueue.core.result import PUT_OFF, Outcome
from syncqueue.core.task import CREATE, DELETE, UPDATE

_WORDS: Mapping[str, Callable[[], str]] = {
    CREATE: lambda: _("create"),
    UPDATE: lambda: _("update"),
    DELETE: lambda: _("delete"),
    "high": lambda: _("high"),
    "normal": lambda: _("normal"),
    "low": lambda: _("low"),
    Outcome.SUCCESS: lambda: _("success"),
    Outcome.RETRY: lambda: _("to be tried again"),
    Outcome.FAILURE: lambda: _("failure"),
    Outcome.RATE_LIMITED: lambda: _("rate limit"),
    Outcome.UNREACHABLE: lambda: _("cannot be reached"),
    Outcome.UNAVAILABLE: lambda: _("out of order"),
    Outcome.BROKEN: lambda: _("destination refused"),
    Outcome.MOVED: lambda: _("destination moved"),
    Outcome.UNKNOWN: lambda: _("answer lost"),
    PUT_OFF: lambda: _("put off"),
    "lost": lambda: _("worker lost"),
    "text": lambda: _("message"),
    "document": lambda: _("file"),
    "status": lambda: _("status"),
    "row": lambda: _("row"),
    "picture": lambda: _("picture"),
    "object": lambda: _("object"),
}


def value_words(value: str) -> str:
    """Return a value in the reader's language; other values, such as actions of the site, are returned unchanged."""
    return _WORDS[value]() if value in _WORDS else value
