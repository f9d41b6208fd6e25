"""Generates record keys: TIDs, which contain the time. Pure except for the clock.

https://atproto.com/specs/tid: 53 bits of microseconds since 1970 and 10 bits that distinguish clocks, as 13
characters. All keys from here have the same ten bits, which distinguish them from those of other programs.
"""

from __future__ import annotations

import re
import threading
import time
from datetime import UTC, datetime

_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
_TID = re.compile("[234567a-j][234567a-z]{12}")
_CLOCK_BITS = 10
CLOCK = 0b1011001110  # any number of ten bits

_lock = threading.Lock()
_last = 0


def new_tid() -> str:
    """Return a key for the present microsecond that this process has never returned before."""
    global _last
    with _lock:
        _last = max(_last + 1, time.time_ns() // 1000)
        return tid_of(_last)


def tid_of(microseconds: int, clock: int = CLOCK) -> str:
    """Return the key for a time, in microseconds since 1970."""
    number, found = microseconds << _CLOCK_BITS | clock, ""
    for _ in range(13):
        number, digit = divmod(number, 32)
        found = _ALPHABET[digit] + found
    return found


def microseconds_of(tid: str) -> int | None:
    """Return the time of a key, in microseconds since 1970; None if it is not a key."""
    return _number(tid) >> _CLOCK_BITS if _TID.fullmatch(tid) else None


def is_ours(tid: str) -> bool:
    """Return whether a key was made here. About one in a thousand of other programs' keys matches too."""
    return bool(_TID.fullmatch(tid)) and _number(tid) % (1 << _CLOCK_BITS) == CLOCK


def created_at(tid: str) -> str:
    """Return the time of such a key in the form of records. Feeds would omit two posts of one microsecond."""
    seconds, microseconds = divmod(microseconds_of(tid) or 0, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{microseconds:06d}Z"


def _number(tid: str) -> int:
    number = 0
    for character in tid:
        number = number * 32 + _ALPHABET.index(character)
    return number
