"""What all tests share. Fixtures of one kind of test stand in that folder's conftest.py."""

from tests.redis_server import own_redis_server, redis_server, redis_url
from tests.sandbox import sandbox, sandbox_process

__all__ = ["own_redis_server", "redis_server", "redis_url", "sandbox", "sandbox_process"]
