"""Connections to PostgreSQL: a small pool is enough, and none idles in a web process. Not collected on SQLite."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.dispatch import immediate
from syncqueue.execution.database import DatabaseThreads
from syncqueue.models import Destination, SyncRecord
from tests.eventually import eventually
from tests.integration.sync.conftest import forget_all
from tests.integration.sync.scene import configure, texts

pytestmark = pytest.mark.django_db(transaction=True)

IDLE = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@contextmanager
def pool_of(size: int) -> Iterator[None]:
    """The site's database with a pool of so many connections."""
    database = connections.settings["default"]
    before = database["OPTIONS"]
    connections.close_all()
    database["OPTIONS"] = {**before, "pool": {"min_size": 1, "max_size": size, "timeout": 20}}
    connection.settings_dict["OPTIONS"] = database["OPTIONS"]
    try:
        yield
    finally:
        forget_all()
        connections.close_all()
        connection.close_pool()
        database["OPTIONS"] = connection.settings_dict["OPTIONS"] = before


def in_requests(count: int, work: Any) -> None:
    """Do something in so many requests at once: each thread gives its connection back at the end, as Django does."""

    def request(number: int) -> None:
        try:
            work(number)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=request, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_with_a_small_pool_saves_at_once_go_out_and_the_site_goes_on(
    channel: Destination, writer: User, sandbox: RunningSandbox, size: int
) -> None:
    configure("IMMEDIATE", TIMEOUT_SECONDS=2.0)  # a request holds its connection for as long as it waits
    with pool_of(size):
        connections.close_all()
        for round_number in range(3):
            in_requests(4, lambda n, r=round_number: Note.objects.create(text=f"Note {r}.{n}", owner_id=writer.pk))
        # Nothing of ours holds a connection: as many requests as the pool has go through at once.
        barrier = threading.Barrier(size)

        def look(_: int) -> None:
            assert Note.objects.count() == 12
            barrier.wait(10)

        immediate.immediate_loop().drain(20)
        in_requests(size, look)
        eventually(lambda: _assert_all_went_out(sandbox))
        connections.close_all()


def _assert_all_went_out(sandbox: RunningSandbox) -> None:
    # What no connection was free for in time waits for a worker; nothing is lost, and nothing twice.
    waiting = SyncRecord.objects.exclude(state="synced").count()
    assert len(texts(sandbox)) + waiting == 12
    assert len(set(texts(sandbox))) == len(texts(sandbox)) > 0


def test_without_a_pool_no_connection_idles_in_a_web_process(channel: Destination, writer: User) -> None:
    def idle() -> int:
        with connection.cursor() as cursor:
            cursor.execute(IDLE)
            return int(cursor.fetchone()[0])

    before = idle()
    for number in range(4):
        Note.objects.create(text=f"Note {number}", owner=writer)

    def gone() -> None:
        assert idle() <= before

    eventually(gone)


def test_a_worker_with_a_pool_gives_its_connections_back_too() -> None:
    with pool_of(2), ExitStack() as stack:
        database = DatabaseThreads(4)
        stack.callback(database.close)

        async def work() -> list[int]:
            return list(await asyncio.gather(*(database.run(Note.objects.count) for _ in range(12))))

        assert asyncio.run(work()) == [0] * 12
        assert Note.objects.count() == 0  # this thread is given one
