"""Fixtures of the outbound tests."""

from tests.loopback import resolver  # noqa: F401 - a fixture
