"""What `syncqueue verify` has found at a channel, seen and corrected from the browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from project.sandbox.testing import RunningSandbox
from tests.browser.conftest import LOOKS
from tests.browser.test_cures import DASHBOARD, NOTICE, Story, press, story
from tests.browser.visitor import PATIENCE_MS, visitor
from tests.browser.website import WebSite

__all__ = ["story"]


@pytest.mark.parametrize(("width", "dark", "language"), LOOKS[1:3])
def test_a_message_that_somebody_deleted_is_sent_again_by_clicks_from_the_dashboard(
    story: Story, sandbox: RunningSandbox, chromium: Browser, width: int, dark: bool, language: str
) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    website = WebSite(story.site)
    story.write("Deleted there")
    story.write("Still there")
    deleted, kept = sandbox.messages("@news")
    sandbox.remove_message("@news", deleted["message_id"])
    assert story.site.manage("syncqueue", "verify") == 1
    story.site.worker()
    person = visitor(chromium, website.base, width=width, dark=dark, language=language)
    person.log_in("admin")
    page = person.go(DASHBOARD)
    press(person, page.locator(f"{NOTICE}[href*='/queue/findings/']"))
    expect(page.locator(".syncqueue-table tbody tr")).to_have_count(1)
    press(person, page.locator(".syncqueue-form-actions button"))
    expect(page.locator(".messagelist")).to_be_visible()
    story.is_told("Deleted there")
    assert kept in sandbox.messages("@news") and len(sandbox.messages("@news")) == 2
    person.go(DASHBOARD)
    expect(page.locator('[data-key="notices"] .syncqueue-fine')).to_be_visible()
