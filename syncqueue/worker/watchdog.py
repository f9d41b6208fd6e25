"""Ends a worker that a call holds without ever letting go of the interpreter's lock, such as a regular expression.

No thread of Python gets a turn then, not even the one that keeps the leases. The timer is one of C and needs no lock.
"""

from __future__ import annotations

import faulthandler

_STDERR = 2  # by its number: whatever stands in for sys.stderr need not be a file


class Watchdog:
    """Writes where the process stands, and ends it (exit code 1), when it has heard nothing for some time."""

    def __init__(self, seconds: float) -> None:
        """`seconds`: longer than anything is blocked that threads can still end, shorter than a lease."""
        self._seconds = seconds

    def beat(self) -> None:
        """Begin to count anew."""
        faulthandler.dump_traceback_later(self._seconds, exit=True, file=_STDERR)

    def end(self) -> None:
        """Stop counting."""
        faulthandler.cancel_dump_traceback_later()
