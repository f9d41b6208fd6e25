"""The services that every test of the suite is run for. Add yours here."""

from __future__ import annotations

import pytest

from tests.conformance.bluesky import Bluesky
from tests.conformance.manticore import Manticore
from tests.conformance.mastodon import GoToSocial, Mastodon, OtherServer, Takahe
from tests.conformance.service import ServiceUnderTest
from tests.conformance.telegram import Telegram, UnsearchedTelegram
from tests.conformance.webhook import Webhook

SERVICES: tuple[type[ServiceUnderTest], ...] = (
    Telegram, Mastodon, GoToSocial, Takahe, OtherServer, Manticore, Webhook, Bluesky,
)  # fmt: skip
# These run the tests alone that ask for what they are like.
ODD_SERVICES: tuple[type[ServiceUnderTest], ...] = (UnsearchedTelegram,)


def services_with(**traits: bool) -> pytest.MarkDecorator:
    """Run a test for those services alone that are like this: `@services_with(has_visibility=True)`."""
    chosen = [
        one
        for one in (*SERVICES, *ODD_SERVICES)
        if all(bool(getattr(one, name)) is value for name, value in traits.items())
    ]
    return pytest.mark.parametrize("service", chosen, indirect=True, ids=[one.__name__ for one in chosen])
