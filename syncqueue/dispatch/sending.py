"""Whether saves are sent. Under a test runner they are not, unless the test asks for it; Django does so with mail."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Number of open `sending()` blocks in this process. Not per thread: a live server runs requests in other threads.
_asked_count = 0


@contextmanager
def sending() -> Iterator[None]:
    """Send saves inside the block under a test runner too, from all threads of this process."""
    global _asked_count
    _asked_count += 1
    try:
        yield
    finally:
        _asked_count -= 1


def is_sending() -> bool:
    """Return whether saves are attempted and enqueued; otherwise their records are written and wait."""
    return _asked_count > 0 or not is_test_environment()


def is_test_environment() -> bool:
    """Return whether `django.test.utils.setup_test_environment` is in force.

    Every test runner of Django calls it, and so does pytest-django. `mail.outbox` does not show it, because a site with
    the locmem backend has one too. If the module was never imported, no test is running.
    """
    utils = sys.modules.get("django.test.utils")
    return hasattr(getattr(utils, "_TestState", None), "saved_data")
