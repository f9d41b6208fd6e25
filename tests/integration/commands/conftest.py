"""Queues of their own for the commands, as the API's tests have them."""

from tests.integration.api.conftest import own_queue, redis_away

__all__ = ["own_queue", "redis_away"]
