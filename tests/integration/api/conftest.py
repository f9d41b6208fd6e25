"""A separate queue on a real server for each test of the API."""

import uuid
from typing import Any

import pytest

TOKEN = "a-token-for-tests"


@pytest.fixture(autouse=True)
def own_queue(redis_url: str, settings: Any) -> None:
    """Two services, with a unique prefix."""
    settings.SYNCQUEUE = {
        **settings.SYNCQUEUE,
        "REDIS": redis_url,
        "KEY_PREFIX": uuid.uuid4().hex,
        "API_TOKENS": ["another-token", TOKEN],
        "HANDLERS": {
            "telegram": settings.SYNCQUEUE["HANDLERS"]["telegram"],
            "second": {"CLASS": "tests.integration.api.handlers.SecondHandler"},
        },
    }


@pytest.fixture
def redis_away(settings: Any, own_queue: None) -> None:
    """No server listens on port 1."""
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "REDIS": "redis://127.0.0.1:1/0"}
