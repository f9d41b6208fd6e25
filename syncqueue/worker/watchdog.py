"""Ends a worker in which a call, such as a regular expression, never releases the interpreter lock.

No Python thread can run then, not even the one that renews the leases. This timer is in C and needs no lock.
"""

from __future__ import annotations

import faulthandler

_STDERR = 2  # the number, because a replacement of sys.stderr need not be a file


class Watchdog:
    """Prints the stacks of all threads and ends the process (exit code 1) after some time without a beat."""

    def __init__(self, seconds: float) -> None:
        """`seconds`: longer than a block that the lease thread can still end, shorter than a lease."""
        self._seconds = seconds

    def beat(self) -> None:
        """Restart the timer."""
        faulthandler.dump_traceback_later(self._seconds, exit=True, file=_STDERR)

    def end(self) -> None:
        """Stop the timer."""
        faulthandler.cancel_dump_traceback_later()
