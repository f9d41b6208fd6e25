"""The pages in an admin of another theme and with a user model of the site's own: each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0, run_syncdb=True)
from django.contrib.auth import get_user_model
from django.test import Client, override_settings
from syncqueue.models import Destination, SyncRecord
client = Client()
client.force_login(get_user_model().objects.create_superuser("admin", "a@example.org", "admin"))
Destination.objects.create(name="@news", service="telegram", address="@news")
SyncRecord.objects.create(source="notes.note", object_pk="1", destination_id=1, service="telegram")
for path in ("queue/", "queue/live/", "queue/workers/", "queue/cleared/", "queue/telegram/tasks/failed/",
             "queue/telegram/clear/", "syncrecord/", "syncrecord/1/change/", "destination/", "destination/1/change/",
             "destination/add/?service=telegram", "servicepolicy/", "servicepolicy/add/"):
    answer = client.get("/admin/syncqueue/" + path)
    if path.endswith(("change/", "add/")) or "service=" in path:
        tabs, buttons = answer.content.decode().find("syncqueue-tabs"), answer.content.decode().find("Send a test")
        assert tabs > 0 and ("destination/1" not in path or buttons > tabs), path
    assert answer.status_code == 200, (path, answer.status_code)
    text = answer.content.decode()
    assert EXPECTED in text, path
    assert path.startswith("queue/live") or "syncqueue/admin.css" in text, path
print("all shown")
"""


@pytest.mark.parametrize(
    ("module", "expected"),
    [("tests.integration.admin.unfold_settings", "unfold"), ("tests.integration.admin.own_user_settings", "")],
)
def test_the_pages_stand_in_another_theme_and_with_another_user_model(
    redis_url: str, module: str, expected: str
) -> None:
    script = SCRIPT.replace("EXPECTED in text", f"path.startswith('queue/live') or {expected!r} in text")
    # On SQLite always: tables of an app without migrations are made first, and PostgreSQL wants those they refer to.
    environment = {name: value for name, value in os.environ.items() if name != "TEST_DATABASE"}
    found = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**environment, "DJANGO_SETTINGS_MODULE": module, "BROWSED_REDIS": redis_url},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "all shown" in found.stdout, found.stderr[-3000:]
