"""Parses the time that a service asks to wait, in every form that services are known to use. Pure; never raises.

RFC 9110 section 10.2.3 allows whole seconds and a date. Some servers send fractions, an ISO 8601 time, or the seconds
(or milliseconds) since 1970.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SHORTEST_SECONDS = 1.0
# Upper limit, whatever the service said: a wrong clock must not hold a destination for days.
LONGEST_SECONDS = 3600.0
MAX_CHARACTERS = 64  # of the header; every known form is shorter

_NUMBER = re.compile(r"(\d{1,40})(?:\.\d*)?", re.ASCII)
_FIRST_EPOCH_SECONDS = 1e9  # a wait of 30 years is not meant: numbers from here on are points in time
_FIRST_EPOCH_MILLISECONDS = 1e12


def wait_seconds(
    text: object, now: datetime, *, shortest: float = SHORTEST_SECONDS, longest: float = LONGEST_SECONDS
) -> float | None:
    """Return the seconds to wait, between `shortest` and `longest`; None if `text` cannot be read.

    `text` is the value of Retry-After or of a similar header. A time that has passed counts as `shortest`, one that is
    too far away as `longest`. Negative numbers, NaN and infinity are not readable.
    """
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
        return None
    seconds = _seconds(text.strip(), now)
    return None if seconds is None else min(max(seconds, shortest), longest)


def _seconds(text: str, now: datetime) -> float | None:
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number < _FIRST_EPOCH_SECONDS:
            return number
        return (number / 1000 if number >= _FIRST_EPOCH_MILLISECONDS else number) - now.timestamp()
    moment = _moment(text)
    return None if moment is None else (moment - now).total_seconds()


def _moment(text: str) -> datetime | None:
    """Parse an HTTP date or an ISO 8601 time; without a time zone it is UTC."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, TypeError, OverflowError, IndexError):  # malformed dates raise each of these
            continue
    return None
