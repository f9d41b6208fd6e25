"""The memory use of this process, for `runsyncworker --max-rss-mb`."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_STATM = Path("/proc/self/statm")
_MEGABYTE = 1024 * 1024


def rss_mb() -> float:
    """Return the resident memory in MB; on systems without /proc the peak so far."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * resource.getpagesize() / _MEGABYTE
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / _MEGABYTE if sys.platform == "darwin" else peak / 1024
