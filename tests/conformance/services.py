"""A service for the tests that are about one alone: `@of(Telegram)`."""

from __future__ import annotations

import pytest

from syncqueue.testing.conformance import ServiceUnderTest


def of(*services: type[ServiceUnderTest]) -> pytest.MarkDecorator:
    """Run a test for these services."""
    return pytest.mark.parametrize("service", services, indirect=True, ids=[one.__name__ for one in services])
