"""The Bluesky handler against the sandbox over real HTTP."""

from __future__ import annotations

import pytest

from project.sandbox.testing import RunningSandbox
from tests.services.bluesky.desk import Desk


@pytest.fixture
def desk(sandbox: RunningSandbox) -> Desk:
    """A handler's desk at the first account."""
    return Desk(sandbox)
