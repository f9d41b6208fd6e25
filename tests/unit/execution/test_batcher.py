"""Calls that share a round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from syncqueue.execution.batcher import Batcher


class Service:
    """Doubles numbers, one batch at a time, when it is told to; a batch with a 13 fails."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = asyncio.Semaphore(0)

    async def send(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        await self.go.acquire()
        if 13 in numbers:
            raise OSError("The line was cut.")
        return [2 * number for number in numbers]


@pytest.fixture(autouse=True)
def own_site() -> None:
    """No site: this is pure."""


async def begin(call: Batcher[int, int], number: int) -> asyncio.Task[int]:
    """A call that has reached the batcher."""
    task = asyncio.ensure_future(call(number))
    for _ in range(3):
        await asyncio.sleep(0)
    return task


def test_what_arrives_during_a_call_leaves_together_with_the_next() -> None:
    async def main() -> None:
        service = Service()
        call = Batcher(service.send)
        tasks = [await begin(call, number) for number in (1, 2, 3)]
        service.go.release()
        service.go.release()
        assert await asyncio.gather(*tasks) == [2, 4, 6]
        assert service.batches == [[1], [2, 3]]

    asyncio.run(main())


def test_a_call_that_fails_fails_for_its_batch_alone_and_those_that_wait_go_on() -> None:
    async def main() -> None:
        service = Service()
        call = Batcher(service.send)
        first, second = await begin(call, 13), await begin(call, 2)
        service.go.release()
        service.go.release()
        with pytest.raises(OSError, match="cut"):
            await first
        assert await asyncio.wait_for(second, 30) == 4

    asyncio.run(main())


def test_a_caller_that_is_cancelled_takes_nobody_with_it() -> None:
    async def main() -> None:
        service = Service()
        call = Batcher(service.send)
        first, second = await begin(call, 1), await begin(call, 2)
        first.cancel()
        service.go.release()
        service.go.release()
        assert await asyncio.wait_for(second, 30) == 4
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(main())
