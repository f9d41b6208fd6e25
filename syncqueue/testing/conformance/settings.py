"""A site for the suite, if the author has none: Django's settings with the app, the notes and a database file."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

# Attempts run in other threads, which would not see a database in memory. Each process has its own folder.
FOLDER = Path(tempfile.mkdtemp(prefix="syncqueue-conformance-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

SECRET_KEY = "for the conformance suite only"  # noqa: S105 - it protects nothing
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "syncqueue",
    "syncqueue.testing.conformance.notes",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(FOLDER / "db.sqlite3"),
        "TEST": {"NAME": str(FOLDER / "test.sqlite3")},
        # Several threads write; the data need not survive a power failure.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 60,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
        },
    }
}
# Each test sets its own: the suite's server and the service's handler.
SYNCQUEUE = {"REDIS": "redis://127.0.0.1:1/0", "HANDLERS": {}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; no test is about passwords
