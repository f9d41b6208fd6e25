"""What a request asks a service for has an end, and each owner asks once at a time."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from django.contrib.auth.models import User

from syncqueue import services
from syncqueue.core.errors import HandlerError, Unavailable
from syncqueue.models import Destination
from syncqueue.services import deadline
from tests.eventually import eventually
from tests.hostile.conftest import TOKEN

pytestmark = pytest.mark.shapes

SECONDS = 0.5


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A shorter deadline; at the end nothing is running."""
    monkeypatch.setattr(deadline, "REQUEST_SECONDS", SECONDS)
    yield
    eventually(lambda: _assert_idle())


def _assert_idle() -> None:
    assert not deadline._busy


def stored(service: str, address: str, owner: User | None = None, **secret: str) -> Destination:
    row = Destination(name="place", service=service, address=address, owner=owner)
    row.secret = secret or {"token": TOKEN}
    row.save()
    return row


@pytest.fixture
def trickle(settings: Any) -> Iterator[str]:
    """A receiver that sends one byte of a header every while, for ever; its "host:port"."""
    stopped = threading.Event()

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client = listener.accept()[0]
                threading.Thread(target=answer, args=(client,), daemon=True).start()

    def answer(client: socket.socket) -> None:
        with closing(client), suppress(OSError):
            client.sendall(b"HTTP/1.1 200 OK\r\nX-Wait: ")
            while not stopped.wait(0.05):
                client.sendall(b"x")

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        handlers = settings.SYNCQUEUE["HANDLERS"]
        telegram = {"OPTIONS": {"API_BASE_URL": f"http://{host}"}}
        settings.SYNCQUEUE = {
            **settings.SYNCQUEUE,
            "HANDLERS": {**handlers, "webhook": {}, "telegram": telegram},
            "ALLOWED_PRIVATE_HOSTS": [host],
        }
        yield host
        stopped.set()


SECRETS = {
    "webhook": {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    "mastodon": {"access_token": "x" * 43},
    "telegram": {"token": "123456789:AAF-a_token_of_telegram_has_this_form"},
}


@pytest.mark.parametrize("call", [services.check_destination, services.send_test])
@pytest.mark.parametrize("service", list(SECRETS))
def test_a_receiver_that_trickles_does_not_hold_the_request(service: str, call: Any, trickle: str) -> None:
    address = "@news" if service == "telegram" else f"http://{trickle}"
    row = stored(service, address, **SECRETS[service])
    with pytest.raises(Unavailable, match=r"No answer within 0\.5 s"):
        call(row)


def test_finding_places_has_an_end_too(trickle: str) -> None:
    with pytest.raises(Unavailable, match=r"No answer within 0\.5 s"):
        services.find_places("telegram", SECRETS["telegram"])


@pytest.mark.parametrize("address", ["waits.example:443", "blocks.example:443"])
def test_a_handler_that_hangs_or_blocks_does_not_hold_the_request(address: str) -> None:
    with pytest.raises(Unavailable, match=r"No answer within 0\.5 s"):
        services.check_destination(stored("hangs", address))


def test_an_owner_has_one_test_at_a_time_and_others_are_not_kept_waiting(writer: User) -> None:
    other = User.objects.create_user("other")
    release, began = threading.Event(), threading.Event()

    async def wait() -> str:
        began.set()
        await asyncio.to_thread(release.wait, 30)
        return "over"

    async def at_once() -> str:
        return "at once"

    found: list[str] = []
    owner = str(writer.pk)
    deadline.REQUEST_SECONDS = 30.0
    first = threading.Thread(target=lambda: found.append(deadline.within_deadline(wait, owner=owner)))
    first.start()
    try:
        assert began.wait(30)
        with pytest.raises(HandlerError, match="still running"):
            services.check_destination(stored("elsewhere", "good.example:443", writer))
        assert services.check_destination(stored("elsewhere", "good.example:443", other)) == "All is well there."
    finally:
        release.set()
        first.join()
    assert found == ["over"]
    assert services.check_destination(stored("elsewhere", "good.example:443", writer)) == "All is well there."


def test_a_call_that_blocks_counts_until_it_is_over(writer: User) -> None:
    row = stored("hangs", "blocks.example:443", writer)
    with pytest.raises(Unavailable):
        services.check_destination(row)
    with pytest.raises(HandlerError, match="still running"):
        services.check_destination(row)


def test_the_text_is_in_the_language_of_the_request(trickle: str) -> None:
    from django.utils import translation

    row = stored("webhook", f"http://{trickle}", **SECRETS["webhook"])
    with translation.override("zh-hans"), pytest.raises(Unavailable) as caught:
        services.check_destination(row)
    assert not str(caught.value).startswith("No answer")
