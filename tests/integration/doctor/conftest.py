"""A site with a real Redis and Telegram's sandbox, as the tests of syncing have it, and a resolver that tests fill."""

from tests.integration.sync.conftest import channel, own_site, writer
from tests.loopback import resolver

__all__ = ["channel", "own_site", "resolver", "writer"]
