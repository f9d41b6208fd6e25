"""A site's own tests, as its people run them: nothing is sent unless a test asks for it, and no Redis is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from project.sandbox.testing import RunningSandbox

pytestmark = pytest.mark.processes

PATIENCE_SECONDS = 300
FILES = {
    "site_settings.py": """
SECRET_KEY = "for-tests-only"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "syncqueue", "articles"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "db", "TEST": {{"NAME": "test-db"}}}}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SYNCQUEUE = {{
    "REDIS": "redis://127.0.0.1:1/0",
    "HANDLERS": {{"telegram": {{"OPTIONS": {{"API_BASE_URL": "{telegram_url}"}}}}}},
    "DESTINATIONS": {{"news": {{"SERVICE": "telegram", "ADDRESS": "@news", "SECRET": {{"token": "{token}"}}}}}},
}}
""",
    "articles/__init__.py": "",
    "articles/models.py": """
from django.db import models

class Article(models.Model):
    text = models.TextField()
""",
    "articles/sync_sources.py": """
import syncqueue
from articles.models import Article

@syncqueue.register(Article)
class ArticleSync(syncqueue.ModelSync):
    def document(self, article):
        return syncqueue.Document(text=article.text)

    def owner(self, article):
        return None
""",
    "articles/tests.py": """
from django.test import TransactionTestCase
import syncqueue
from articles.models import Article
from syncqueue.testing import sending

def states(article):
    return [record.state for record in syncqueue.status(article)]

class NothingAskedFor(TransactionTestCase):
    def test_saves_edits_and_deletions_are_recorded(self):
        article = Article.objects.create(text="Not asked for")
        article.save()
        syncqueue.sync(article)
        self.assertEqual(states(article), ["waiting"])
        article.delete()

    def test_each_test_finds_the_declared_destinations(self):
        self.assertEqual(states(Article.objects.create(text="After the tables were emptied")), ["waiting"])

class Sending(TransactionTestCase):
    @sending()
    def test_a_save_is_sent(self):
        article = Article.objects.create(text="Asked for")
        self.assertEqual(states(article), ["synced"])
""",
}
RUNNERS = {
    "manage.py test": ["-m", "django", "test", "articles.tests.{case}"],
    "pytest-django": ["-m", "pytest", "-p", "no:valkey", "-p", "no:randomly", "articles/tests.py", "-k", "{case}"],
}


@pytest.fixture(params=RUNNERS)
def run(request: pytest.FixtureRequest, tmp_path: Path, sandbox: RunningSandbox) -> Callable[[str], str]:
    """Run one test case of the site's by one of the runners to its good end; what it printed."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if name == "site_settings.py":
            text = text.format(telegram_url=sandbox.telegram_url, token=sandbox.bot_token)
        (tmp_path / name).write_text(text)
    repository = Path(__file__).resolve().parents[2]
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "site_settings",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(repository)]),
        "NO_PROXY": "127.0.0.1",
    }

    def call(case: str) -> str:
        command = [sys.executable, *(part.format(case=case) for part in RUNNERS[request.param])]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return call


def test_a_sites_tests_send_nothing_and_do_not_fail_without_redis(
    run: Callable[[str], str], sandbox: RunningSandbox
) -> None:
    said = run("NothingAskedFor")

    assert sandbox.log() == []
    assert "Traceback" not in said


def test_a_test_that_asks_for_it_sends(run: Callable[[str], str], sandbox: RunningSandbox) -> None:
    run("Sending")

    assert [message["text"] for message in sandbox.messages("@news")] == ["Asked for"]
