"""Blocking calls on threads: what they return and raise, how many run at once, and that no process waits for them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from syncqueue.outbound import threads
from syncqueue.outbound.threads import HandlerThreads

HANGING = """
import asyncio, threading
from syncqueue.outbound.threads import HandlerThreads

begun = threading.Event()

def hang():
    begun.set()
    threading.Event().wait(60)

loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
asyncio.run_coroutine_threadsafe(HandlerThreads("manticore").run(hang), loop)
begun.wait(10)
print("the script is over")
"""


def test_a_call_returns_and_raises_as_if_it_were_made_here() -> None:
    async def main() -> None:
        pool = HandlerThreads("x")
        assert await pool.run(divmod, 7, 2) == (3, 1)
        assert (await pool.run(threading.current_thread)).name == "syncqueue-x"
        with pytest.raises(ZeroDivisionError):
            await pool.run(divmod, 7, 0)
        with pytest.raises(RuntimeError, match="StopIteration"):
            await pool.run(next, iter(()))

    asyncio.run(main())


def test_a_process_that_ends_does_not_wait_for_a_call_that_hangs() -> None:
    done = subprocess.run([sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "the script is over\n"
    assert done.stderr == ""


def test_so_many_calls_run_at_once_and_a_cut_off_one_gives_its_thread_back_when_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "THREAD_COUNT", 1)

    async def main() -> None:
        pool, go_on, made = HandlerThreads("x"), threading.Event(), []
        first = asyncio.create_task(pool.run(go_on.wait, 10))
        waiting = asyncio.create_task(pool.run(made.append, "never"))
        second = asyncio.create_task(pool.run(made.append, "second"))
        await asyncio.sleep(0)
        first.cancel()
        waiting.cancel()
        await asyncio.gather(first, waiting, return_exceptions=True)
        assert made == []
        go_on.set()
        await second
        assert made == ["second"]

    asyncio.run(main())


def test_a_call_that_waits_when_the_handler_is_closed_is_never_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "THREAD_COUNT", 1)

    async def main() -> None:
        pool, go_on, made = HandlerThreads("x"), threading.Event(), []
        first = asyncio.create_task(pool.run(go_on.wait, 10))
        waiting = asyncio.create_task(pool.run(made.append, "never"))
        await asyncio.sleep(0)
        pool.close()
        go_on.set()
        assert await first is True
        with pytest.raises(RuntimeError, match="was closed"):
            await waiting
        assert made == []
        await pool.run(made.append, "later")
        assert made == ["later"]

    asyncio.run(main())
