"""What syncing costs a save: queries, and Redis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue import site
from syncqueue.models import Destination, SyncRecord
from tests.integration.sync.scene import configure, texts, work

pytestmark = pytest.mark.django_db(transaction=True)

FRAME = ("SAVEPOINT", "RELEASE SAVEPOINT", "BEGIN", "COMMIT")


def queries(act: Callable[[], Any]) -> list[str]:
    """The SQL that this thread's connection ran in `act`. The stamp has just been read, as most saves find it."""
    site.forget()
    site.stamp()
    with CaptureQueriesContext(connection) as captured:
        act()
    return [query["sql"] for query in captured.captured_queries]


def without_frame(sqls: list[str]) -> list[str]:
    """The statements without those of transactions and savepoints."""
    return [sql for sql in sqls if not sql.startswith(FRAME)]


def verbs(sqls: list[str]) -> list[str]:
    """The first word of each statement."""
    return [sql.split()[0] for sql in without_frame(sqls)]


def in_transaction(act: Callable[[], Any]) -> Callable[[], Any]:
    """`act` inside of a transaction."""

    def acted() -> Any:
        with transaction.atomic():
            return act()

    return acted


@pytest.fixture
def warm(writer: User) -> User:
    """Somebody whose first save is over: what a process reads once, it has read."""
    Note.objects.create(owner=writer, text="Warm")
    return writer


def test_switched_off_a_save_makes_no_query_more(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    configure(ENABLED=False)

    def save() -> None:
        Note.objects.create(owner=writer, text="Plain")

    assert verbs(queries(save)) == ["INSERT"]
    assert [sql.split()[0] for sql in queries(in_transaction(save))] == ["BEGIN", "INSERT", "COMMIT"]
    assert not SyncRecord.objects.exists()


def test_switched_off_no_redis_is_asked(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    configure(ENABLED=False)
    note = Note.objects.create(owner=writer, text="Plain")
    note.save()
    note.delete()
    with redis.Redis.from_url(settings.SYNCQUEUE["REDIS"]) as client:
        assert client.dbsize() == 0
    assert sandbox.log() == []


def test_what_was_saved_while_switched_off_is_found_by_the_sweep(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure(ENABLED=False)
    Note.objects.create(owner=writer, text="Plain")
    configure(ENABLED=True)
    work()
    assert texts(sandbox) == ["Plain"]


@pytest.mark.parametrize("frame", [lambda act: act, in_transaction], ids=["autocommit", "atomic"])
def test_without_a_destination_a_save_reads_once_and_writes_nothing(
    warm: User, frame: Callable[[Callable[[], Any]], Callable[[], Any]]
) -> None:
    assert verbs(queries(frame(lambda: Note.objects.create(owner=warm, text="Plain")))) == ["INSERT", "SELECT"]


@pytest.mark.parametrize("frame", [lambda act: act, in_transaction], ids=["autocommit", "atomic"])
def test_with_one_destination_a_save_makes_two_queries_more(
    channel: Destination, warm: User, frame: Callable[[Callable[[], Any]], Callable[[], Any]]
) -> None:
    sqls = queries(frame(lambda: Note.objects.create(owner=warm, text="Plain")))
    assert verbs(sqls) == ["INSERT", "SELECT", "INSERT"]
    assert sum(sql.startswith("SAVEPOINT") for sql in sqls) <= 1


def test_a_save_of_an_unregistered_model_makes_no_query_more(channel: Destination, warm: User) -> None:
    assert verbs(queries(lambda: User.objects.create(username="reader"))) == ["INSERT"]
