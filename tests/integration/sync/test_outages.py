"""What people are told of an outage: how long, how many messages waited, and what became of them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.core.task import TaskState
from syncqueue.models import Destination, Rule
from syncqueue.presentation.outages import outage_words
from tests.integration.sync.scene import configure, make_destination, queue, texts, wait_until, work, work_until

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_outage_counts_messages_and_neither_tasks_with_nothing_to_send_nor_probes(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    make_destination(sandbox, "@drafts", rule=Rule.PRIVATE)
    configure("BREAKER", FAILURES=1, OPEN_SECONDS=0.2)
    sandbox.set_mode("telegram", "down")
    for number in range(8):
        Note.objects.create(owner=writer, text=f"Note {number}")
    wait_until(lambda: _probe_count() >= 3, act=work)

    [outage] = services.outages("telegram")
    assert (outage.until_at, outage.waited_count) == (None, 8)
    assert "8 messages waited so far" in outage_words("telegram", outage)
    assert queue().measures().total_retried == 0

    sandbox.set_mode("telegram", "up")
    work_until(lambda: len(texts(sandbox)) == 8)
    wait_until(lambda: queue().stats().delayed_count + queue().stats().pending_count == 0, act=work)
    [outage] = services.outages("telegram")
    assert (outage.waited_count, outage.delivered_count, outage.doubtful_count) == (8, 8, 0)
    assert "8 messages waited: all delivered, 0 doubled." in outage_words("telegram", outage)


def _probe_count() -> int:
    return sum(len(task.progress.history) for task in queue().tasks(TaskState.DELAYED))


def test_an_outage_that_nobody_waited_for_is_not_told(channel: Destination, sandbox: RunningSandbox) -> None:
    endpoint = sandbox.telegram_url.removeprefix("http://")
    queue().record_failure(endpoint, failures=1, open_seconds=0.01, token="t", reason="away")
    wait_until(lambda: not queue().holds(), act=work)
    assert services.outages("telegram") == []
