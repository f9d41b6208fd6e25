"""The demo site's settings for the processes of these tests, with services of generic tasks beside Telegram."""

import os
from typing import Any

from project.settings import *  # noqa: F403
from project.settings import DATABASES, SYNCQUEUE, database
from tests.postgres_server import options

SYNCQUEUE["HANDLERS"]["writer"] = {"CLASS": "tests.faults.handlers.Writer", "CONCURRENCY": 50}
SYNCQUEUE["HANDLERS"]["wild"] = {"CLASS": "tests.faults.handlers.Wild", "MAX_RETRIES": 1, "BASE_DELAY_SECONDS": 0.01}
SYNCQUEUE["HANDLERS"]["stuck"] = {"CLASS": "tests.faults.handlers.Stuck"}

ROOT_URLCONF = "tests.faults.served"

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A power failure may lose a test's rows; a killed process does not.
    DATABASES["default"]["OPTIONS"] |= {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"}
else:
    DATABASES["default"]["OPTIONS"] = DATABASES["default"].get("OPTIONS", {}) | options()

# A replica that lags: everything is read from it where nobody says otherwise.
if "REPLICA_URL" in os.environ:
    DATABASES["replica"] = database(os.environ["REPLICA_URL"])
    DATABASE_ROUTERS = ["tests.faults.settings.ReadsFromReplica"]


class ReadsFromReplica:
    """A router as sites with a replica have it."""

    def db_for_read(self, model: type[Any], **_: Any) -> str:
        """The replica."""
        return "replica"

    def db_for_write(self, model: type[Any], **_: Any) -> str:
        """The primary."""
        return "default"

    def allow_relation(self, *_: Any, **__: Any) -> bool:
        """Both hold the same rows, sooner or later."""
        return True
