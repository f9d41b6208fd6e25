"""What the tests of syncing do again and again: make channels, look into them, let a worker work."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue import get_queue
from syncqueue.execution.database import DatabaseThreads
from syncqueue.models import Destination, SyncRecord
from syncqueue.queue import SyncQueue
from syncqueue.queue.inspect import HoldView
from syncqueue.sources import same_place
from syncqueue.sources.intents import record_task_id
from syncqueue.worker.worker import Worker
from tests.eventually import eventually


def make_destination(sandbox: RunningSandbox, address: str = "@news", **values: Any) -> Destination:
    """A channel of the sandbox, by default for all notes of the site."""
    row = Destination(**{"name": address, "service": "telegram", "address": address, **values})
    row.secret = {"token": sandbox.bot_token}
    row.save()
    return row


def texts(sandbox: RunningSandbox, chat: str = "@news") -> list[str]:
    """What a visitor of the channel reads, in order."""
    return [message.get("text") or message["caption"] for message in sandbox.messages(chat)]


def post_as_before(sandbox: RunningSandbox, text: str, chat: str = "@news") -> str:
    """The site's former program posts with the same bot; returns the message's number."""
    url = f"{sandbox.telegram_url}/bot{sandbox.bot_token}/sendMessage"
    answer = httpx.post(url, json={"chat_id": chat, "text": text}, trust_env=False)
    return str(answer.raise_for_status().json()["result"]["message_id"])


def methods(sandbox: RunningSandbox) -> list[str]:
    """The methods that were called, in order."""
    return [entry["method"] for entry in sandbox.log()]


def configure(part: str = "", /, **values: Any) -> None:
    """Change some settings of this test; `part` is one of the inner dicts, "telegram" the service's."""
    now = settings.SYNCQUEUE
    if part == "telegram":
        values = {"HANDLERS": {"telegram": {**now["HANDLERS"]["telegram"], **values}}}
    elif part:
        values = {part: {**now.get(part, {}), **values}}
    # Enabled for good: the `settings` fixture of the test puts back what was there before.
    override_settings(SYNCQUEUE={**now, **values}).enable()


def queue() -> SyncQueue:
    """The queue of telegram."""
    return get_queue("telegram")


def hold_names() -> list[str]:
    """The holds that are set and not lifted yet."""
    return [hold.name for hold in holds()]


def holds() -> list[HoldView]:
    """The holds that are set and not lifted yet."""
    return [hold for hold in queue().holds() if not hold.lifted]


def record_of(note: Note) -> SyncRecord:
    """The one record of a note."""
    return SyncRecord.objects.get(source="notes.note", object_pk=str(note.pk))


def task_of(note: Note) -> Any:
    """The task of a note's one record as the queue shows it, or None."""
    return queue().get(record_task_id(record_of(note).pk))


def work(**options: Any) -> None:
    """Let a worker do all that can be done now."""
    asyncio.run(Worker(burst=True, **options).run())


def wait_until(holds_true: Callable[[], bool], *, act: Callable[[], Any] = lambda: None) -> None:
    """Wait until something is so; `act` is done before each look."""

    def check() -> None:
        act()
        assert holds_true(), "It did not become so in time."

    eventually(check)


def search_nothing(channel: Destination) -> None:
    """Of lost answers nothing can be found out at this destination, as at a service that cannot be asked."""
    channel.options = {"find_lost": False}
    channel.save()


def work_until(holds_true: Callable[[], bool], **options: Any) -> None:
    """Let workers work until something is so."""
    wait_until(holds_true, act=lambda: work(**options))


def count_queries(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the queries of attempts; the last figure is the current round's."""
    counts = [0]
    real = DatabaseThreads._work

    def counting(self: DatabaseThreads, work: Any, *args: Any, **kwargs: Any) -> Any:
        with CaptureQueriesContext(connections["default"]) as captured:
            answer = real(self, work, *args, **kwargs)
        if work.__module__ in ("syncqueue.execution.prepare", "syncqueue.sources.records"):
            counts[-1] += len(captured.captured_queries)
        return answer

    monkeypatch.setattr(DatabaseThreads, "_work", counting)
    # What is remembered for some seconds is asked for in the first round alone, however long each takes.
    monkeypatch.setattr(same_place, "KEEP_SECONDS", math.inf)
    return counts
