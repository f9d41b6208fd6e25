"""The settings of the tests with the models of this app: a second database, and a router for one model."""

from tests.settings import *  # noqa: F403
from tests.settings import DATABASE_FOLDER, DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.oddapp"]
DATABASES["archive"] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": str(DATABASE_FOLDER / "archive.sqlite3"),
    "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"},
    "TEST": {"NAME": str(DATABASE_FOLDER / "archive-test.sqlite3")},
}
DATABASE_ROUTERS = ["tests.oddapp.routers.ArchiveRouter"]
