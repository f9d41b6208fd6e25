"""A site that has nothing of the checkout: the wheel, installed into an empty environment, does all that is in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from project.sandbox.testing import RunningSandbox
from tests.packaging.distributions import Distributions, pip_environment, run

SETTINGS = """
ALLOWED_HOSTS = ["testserver"]
INSTALLED_APPS += ["syncqueue"]
SYNCQUEUE = {{
    "REDIS": "{redis_url}",
    "API_TOKENS": ["a-token-of-this-test"],
    "HANDLERS": {{"telegram": {{"OPTIONS": {{"API_BASE_URL": "{telegram_url}"}}}}}},
}}
"""

URLS = """
from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls), path("api/", include("syncqueue.api.urls"))]
"""

# What the installed site is asked, in its own process.
QUESTIONS = """
from pathlib import Path
import sys

from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client

import syncqueue

assert Path(syncqueue.__file__).is_relative_to(sys.prefix), syncqueue.__file__

queue = syncqueue.get_queue("telegram")
queue.enqueue(syncqueue.SyncTask("telegram", "note", "thing:1"))
(claimed,) = queue.claim(1).tasks
queue.ack(claimed)
assert queue.stats().total_processed == 1, "the Lua scripts"

browser = Client()
browser.force_login(User.objects.create_superuser("admin"))
for path in ("queue/", "destination/", "syncrecord/", "destination/add/"):
    page = browser.get("/admin/syncqueue/" + path, follow=True)
    assert page.status_code == 200, (path, page.status_code)
assert finders.find("syncqueue/admin.css"), "the styles"

machine = Client(headers={"Authorization": "Bearer a-token-of-this-test"})
assert machine.get("/api/stats").json(), "the API"
print("ALL THERE")
"""


@pytest.fixture(scope="module")
def environment(distributions: Distributions, python3_folder: Path) -> dict[str, str]:
    """The variables of the site's processes."""
    return pip_environment(distributions, python3_folder)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str], python3_folder: Path) -> Path:
    """The interpreter of an environment into which the wheel was installed."""
    folder = tmp_path_factory.mktemp("installed")
    run(python3_folder / "python3", "-m", "venv", folder / "venv", cwd=folder, environment=environment)
    python = folder / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "django-syncqueue[telegram]", cwd=folder, environment=environment)
    return python


@pytest.fixture
def manage(
    python: Path, environment: dict[str, str], tmp_path: Path, redis_url: str, sandbox: RunningSandbox
) -> Callable[..., str]:
    """manage.py of an empty project with the app in its settings, migrated."""
    run(python, "-m", "django", "startproject", "config", ".", cwd=tmp_path, environment=environment)
    with (tmp_path / "config" / "settings.py").open("a") as settings:
        settings.write(SETTINGS.format(redis_url=redis_url, telegram_url=sandbox.telegram_url))
    (tmp_path / "config" / "urls.py").write_text(URLS)
    call = partial(run, python, "manage.py", cwd=tmp_path, environment=environment)
    call("migrate")
    return call


def test_scripts_pages_styles_and_api_work_from_the_wheel(manage: Callable[..., str]) -> None:
    assert "ALL THERE" in manage("shell", "-c", QUESTIONS)


def test_the_translations_are_those_of_the_wheel(manage: Callable[..., str]) -> None:
    question = (
        "from django.utils import translation; from syncqueue.models import Destination\n"
        "with translation.override('zh-hans'): print(Destination._meta.verbose_name)"
    )
    assert manage("shell", "-c", question).strip().splitlines()[-1] != "destination"


def test_the_shortest_settings_are_right(manage: Callable[..., str]) -> None:
    assert "no issues" in manage("check")


def test_the_app_takes_its_tables_out_of_the_database_again(manage: Callable[..., str]) -> None:
    manage("migrate", "syncqueue", "zero")

    assert "syncqueue_" not in manage("inspectdb")
