"""Bytes of pictures are bounded over all attempts of a process."""

from __future__ import annotations

import asyncio

import pytest

from syncqueue.handlers.budget import ByteBudget


def test_what_does_not_fit_waits_its_turn_and_never_more_than_the_budget_is_out() -> None:
    held, most, order = 0, 0, []

    async def use(budget: ByteBudget, number: int, size: int) -> None:
        nonlocal held, most
        async with budget.reserve(size):
            order.append(number)
            held += size
            most = max(most, held)
            await asyncio.sleep(0)
            held -= size

    async def main() -> None:
        budget = ByteBudget(10)
        await asyncio.gather(*(use(budget, number, 4) for number in range(7)))

    asyncio.run(main())
    assert most == 8
    assert order == list(range(7))


def test_what_turns_out_smaller_lets_the_next_begin_at_once() -> None:
    async def main() -> None:
        budget = ByteBudget(10)
        async with budget.reserve(10) as memory:
            next_one = asyncio.ensure_future(budget.reserve(5).__aenter__())
            await asyncio.sleep(0)
            assert not next_one.done()
            memory.shrink(5)
            await asyncio.wait_for(next_one, 5)

    asyncio.run(main())


def test_one_larger_than_the_budget_takes_all_of_it() -> None:
    async def main() -> None:
        async with ByteBudget(10).reserve(1_000) as memory:
            assert memory.size == 10

    asyncio.run(main())


def test_one_that_was_cut_off_while_it_waited_holds_nothing() -> None:
    async def main() -> None:
        budget = ByteBudget(10)
        async with budget.reserve(10):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01), budget.reserve(10):
                    pass
        async with asyncio.timeout(5), budget.reserve(10):
            pass

    asyncio.run(main())
