"""Acks in batches: each waits for its own batch, and for no other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import fakeredis
import pytest
from syncqueue.execution.acks import AckBuffer

from syncqueue.core.errors import QueueUnavailable
from syncqueue.queue.aio import AsyncSyncQueue
from syncqueue.queue.calls import Calls
from syncqueue.queue.keys import QueueKeys
from tests.contract.drive import OPTIONS, task


class OnceUnanswered(AsyncSyncQueue):
    """Redis does not answer the first ack, and says so after others have come."""

    asked_count = 0

    async def ack(self, *claimed: Any, seconds: Sequence[float] = (), endpoints: Sequence[str] = ()) -> list[bool]:
        self.asked_count += 1
        if self.asked_count == 1:
            for _ in range(3):
                await asyncio.sleep(0)
            raise QueueUnavailable("Redis does not answer.")
        return await super().ack(*claimed, seconds=seconds, endpoints=endpoints)


def open_queue() -> OnceUnanswered:
    calls = Calls(QueueKeys("sync", "telegram"), "site-1", lambda: None)
    client = fakeredis.FakeAsyncRedis(**OPTIONS)
    return OnceUnanswered(client, calls, lease_seconds=60, probe_seconds=60)


def test_acks_that_came_while_another_was_not_answered_are_sent_all_the_same() -> None:
    async def acked() -> list[Any]:
        queue = open_queue()
        await queue.enqueue_many([task(str(number)) for number in range(3)])
        first, *others = (await queue.claim(3)).tasks
        acks = AckBuffer(queue)
        async with asyncio.timeout(5):
            ended = await asyncio.gather(*(acks.ack(one, 1.0, "") for one in (first, *others)), return_exceptions=True)
        return [*ended, (await queue.stats()).processing_count]

    error, *held, left_count = asyncio.run(acked())
    assert isinstance(error, QueueUnavailable)
    assert held == [True, True]
    assert left_count == 1  # the one that was not answered waits for the end of its lease


def test_who_waits_for_acks_that_were_cut_off_is_cut_off_too() -> None:
    async def waiting() -> None:
        queue = open_queue()
        await queue.enqueue_many([task(str(number)) for number in range(2)])
        one, other = (await queue.claim(2)).tasks
        acks = AckBuffer(queue)
        sending = asyncio.create_task(acks.ack(one, 1.0, ""))
        await asyncio.sleep(0)
        late = asyncio.create_task(acks.ack(other, 1.0, ""))
        await asyncio.sleep(0)
        sending.cancel()
        async with asyncio.timeout(5):
            with pytest.raises(asyncio.CancelledError):
                await late

    asyncio.run(waiting())
