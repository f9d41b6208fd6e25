"""The models of tests/fitapp with a channel that takes them all. Runs under settings of its own: `make pytest-fit`."""

from __future__ import annotations

import os

from tests.integration.sync.conftest import channel, own_site

__all__ = ["channel", "own_site"]

# With other settings there are no such models; nothing of this folder is imported then.
if os.environ.get("DJANGO_SETTINGS_MODULE") != "tests.fitapp.settings":
    collect_ignore_glob = ["test_*.py"]
