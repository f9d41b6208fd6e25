"""The LOGGING setting of the page on monitoring, used as a fresh project would use it."""

from __future__ import annotations

import subprocess
import sys

from tests.docs.pages import blocks
from tests.packaging.distributions import CHECKOUT

PAGE = CHECKOUT / "docs/howto/monitoring.md"
TOKEN = "123456789:AbC-dEf_123456789012345678901234"
SITE = """
import logging
import django
from django.conf import settings

settings.configure(LOGGING=LOGGING, INSTALLED_APPS=[], SECRET_KEY="x")
django.setup()
logging.getLogger("syncqueue.worker").info("Working on telegram")
logging.getLogger("syncqueue.execution").debug("Done")
logging.getLogger("httpx").warning("POST https://api.telegram.org/bot%s/sendMessage", "{token}")
logging.getLogger("httpx").info("Another request")
"""


def test_the_logging_setting_shows_the_worker_and_hides_tokens() -> None:
    (setting,) = [block.text for block in blocks(PAGE) if block.text.startswith("LOGGING")]
    code = setting + SITE.format(token=TOKEN)

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert "INFO syncqueue.worker: Working on telegram" in ran.stderr
    assert "https://api.telegram.org/bot[secret]/sendMessage" in ran.stderr
    assert TOKEN not in ran.stderr
    assert len(ran.stderr.splitlines()) == 2
