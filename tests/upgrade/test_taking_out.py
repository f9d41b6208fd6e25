"""Back to each earlier state of the tables, and all the way out, as docs/howto/removing.md says."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import redis

from tests.packaging.distributions import CHECKOUT, run

pytestmark = pytest.mark.wheel

APPS = """
SECRET_KEY = "for-this-test-alone"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "{folder}/db.sqlite3"}}}}
"""
OURS = """
INSTALLED_APPS += ["syncqueue"]
SYNCQUEUE = {{"REDIS": "{redis_url}", "HANDLERS": {{"telegram": {{}}}}}}
"""
NUMBERS = sorted(file.stem for file in (CHECKOUT / "syncqueue" / "migrations").glob("0*.py"))


class Site:
    """A project of two files whose settings can be changed."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.folder = folder
        self.redis_url = redis_url
        self.write(with_syncqueue=True)

    def write(self, *, with_syncqueue: bool) -> None:
        """The settings, with the app or without it."""
        text = APPS + OURS * with_syncqueue
        (self.folder / "site_settings.py").write_text(text.format(folder=self.folder, redis_url=self.redis_url))

    @property
    def manage(self) -> Callable[..., str]:
        """django-admin with these settings."""
        environment = {"PYTHONPATH": f"{self.folder}:{CHECKOUT}", "DJANGO_SETTINGS_MODULE": "site_settings"}
        return partial(run, sys.executable, "-W", "error", "-m", "django", cwd=self.folder, environment=environment)

    def rows(self, query: str) -> list[str]:
        """The first column of what the database answers."""
        with sqlite3.connect(self.folder / "db.sqlite3") as connection:
            found = [str(row[0]) for row in connection.execute(query)]
        connection.close()
        return found

    def tables(self) -> list[str]:
        """The tables that are the app's."""
        return [name for name in self.rows("SELECT name FROM sqlite_master") if name.startswith("syncqueue_")]


@pytest.fixture
def site(tmp_path: Path, redis_url: str) -> Site:
    """A site with all tables."""
    made = Site(tmp_path, redis_url)
    made.manage("migrate", "--verbosity", "0")
    return made


def test_every_migration_can_be_reversed_and_made_again(site: Site) -> None:
    for number in [*reversed(NUMBERS[:-1]), "zero"]:
        site.manage("migrate", "syncqueue", number)
    assert site.tables() == []

    site.manage("migrate", "syncqueue")
    assert site.rows("SELECT id FROM syncqueue_sitestamp") == ["1"]


def test_the_documented_way_out_leaves_nothing_behind(site: Site) -> None:
    site.manage(
        "shell", "-c",
        "import syncqueue\n"
        "syncqueue.get_queue('telegram').enqueue(syncqueue.SyncTask('telegram', 'x', 'e:1'))",
    )  # fmt: skip

    site.manage("migrate", "syncqueue", "zero")
    site.write(with_syncqueue=False)
    site.manage("remove_stale_contenttypes", "--include-stale-apps", "--noinput")
    with redis.Redis.from_url(site.redis_url) as client:
        for key in client.scan_iter("sync:*"):
            client.delete(key)
        assert client.dbsize() == 0

    assert site.tables() == []
    assert site.rows("SELECT model FROM django_content_type WHERE app_label = 'syncqueue'") == []
    assert site.rows("SELECT codename FROM auth_permission WHERE codename LIKE '%queue'") == []
    assert "no issues" in site.manage("check")
