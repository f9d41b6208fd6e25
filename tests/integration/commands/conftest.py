"""Separate queues for the tests of commands, as for those of the API."""

from tests.integration.api.conftest import own_queue, redis_away

__all__ = ["own_queue", "redis_away"]
