"""A handler of the site's that is broken is said in words, by check and by doctor; the other services are examined."""

from __future__ import annotations

import pytest
from django.conf import settings

from syncqueue import checks
from syncqueue.models import Destination
from tests.integration.commands.calling import Said, call
from tests.integration.sync.scene import configure
from tests.loopback import serving

pytestmark = pytest.mark.django_db(transaction=True)

MODULE = "tests.integration.doctor.broken"
TOKEN = "an-odd-token-of-no-known-form"


def set_up(handler: str, address: str) -> None:
    """The service "shelf" with this handler and a destination, beside telegram."""
    handlers = settings.SYNCQUEUE["HANDLERS"]
    configure(
        HANDLERS={"shelf": {"CLASS": f"{MODULE}.{handler}"}, **handlers}, PROCESSING={"ATTEMPT_TIMEOUT_SECONDS": 1}
    )
    row = Destination(name="board", service="shelf", address=address)
    row.secret = {"token": TOKEN}
    row.save()


def line_of(said: Said, words: str) -> str:
    """The line that holds these words."""
    (line,) = [line for line in said.out.splitlines() if words in line]
    return line


@pytest.mark.parametrize(
    ("handler", "says"),
    [
        ("WithoutCheck", "WithoutCheck lacks check()"),
        ("WithoutProcess", "WithoutProcess lacks process()"),
        ("Unmakeable", "Unmakeable cannot be made: KeyError: 'URL'"),
    ],
)
def test_a_handler_that_cannot_be_made_is_e004_and_wrong(channel: Destination, handler: str, says: str) -> None:
    set_up(handler, "localhost:1")
    (message,) = [one for one in checks.check_settings() if one.id == "syncqueue.E004"]
    assert says in message.msg and "'shelf'" in message.msg
    said = call("doctor")
    assert said.code == 1
    assert says in said.out
    assert "[ok]    telegram: @news:" in said.out


@pytest.mark.parametrize(
    ("handler", "says"),
    [
        ("CheckRaises", "AttributeError: 'NoneType' has no attribute 'ok' for [secret]"),
        ("CheckHangs", "No answer within 3 s."),
        ("EndpointRaises", "KeyError"),
        ("EndpointOfAnotherKind", "it returns None, where a text such as"),
    ],
)
def test_a_handler_that_fails_when_asked_is_wrong_and_the_next_service_is_examined(
    channel: Destination, handler: str, says: str
) -> None:
    with serving() as host:
        set_up(handler, f"127.0.0.1:{host.port}")
        if handler == "CheckHangs":
            configure(PROCESSING={"ATTEMPT_TIMEOUT_SECONDS": 3})
        said = call("doctor")
    assert line_of(said, says).startswith("[WRONG] shelf")
    assert "[ok]    telegram: @news:" in said.out
    assert TOKEN not in said.out + said.err


@pytest.mark.parametrize("address", ["localhost", "localhost:", "localhost:http", "localhost:99999999", "[::1]", ":1"])
def test_an_address_without_a_port_is_wrong_and_the_next_service_is_examined(
    channel: Destination, address: str
) -> None:
    set_up("Whole", address)
    said = call("doctor")
    assert line_of(said, "which is not a host with a port.").startswith("[WRONG] shelf: board:")
    assert "[ok]    telegram: @news:" in said.out


def test_a_handler_that_works_is_well(channel: Destination) -> None:
    with serving() as host:
        set_up("Whole", f"127.0.0.1:{host.port}")
        assert "[ok]    shelf: board: All is well there." in call("doctor").out
