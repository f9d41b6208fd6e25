"""Tokens are nowhere to be read, after everything that can go wrong."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

import django
import pytest
import redis
from django.conf import settings
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.test import Client

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.core.task import TaskState
from syncqueue.models import Destination, SyncRecord
from syncqueue.services import alerts
from tests.integration.sync.scene import configure, queue, texts, wait_until, work

pytestmark = pytest.mark.django_db(transaction=True)

CONTENT = "What nobody else is to read"


def redis_dump() -> str:
    """Everything in the database of this test."""
    found = []
    with redis.Redis.from_url(settings.SYNCQUEUE["REDIS"]) as client:
        for key in client.scan_iter():
            found.append(key)
            match client.type(key):
                case b"string":
                    found.append(client.get(key))
                case b"hash":
                    found += [part for pair in client.hgetall(key).items() for part in pair]
                case b"zset":
                    found += client.zrange(key, 0, -1)
                case b"list":
                    found += client.lrange(key, 0, -1)
    return b"\n".join(found).decode()


MODES = ("error", "down", "store-then-reset", "limited", "unauthorized")


def seen_by_staff() -> dict[str, str]:
    """Every page and every call that shows what went wrong, as the one sees it who may see everything."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    destination, records = Destination.objects.get(), SyncRecord.objects.all()
    api, admin = "/api/admin/sync-queue/", "/admin/syncqueue/"
    ids = [view.id for state in TaskState for view in queue().page(state).tasks]
    paths = [f"{api}stats", f"{api}health", f"{api}metrics"]
    paths += [f"{api}telegram/tasks?state={state}" for state in TaskState]
    paths += [f"{api}telegram/tasks/{id_}" for id_ in ids]
    paths += [f"{admin}destination/", f"{admin}destination/{destination.pk}/change/", f"{admin}syncrecord/"]
    paths += [f"{admin}syncrecord/{record.pk}/change/" for record in records]
    paths += [f"/admin/notes/note/{record.object_pk}/change/" for record in records]
    answers = {path: client.get(path, follow=True) for path in paths}
    assert ids
    assert {path for path, answer in answers.items() if answer.status_code not in (200, 503)} == set()
    return {path: answer.content.decode() for path, answer in answers.items()}


def test_after_all_kinds_of_trouble_no_token_is_in_database_redis_or_logs(
    channel: Destination,
    writer: User,
    sandbox: RunningSandbox,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.INFO)
    configure("telegram", MAX_RETRIES=0)
    configure("IMMEDIATE", TIMEOUT_SECONDS=5)
    for mode in ("error", "down", "store-then-reset", "up", "limited", "unauthorized"):
        sandbox.set_mode("telegram", mode)
        Note.objects.create(owner=writer, text=f"{CONTENT} {mode}")
        services.mend(channel, actor="a test")
    sandbox.set_mode("telegram", "unauthorized")
    work()
    dump = tmp_path / "dump.json"
    call_command("dumpdata", "syncqueue", output=str(dump), verbosity=0)
    token, hidden = sandbox.bot_token, sandbox.bot_token.partition(":")[2]
    assert SyncRecord.objects.count() == 6
    in_redis = redis_dump()
    assert "record-" in in_redis
    for place in (dump.read_text(), in_redis, caplog.text):
        assert token not in place
        assert hidden not in place
    assert CONTENT not in in_redis


def test_after_all_kinds_of_trouble_no_token_is_on_a_page_in_the_api_in_a_command_or_in_a_mail(
    channel: Destination,
    writer: User,
    sandbox: RunningSandbox,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Django 6 takes plain addresses, and those before it pairs alone.
    admins: list[Any] = ["ada@example.com"] if django.VERSION >= (6, 0) else [("Ada", "ada@example.com")]
    monkeypatch.setattr(settings, "ADMINS", admins)
    caplog.set_level(logging.DEBUG)
    configure("telegram", MAX_RETRIES=0)
    configure("ALERTS", ENABLED=True)
    for mode in MODES:
        sandbox.set_mode("telegram", mode)
        Note.objects.create(owner=writer, text=f"A note {mode}")
    sandbox.set_mode("telegram", "unauthorized")
    services.mend(channel, actor="a test")
    work()
    alerts.send_due()
    wait_until(lambda: bool(mail.outbox), act=alerts.send_due)
    found = {
        "logs": caplog.text,
        "mails": "".join(f"{sent.subject} {sent.body}" for sent in mail.outbox),
        "redis": redis_dump(),
        **seen_by_staff(),
    }
    for words in (["stats"], ["doctor"], ["doctor", "--json"], ["health"]):
        with suppress(SystemExit):
            call_command("syncqueue", *words)
    found["commands"] = "".join(capsys.readouterr())
    secret = sandbox.bot_token.partition(":")[2]
    assert [place for place, text in found.items() if secret in text] == []


def test_in_memory_a_destination_still_knows_its_token(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    stored = Destination.objects.get()
    assert stored.secret == {"token": sandbox.bot_token}
    assert sandbox.bot_token not in stored.secret_text + repr(stored) + str(vars(stored))
    Note.objects.create(owner=writer, text="First")
    assert texts(sandbox) == ["First"]
