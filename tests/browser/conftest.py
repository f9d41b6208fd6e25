"""A browser, and sites with a web server for it to look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.visitor import PHONE, WIDE, Visitor, running_browser, visitor
from tests.browser.website import WebSite
from tests.faults.conftest import make_site, site, template_site  # noqa: F401
from tests.faults.site import Site

# Any two of width, theme and language meet in one of them.
LOOKS = [
    pytest.param(WIDE, False, "en-US", id="wide, light, English"),
    pytest.param(PHONE, True, "en-US", id="narrow, dark, English"),
    pytest.param(WIDE, True, "zh-CN", id="wide, dark, Chinese"),
    pytest.param(PHONE, False, "zh-CN", id="narrow, light, Chinese"),
]
PEOPLE = """
from django.contrib.auth import get_user_model
people = get_user_model().objects
people.create_superuser("admin", "admin@example.org", "admin")
people.create_user("writer", "writer@example.org", "writer")
from syncqueue.sources import destinations
destinations.ensure_declared()
"""


@pytest.fixture
def website(site: Site) -> WebSite:  # noqa: F811
    """A site with the people admin/admin and writer/writer, and the channel @news."""
    # Without retries, so that one refusal is a failed task.
    site.variables["SYNCQUEUE_TELEGRAM"] = {"BASE_DELAY_SECONDS": 1, "MAX_RETRIES": 0}
    site.variables["DJANGO_SETTINGS_MODULE"] = "tests.browser.settings"
    site.script(PEOPLE)
    return WebSite(site)


@pytest.fixture
def chromium() -> Iterator[Browser]:
    """A browser of the test's own."""
    with running_browser() as running:
        yield running


@pytest.fixture
def admin(chromium: Browser, website: WebSite) -> Visitor:
    """The administrator at a wide window, logged in."""
    person = visitor(chromium, website.base)
    person.log_in("admin")
    return person
