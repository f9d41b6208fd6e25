"""The doctor and the addresses of destinations: those of the settings, and those that are none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from project.sandbox.testing import RunningSandbox, running_sandbox
from syncqueue import services
from syncqueue.models import Destination
from tests.integration.commands.calling import call

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def new_instance() -> Iterator[RunningSandbox]:
    """Another instance, with tokens of its own."""
    with running_sandbox() as running:
        yield running


def declare(settings: Any, address: str, token: str) -> None:
    """The settings' one destination."""
    declared = {"SERVICE": "mastodon", "ADDRESS": address, "SECRET": {"access_token": token}}
    settings.SYNCQUEUE = {
        **settings.SYNCQUEUE,
        "ALLOWED_PRIVATE_HOSTS": ["127.0.0.1"],
        "HANDLERS": {"mastodon": {}},
        "DESTINATIONS": {"news": declared},
    }


def test_after_a_move_the_new_instance_is_examined_and_the_old_one_gets_no_request(
    settings: Any, sandbox: RunningSandbox, new_instance: RunningSandbox
) -> None:
    declare(settings, sandbox.mastodon_url, sandbox.mastodon_token)
    assert "[ok]    mastodon: news:" in call("doctor").out
    asked = len(sandbox.log())

    declare(settings, new_instance.mastodon_url, new_instance.mastodon_token)
    row = Destination.objects.get()  # as a process has it that has read it before the settings changed
    assert row.address == sandbox.mastodon_url
    said = call("doctor").out
    assert "[ok]    mastodon: news:" in said
    assert new_instance.mastodon_url.removeprefix("http://") in said
    services.check_destination(row)
    services.send_test(row)
    assert len(sandbox.log()) == asked


WRONG = pytest.mark.parametrize("address", ["mastodon.example", "@me@mastodon.example", "https://mastodon.example/@me"])


@WRONG
def test_a_declared_address_that_is_none_is_told_in_words(settings: Any, address: str) -> None:
    declare(settings, address, "x" * 43)
    said = call("doctor").out
    assert "SYNCQUEUE['DESTINATIONS']['news']: The address is an instance's" in said
    assert "https://mastodon.example" in said


@WRONG
def test_an_address_that_was_stored_unchecked_is_told_in_words(settings: Any, address: str) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "HANDLERS": {"mastodon": {}}}
    row = Destination(name="news", service="mastodon", address=address)
    row.secret = {"access_token": "x" * 43}
    row.save()
    said = call("doctor").out
    assert "[WRONG] mastodon: news: The address is an instance's" in said
    assert "Enter the credential and the address again in the admin." in said
