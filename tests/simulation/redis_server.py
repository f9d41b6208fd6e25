"""Redis, as far as the system can tell: fakeredis with the real scripts, behind a line that loses and delays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files
from typing import Any

import fakeredis
import redis
from fakeredis.commands_mixins import scripting_mixin

from syncqueue.queue import calls
from tests.contract.invariants import dump
from tests.simulation.instead import Clocks
from tests.simulation.kernel import Event, Process, Simulation

_SCRIPTS = tuple(
    path.name.removesuffix(".lua")
    for path in (files("syncqueue.queue") / "scripts").iterdir()
    if path.name.endswith(".lua") and not path.name.startswith("_")
)


@dataclass(frozen=True, slots=True)
class ScriptCall:
    """A script on its way."""

    name: str
    first_key: str  # "sync:{plain}:queue"
    args: tuple[str, ...]  # ARGV


class _Compiled:
    """A Lua runtime that compiles each script once and collects garbage when it likes: half the time of a script."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime
        self._chunks: dict[Any, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)

    def execute(self, script: Any) -> Any:
        if script == "collectgarbage()":
            return None
        if script not in self._chunks:
            self._chunks[script] = self._runtime.compile(script)
        return self._chunks[script]()


class RedisServer:
    """The server, and its faults."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.clocks: Clocks | None = None
        self.clock_ahead = 0.0
        self._fake = fakeredis.FakeServer()
        self.raw = fakeredis.FakeRedis(server=self._fake, decode_responses=True, encoding_errors="backslashreplace")
        self.raw.eval("return 1", 0)  # makes the runtime
        self._fake._lua_runtime = _Compiled(self._fake._lua_runtime)
        # Looks for global variables before each command of a script, which real servers do in tests/contract.
        scripting_mixin._check_for_lua_globals = lambda *_: None
        self.is_down = False
        self.slow_seconds = 0.0  # added to each way
        self.lost_requests = self.lost_answers = 0.0  # the chance of each call
        # The next worker that is about to call this script stands still for so many seconds first.
        self.traps: list[tuple[str, float]] = []
        self._blocked: list[_Blocked] = []
        self.call_count = 0
        self.extended_at: dict[str, float] = {}  # by token: when its holder's loop asked for it last
        # Looks on before each command; what it returns looks on afterwards, and is given the answer.
        self.watch: Callable[[ScriptCall | None], Callable[[Any], None]] = lambda call: lambda answer: None
        self._names = {calls.script(name).sha: name for name in _SCRIPTS}

    def at_work(self, work: Callable[[], Any]) -> Any:
        """Do something with the server's clock."""
        assert self.clocks is not None
        before, self.clocks.server_ahead = self.clocks.server_ahead, self.clock_ahead
        try:
            return work()
        finally:
            self.clocks.server_ahead = before

    def execute(self, name: str, args: tuple[Any, ...]) -> Any:
        """Carry out a command; returns its answer, or the error that it was refused with."""
        self.call_count += 1
        call = self._script_of(name, args)
        compare = self.watch(call)
        try:
            answer = self.at_work(lambda: getattr(self.raw, name)(*args))
        except redis.RedisError as error:
            answer = error
        else:
            compare(answer)
        self._serve_blocked()
        return answer

    def note_extension(self, name: str, args: tuple[Any, ...]) -> None:
        """A loop asks whether it still has leases, before it begins."""
        call = self._script_of(name, args)
        if call is not None and call.name == "extend":
            for line in call.args[-1].splitlines():
                self.extended_at[line.split()[1]] = self.simulation.now

    def spring(self, process: Process, name: str, args: tuple[Any, ...]) -> bool:
        """Whether a process is about to call a script that it is to stand still before."""
        if not self.traps or not process.name.startswith("worker"):
            return False
        call = self._script_of(name, args)
        trap = next((one for one in self.traps if call is not None and one[0] == call.name), None)
        if trap is None:
            return False
        self.traps.remove(trap)
        self.simulation.note(f"stands still for {trap[1]:.0f} s before {trap[0]}")
        process.freeze(trap[1])
        return True

    def _script_of(self, name: str, args: tuple[Any, ...]) -> ScriptCall | None:
        if name not in ("evalsha", "eval"):
            return None
        script = self._names.get(args[0]) or self._names.get(sha1(str(args[0]).encode()).hexdigest())  # noqa: S324
        if script is None:
            return None
        first = 2 + int(args[1])
        return ScriptCall(script, str(args[2]), tuple(map(str, args[first:])))

    def has(self, key: str) -> bool:
        """Whether a key is there; costs next to nothing."""
        return key.encode() in self._fake.dbs[0]

    def block(self, blocked: _Blocked) -> None:
        """Wait for an element of a list."""
        self._blocked.append(blocked)
        self._serve_blocked()
        self.simulation.after(blocked.seconds, lambda: self._give_up(blocked))

    def _serve_blocked(self) -> None:
        for blocked in list(self._blocked):
            if not self.has(blocked.key):
                continue
            value = self.at_work(lambda key=blocked.key: self.raw.lpop(key))  # type: ignore[misc]
            if value is not None:
                self._blocked.remove(blocked)
                blocked.answer((blocked.key, value))

    def _give_up(self, blocked: _Blocked) -> None:
        if blocked in self._blocked:
            self._blocked.remove(blocked)
            blocked.answer(None)

    def disconnect(self, process: Process) -> None:
        """A process has died."""
        self._blocked = [one for one in self._blocked if one.process is not process]

    def forget_blocked(self, blocked: _Blocked) -> None:
        """A client has hung up."""
        if blocked in self._blocked:
            self._blocked.remove(blocked)

    @property
    def sleeping_keys(self) -> dict[str, int]:
        """How many clients wait for each key."""
        found: dict[str, int] = {}
        for one in self._blocked:
            found[one.key] = found.get(one.key, 0) + 1
        return found

    # Faults

    def go_down(self) -> None:
        """Refuse all connections from now on; who waited for an answer hears nothing."""
        self.is_down = True
        for blocked in self._blocked:
            blocked.answer(redis.ConnectionError("Connection closed by server."))
        self._blocked = []

    def empty(self) -> None:
        """Lose everything."""
        self.at_work(self.raw.flushall)

    def snapshot(self) -> dict[str, Any]:
        """All that is there now."""
        return self.at_work(lambda: dump(self.raw))  # type: ignore[no-any-return]

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Be as an older copy."""
        self.empty()
        self.at_work(lambda: self._write(snapshot))
        self._serve_blocked()

    def _write(self, snapshot: dict[str, Any]) -> None:
        for key, value in snapshot.items():
            if isinstance(value, str):
                self.raw.set(key, value)
            elif isinstance(value, list):
                self.raw.rpush(key, *value)
            elif all(isinstance(one, float) for one in value.values()):
                self.raw.zadd(key, value)
            else:
                self.raw.hset(key, mapping=value)


class _Blocked:
    def __init__(self, process: Process, key: str, seconds: float, answer: Callable[[Any], None]) -> None:
        self.process, self.key, self.seconds, self.answer = process, key, seconds, answer


class _Line:
    """One client's way to the server."""

    def __init__(self, server: RedisServer, process: Process, timeout: float) -> None:
        self.server, self.process, self.timeout = server, process, timeout
        self.simulation = server.simulation

    def way(self) -> float:
        """How long one way takes now."""
        return (
            self.simulation.random.uniform(0.0001, 0.0008) + self.server.slow_seconds * self.simulation.random.random()
        )

    def send(self, work: Callable[[Callable[[Any], None]], None], answer: Callable[[Any], None]) -> None:
        """Let a request travel; `work` is given what to call with the answer. `answer` may never be called."""
        server, chance = self.server, self.simulation.random.random
        lost_request, lost_answer = chance() < server.lost_requests, chance() < server.lost_answers

        def arrive() -> None:
            if server.is_down:
                answer(redis.ConnectionError("Connection refused."))
            elif not lost_request:
                work(lambda value: None if lost_answer else self._back(value, answer))

        self.simulation.after(self.way(), arrive)

    def _back(self, value: Any, answer: Callable[[Any], None]) -> None:
        self.simulation.after(self.way(), lambda: answer(value))

    def execute(self, name: str, args: tuple[Any, ...]) -> Callable[[Callable[[Any], None]], None]:
        return lambda reply: reply(self.server.execute(name, args))


def _result(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


class SyncClient(_Line):
    """As `redis.Redis`, for threads."""

    def _call(self, name: str, *args: Any) -> Any:
        came, answers = Event(self.simulation), []

        def take(value: Any) -> None:
            answers.append(value)
            came.set()

        self.send(self.execute(name, args), take)
        came.wait(self.timeout)
        if not answers:
            raise redis.TimeoutError("Timeout reading from socket")
        return _result(answers[0])

    def evalsha(self, *args: Any) -> Any:
        return self._call("evalsha", *args)

    def eval(self, *args: Any) -> Any:
        return self._call("eval", *args)

    def close(self) -> None:
        return None


class AsyncClient(_Line):
    """As `redis.asyncio.Redis`."""

    def execute(self, name: str, args: tuple[Any, ...]) -> Callable[[Callable[[Any], None]], None]:
        def work(reply: Callable[[Any], None]) -> None:
            self.server.note_extension(name, args)
            reply(self.server.execute(name, args))

        return work

    async def _ask(self, work: Callable[[Callable[[Any], None]], None], seconds: float) -> Any:
        loop: Any = asyncio.get_running_loop()
        future = loop.create_future()

        def take(value: Any) -> None:
            # Inside of the process: if it stands still, the answer waits for it.
            self.simulation.after(0.0, lambda: None if future.done() else future.set_result(value), loop)

        self.send(work, take)
        try:
            async with asyncio.timeout(seconds):
                return _result(await future)
        except TimeoutError:
            raise redis.TimeoutError("Timeout reading from socket") from None

    async def _call(self, name: str, *args: Any) -> Any:
        if self.server.spring(self.process, name, args):
            await asyncio.sleep(0)  # goes on when the process does
        return await self._ask(self.execute(name, args), self.timeout)

    async def evalsha(self, *args: Any) -> Any:
        return await self._call("evalsha", *args)

    async def eval(self, *args: Any) -> Any:
        return await self._call("eval", *args)

    async def get(self, *args: Any) -> Any:
        return await self._call("get", *args)

    async def hset(self, *args: Any) -> Any:
        return await self._call("hset", *args)

    async def hgetall(self, *args: Any) -> Any:
        return await self._call("hgetall", *args)

    async def hdel(self, *args: Any) -> Any:
        return await self._call("hdel", *args)

    async def blpop(self, keys: list[str], timeout: float) -> Any:  # noqa: ASYNC109
        made: list[_Blocked] = []

        def work(reply: Callable[[Any], None]) -> None:
            if self.process.alive:
                made.append(_Blocked(self.process, keys[0], timeout, reply))
                self.server.block(made[0])

        try:
            return await self._ask(work, timeout + self.timeout)
        finally:
            for one in made:
                self.server.forget_blocked(one)

    async def aclose(self) -> None:
        return None


def make_client(server: RedisServer, process: Process, timeout: float, is_async: bool) -> Any:
    """A client of a process."""
    return (AsyncClient if is_async else SyncClient)(server, process, timeout)
