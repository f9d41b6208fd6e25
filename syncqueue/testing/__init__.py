"""Helpers for a host site's own tests: they show what would be synced, without Redis and without a network.

    def test_a_published_note_is_synced(captured_syncs):
        note = Note.objects.create(...)
        assert [sync.entity for sync in captured_syncs] == [f"notes.note:{note.pk}"]

Under a test runner (Django's, or pytest-django) saves write their records and nothing else. `captured_syncs()` shows
what a site would send; `from syncqueue.testing import captured_syncs_fixture` in a conftest.py makes it a pytest
fixture. Inside `sending()` everything is attempted and enqueued as on the running site, which requires Redis and
the services. Records are written as usual, so the tests need the database.

For authors of handlers: `syncqueue.testing.conformance` tests a handler, and `syncqueue.testing.sandbox` imitates the
service. Both require the extra `syncqueue[testing]`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncqueue.dispatch.sending import sending as sending
    from syncqueue.testing.captured import CapturedSync as CapturedSync
    from syncqueue.testing.captured import captured_syncs as captured_syncs
    from syncqueue.testing.captured import captured_syncs_fixture as captured_syncs_fixture

_HOME_OF = {
    "CapturedSync": "syncqueue.testing.captured",
    "captured_syncs": "syncqueue.testing.captured",
    "captured_syncs_fixture": "syncqueue.testing.captured",
    "sending": "syncqueue.dispatch.sending",
}

# Without the fixture, which requires pytest.
__all__ = ["CapturedSync", "captured_syncs", "sending"]


def __getattr__(name: str) -> Any:
    """Import a name at first use: the sandbox package is plain Python and must not load the app."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
