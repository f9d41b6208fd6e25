"""Tokens are nowhere to be read, after everything that can go wrong."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.models import Destination, SyncRecord
from tests.integration.sync.scene import configure, texts, work

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


def test_in_memory_a_destination_still_knows_its_token(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    stored = Destination.objects.get()
    assert stored.secret == {"token": sandbox.bot_token}
    assert sandbox.bot_token not in stored.secret_text + repr(stored) + str(vars(stored))
    Note.objects.create(owner=writer, text="First")
    assert texts(sandbox) == ["First"]
