"""A site with a real Redis and the sandbox's Telegram, and a resolver whose entries tests set."""

from tests.integration.sync.conftest import channel, own_site, writer
from tests.loopback import resolver

__all__ = ["channel", "own_site", "resolver", "writer"]
