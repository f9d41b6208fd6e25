"""The demo site's settings for the processes of these tests, with a service of generic tasks beside Telegram."""

from project.settings import *  # noqa: F403
from project.settings import DATABASES, SYNCQUEUE

SYNCQUEUE["HANDLERS"]["writer"] = {"CLASS": "tests.faults.handlers.Writer", "CONCURRENCY": 50}

# A power failure may lose a test's rows; a killed process does not.
DATABASES["default"]["OPTIONS"] = DATABASES["default"]["OPTIONS"] | {
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
}
