"""Saves under the servers that sites run: processes that fork, serve on threads, and are replaced all the time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from project.sandbox.testing import RunningSandbox
from tests.eventually import eventually
from tests.faults.channel import posted
from tests.faults.conftest import SiteMaker
from tests.faults.site import ALL_EMPTY, UNHURRIED, Site
from tests.redis_server import free_port

SAVES = 16
AT_ONCE = 4
SERVERS = {
    # Each of its two processes is replaced after about four requests, in the middle of what the others do.
    "gunicorn, prefork": (
        "gunicorn", "project.wsgi", "--preload", "--workers", "2", "--max-requests", "4", "--bind", "{address}",
    ),
    "gunicorn, threads": (
        "gunicorn", "project.wsgi", "--workers", "2", "--threads", "4", "--max-requests", "8", "--bind", "{address}",
    ),
    "gunicorn, gevent": ("gunicorn", "project.wsgi", "--worker-class", "gevent", "--bind", "{address}"),
    "uvicorn": ("uvicorn", "project.asgi:application", "--lifespan", "off", "--host", "127.0.0.1", "--port", "{port}"),
}  # fmt: skip


@pytest.mark.parametrize("name", SERVERS)
def test_what_is_saved_under_this_server_goes_out_once(
    name: str, make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    site = make_site(redis_url, **UNHURRIED)
    url = serve(site, SERVERS[name])
    sandbox.set_mode("telegram", "slow", delay_seconds=0.1)

    with ThreadPoolExecutor(AT_ONCE) as people:
        list(people.map(lambda n: _save(url, f"Note {n}"), range(SAVES)))

    # What a process that was replaced has left behind is a worker's.
    site.worker()
    eventually(lambda: _are_out(site, sandbox, [f"Note {n}" for n in range(SAVES)]))


def test_under_gevent_a_save_leaves_the_sending_to_a_worker(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    site = make_site(redis_url, **UNHURRIED)
    url = serve(site, SERVERS["gunicorn, gevent"])

    _save(url, "Note 0")

    assert len(site.tasks()["pending"]) == 1
    assert posted(sandbox) == {}
    site.worker()
    eventually(lambda: _are_out(site, sandbox, ["Note 0"]))


def test_a_process_that_forks_after_its_first_save_goes_on_on_both_sides(
    make_site: SiteMaker, redis_url: str, sandbox: RunningSandbox
) -> None:
    site = make_site(redis_url, **UNHURRIED, SYNCQUEUE_IMMEDIATE={"TIMEOUT_SECONDS": 20})
    site.script(
        """
        import os
        from django.db import connections
        save("Before")
        connections.close_all()  # as every server does that forks
        child = os.fork()
        save("In the parent" if child else "In the child")
        if child:
            os.waitpid(child, 0)
        """
    )

    eventually(lambda: _are_out(site, sandbox, ["Before", "In the parent", "In the child"]))


def serve(site: Site, command: Sequence[str]) -> str:
    port = free_port()
    address = f"127.0.0.1:{port}"
    site.module(*(part.format(address=address, port=port) for part in command))
    eventually(lambda: _answers(f"http://{address}"))
    return f"http://{address}"


def _answers(url: str) -> None:
    try:
        httpx.get(f"{url}/", trust_env=False, timeout=10)
    except httpx.TransportError as error:
        raise AssertionError(str(error)) from None


def _save(url: str, text: str) -> None:
    answer = httpx.get(f"{url}/save/", params={"text": text}, trust_env=False, timeout=30)
    assert answer.text == "saved"


def _are_out(site: Site, sandbox: RunningSandbox, notes: list[str]) -> None:
    assert posted(sandbox) == dict.fromkeys(notes, 1)
    assert site.states() == ["synced"] * len(notes)
    assert site.tasks() == ALL_EMPTY
