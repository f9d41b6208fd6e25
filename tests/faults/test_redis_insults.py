"""One worker and one web process through everything that can happen to a Redis; and a line that loses answers."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import redis

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.channel import posted
from tests.faults.conftest import SiteMaker
from tests.faults.site import ALL_EMPTY, SCRIPT_SECONDS, Site
from tests.line import Line, line_to
from tests.redis_server import RedisServer

# A web process that saves a note each time it is told to.
SAVER = """
    from pathlib import Path
    folder = Path({folder!r})
    for n in range({count}):
        while not (folder / f"save-{{n}}").exists():
            time.sleep(0.02)
        save(f"Note {{n}}")
        (folder / f"saved-{{n}}").touch()
"""
FILLING = 150  # keys that a server reads for three seconds
LOSSES = 20
LINE_NOTES = 15


@contextmanager
def hanging(server: RedisServer) -> Iterator[None]:
    """It takes connections and answers nothing."""
    server.pause()
    yield
    server.resume()


@contextmanager
def killed(server: RedisServer) -> Iterator[None]:
    """It is gone, and comes back with its file."""
    server.kill()
    yield
    server.start()


@contextmanager
def emptied(server: RedisServer) -> Iterator[None]:
    """It is gone, and comes back without anything."""
    server.kill()
    yield
    server.start(empty=True)


@contextmanager
def forgetful(server: RedisServer) -> Iterator[None]:
    """It has forgotten the scripts."""
    with redis.Redis.from_url(server.url) as client:
        client.script_flush()
    yield


@contextmanager
def throwing_out(server: RedisServer) -> Iterator[None]:
    """It has closed every connection."""
    with redis.Redis.from_url(server.url) as client:
        client.client_kill_filter(_type="normal", skipme=True)
    yield


@contextmanager
def read_only(server: RedisServer) -> Iterator[None]:
    """It is a replica of a server that is away."""
    with redis.Redis.from_url(server.url) as client:
        client.replicaof("127.0.0.1", 1)
        yield
        client.replicaof("no", "one")


@contextmanager
def full(server: RedisServer) -> Iterator[None]:
    """It takes no more (maxmemory, noeviction)."""
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory", "1")
        yield
        client.config_set("maxmemory", "0")


@contextmanager
def locked(server: RedisServer) -> Iterator[None]:
    """It has a password that nobody was told of."""
    with redis.Redis.from_url(server.url) as client:
        client.config_set("requirepass", "another")
        client.client_kill_filter(_type="normal", skipme=True)
        yield
        client.config_set("requirepass", "")


@contextmanager
def loading(server: RedisServer) -> Iterator[None]:
    """It reads a long file after its start, and says so to everybody (LOADING)."""
    with redis.Redis.from_url(server.url) as client:
        # Nothing that could be compressed: the server answers between two pieces of the file alone.
        client.mset({f"filling:{n}": secrets.token_hex(1024) for n in range(FILLING)})
        client.bgrewriteaof()
        eventually(lambda: _is_rewritten(client))
    server.kill()
    server.start(options=["--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024"])
    with redis.Redis.from_url(server.url) as client, pytest.raises(redis.exceptions.BusyLoadingError):
        client.get("filling:0")
    yield
    with redis.Redis.from_url(server.url) as client:
        eventually(lambda: _is_loaded(client))


INSULTS: list[Callable[[RedisServer], AbstractContextManager[None]]] = [
    forgetful, throwing_out, full, read_only, locked, killed, loading, hanging, emptied,
]  # fmt: skip


def test_one_worker_and_one_web_process_outlive_all_that_happens_to_redis(
    make_site: SiteMaker, own_redis_server: RedisServer, sandbox: RunningSandbox
) -> None:
    site = make_site(own_redis_server.url)
    worker = site.worker()
    web = site.start(SAVER.format(folder=str(site.folder), count=len(INSULTS)))

    for n, insult in enumerate(INSULTS):
        with insult(own_redis_server):
            (site.folder / f"save-{n}").touch()
            eventually(lambda n=n: _is_saved(site, n))  # type: ignore[misc]
        site.make_records_old()
        eventually(lambda n=n: _are_out(site, sandbox, n + 1))  # type: ignore[misc]

    assert web.wait(SCRIPT_SECONDS) == 0
    assert worker.poll() is None


def test_a_redis_restored_from_an_older_copy_loses_nothing_and_repeats_nothing(
    make_site: SiteMaker, own_redis_server: RedisServer, sandbox: RunningSandbox
) -> None:
    site = make_site(own_redis_server.url)
    site.script("with syncqueue.queued(): [save(f'Note {n}') for n in range(3)]")
    own_redis_server.stop()
    data, copy = own_redis_server.folder, site.folder / "copy"
    shutil.copytree(data, copy)
    own_redis_server.start()
    assert site.manage("runsyncworker", "--burst") == 0
    site.script("with syncqueue.queued(): save('Note 3')")
    own_redis_server.kill()
    shutil.rmtree(data)
    shutil.copytree(copy, data)
    own_redis_server.start()
    assert len(site.tasks()["pending"]) == 3
    site.make_records_old()

    site.worker()

    eventually(lambda: _are_out(site, sandbox, 4))


def test_over_a_line_that_loses_answers_each_note_goes_out_once_and_no_worker_is_blamed(
    make_site: SiteMaker, own_redis_server: RedisServer, sandbox: RunningSandbox
) -> None:
    with line_to(own_redis_server.port) as line:
        site = make_site(own_redis_server.url)
        site.script(f"with syncqueue.queued(): [save(f'Note {{n}}') for n in range({LINE_NOTES})]")
        line.delay_seconds = 0.02
        site.worker("--concurrency", "2", REDIS_URL=line.url)
        losing = _Losing(line)

        eventually(lambda: losing.until(lambda: _are_out(site, sandbox, LINE_NOTES)))

        assert losing.left < LOSSES
        assert "worker crashed" not in site.logs()


def test_after_a_half_open_connection_the_worker_goes_on(
    make_site: SiteMaker, own_redis_server: RedisServer, sandbox: RunningSandbox
) -> None:
    with line_to(own_redis_server.port) as line:
        site = make_site(own_redis_server.url)
        site.worker(REDIS_URL=line.url)
        eventually(lambda: _is_working(site))
        line.silent = True  # what was connected stays so, and says nothing
        site.script("with syncqueue.queued(): save('Note 0')")
        eventually(lambda: _has_noticed(site))

        line.silent = False

        eventually(lambda: _are_out(site, sandbox, 1))


class _Losing:
    """Lets a line lose an answer now and then."""

    def __init__(self, line: Line) -> None:
        self.left = LOSSES
        self._line = line

    def until(self, check: Callable[[], None]) -> None:
        if self.left and self._line.losing == 0:
            self.left -= 1
            self._line.losing = 1
        check()


def _is_saved(site: Site, n: int) -> None:
    assert (site.folder / f"saved-{n}").exists(), site.logs()[-2000:]


def _is_rewritten(client: redis.Redis) -> None:
    state = client.info("persistence")
    assert not (state["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"])


def _is_loaded(client: redis.Redis) -> None:
    assert not client.info("persistence")["loading"]


def _is_working(site: Site) -> None:
    assert "Working on" in site.logs()


def _has_noticed(site: Site) -> None:
    assert "waiting for it" in site.logs() or "will be tried again" in site.logs()


def _are_out(site: Site, sandbox: RunningSandbox, count: int) -> None:
    assert site.states() == ["synced"] * count
    assert posted(sandbox) == {f"Note {n}": 1 for n in range(count)}
    assert site.tasks() == ALL_EMPTY
