"""The Mastodon handler against the sandbox over real HTTP, through the real client library."""

from __future__ import annotations

import pytest

from project.sandbox.testing import RunningSandbox
from tests.services.mastodon.desk import Desk


@pytest.fixture
def desk(sandbox: RunningSandbox) -> Desk:
    """A handler's desk at @notes."""
    return Desk(sandbox)
