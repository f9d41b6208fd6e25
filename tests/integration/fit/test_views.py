"""Saves in views: async ones under ASGI (in-process and under uvicorn), and Django REST framework's."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
import uvicorn
from django.core.asgi import get_asgi_application
from django.test import AsyncClient
from rest_framework.test import APIClient

from project.sandbox.testing import RunningSandbox
from syncqueue.models import RecordState, SyncRecord
from tests.eventually import eventually
from tests.fitapp.models import Plain
from tests.integration.sync.scene import configure, texts

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("channel")]


@pytest.fixture
def uvicorn_url(channel: object) -> Iterator[str]:
    """The site under uvicorn, on an event loop in a thread of this process, so that it has the test's database."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = uvicorn.Server(uvicorn.Config(get_asgi_application(), log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def test_a_save_in_an_async_view_is_out_when_the_view_has_answered(sandbox: RunningSandbox) -> None:
    answer = asyncio.run(AsyncClient().post("/async/", {"text": "From a coroutine"}))

    assert answer.status_code == 201
    assert texts(sandbox) == ["From a coroutine"]


def test_a_save_in_an_async_view_under_uvicorn_is_out_when_the_view_has_answered(
    sandbox: RunningSandbox, uvicorn_url: str
) -> None:
    answer = httpx.post(f"{uvicorn_url}/async/", data={"text": "From uvicorn"}, trust_env=False, timeout=120)

    assert answer.status_code == 201
    assert texts(sandbox) == ["From uvicorn"]


def test_an_async_view_answers_while_the_service_hangs(sandbox: RunningSandbox, uvicorn_url: str) -> None:
    configure("IMMEDIATE", TIMEOUT_SECONDS=1)
    sandbox.set_mode("telegram", "hang")  # it answers once the switch turns

    answer = httpx.post(f"{uvicorn_url}/async/", data={"text": "Later"}, trust_env=False, timeout=120)

    assert answer.status_code == 201
    sandbox.set_mode("telegram", "up")

    def look() -> None:
        assert SyncRecord.objects.get().state == RecordState.SYNCED
        assert texts(sandbox) == ["Later"]

    eventually(look)


def test_django_rest_framework_creates_changes_and_deletes(sandbox: RunningSandbox) -> None:
    machine = APIClient()
    made = machine.post("/rest/plain/", {"text": "First"}).json()
    assert texts(sandbox) == ["First"]

    machine.patch(f"/rest/plain/{made['id']}/", {"text": "Second"})
    assert texts(sandbox) == ["Second"]

    machine.delete(f"/rest/plain/{made['id']}/")
    assert texts(sandbox) == []
    assert not Plain.objects.exists()
