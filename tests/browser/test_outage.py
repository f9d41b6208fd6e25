"""The whole story of an outage, seen and mended from the browser alone."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from project.sandbox.testing import RunningSandbox
from tests.browser.visitor import PATIENCE_MS, Visitor
from tests.browser.website import WebSite

DASHBOARD = "/admin/syncqueue/queue/"


def write(person: Visitor, text: str) -> None:
    """Write a note on the site's own page."""
    person.go("/notes/new/")
    person.page.fill("textarea[name=text]", text)
    person.page.get_by_role("button", name="Save").click()
    expect(person.page.locator(".messages")).to_contain_text("The note is saved.")


def test_an_outage_is_seen_told_and_mended_from_the_browser_alone(
    admin: Visitor, website: WebSite, sandbox: RunningSandbox
) -> None:
    page = admin.page
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    website.site.worker("--service", "telegram")

    admin.go(DASHBOARD)
    card = page.locator('[data-key="card-telegram"]')
    expect(card).not_to_contain_text("no worker")

    # The service goes down: the page says why, and how many wait, without being loaded again.
    sandbox.set_mode("telegram", "down")
    for number in range(6):
        write(admin, f"Note {number}")
    admin.go(DASHBOARD)
    page.evaluate("window.stayed = true")
    expect(card).to_contain_text("cannot be reached")
    notices = page.locator('[data-key="notices"]')
    expect(notices).to_contain_text(
        re.compile(r"telegram: .*, since .*; [1-6] messages? waits? and will be sent automatically")
    )

    # The service comes back: it drains live, and one line sums it up.
    sandbox.set_mode("telegram", "up")
    expect(card).to_contain_text(re.compile(r"was away for .* messages? waited: all delivered, 0 doubled\."))
    expect(card).not_to_contain_text("cannot be reached")
    assert page.evaluate("window.stayed")
    assert sorted(message["text"] for message in sandbox.messages()) == [f"Note {number}" for number in range(6)]

    # One fails for good, is found, looked at, and retried.
    sandbox.plan_answers("telegram", {"mode": "error", "status": 409})
    write(admin, "The refused one")
    admin.go(DASHBOARD)
    expect(notices).to_contain_text("1 task failed and waits for a decision")
    notices.get_by_role("link", name="See the failures").click()
    expect(page.locator(".syncqueue-table")).to_contain_text("Telegram answers that the bot is in use elsewhere")
    admin.go(f"{DASHBOARD}telegram/tasks/failed/")
    page.locator(".syncqueue-table tbody th a").click()
    expect(page.locator(".syncqueue-attempt")).to_contain_text("Telegram answers that the bot is in use elsewhere")
    admin.go(f"{DASHBOARD}failures/")
    page.get_by_role("link", name="Retry").click()
    expect(page.locator("#content-main")).to_contain_text("1 object that failed for this reason is synced again")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator(".messagelist")).to_contain_text("1 object is being synced.")
    admin.go(DASHBOARD)
    expect(notices).to_contain_text("No worker is running for writer")
    expect(notices).not_to_contain_text("failed")
    assert "The refused one" in [message["text"] for message in sandbox.messages()]
    assert admin.complaints == []
