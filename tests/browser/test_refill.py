"""A search index that lost its table, seen and filled again from the browser."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from project.sandbox.testing import RunningSandbox
from tests.browser.conftest import PEOPLE
from tests.browser.test_pages import assert_good
from tests.browser.visitor import NARROW, PATIENCE_MS, visitor
from tests.browser.website import WebSite
from tests.eventually import eventually
from tests.faults.site import Site

NOTES = """
from project.notes.models import Note
for text in {texts!r}:
    Note.objects.create(owner_id=1, text=text)
answer(len(Note.objects.all()))
"""
NO_CHANNEL = {"search": {"SERVICE": "manticore", "ADDRESS": "notes"}}


def test_the_rows_of_a_lost_table_are_missed_on_the_dashboard_and_written_again_by_its_button(
    chromium: Browser, site: Site, sandbox: RunningSandbox
) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    site.variables |= {
        "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
        "SYNCQUEUE_SERVICES": "manticore",
        "MANTICORE_URL": sandbox.manticore_url,
        "DESTINATIONS": NO_CHANNEL,
    }
    site.script(PEOPLE)
    website = WebSite(site)
    site.script(NOTES.format(texts=["One", "Two"]))
    sandbox.manticore_sql("DROP TABLE notes")
    site.script(NOTES.format(texts=["Three"]))
    person = visitor(chromium, website.base, width=NARROW)
    person.log_in("admin")
    page = person.go("/admin/syncqueue/queue/")
    notices = page.locator('[data-key="notices"]')
    expect(notices).to_contain_text("2 copies that were there are missing.")
    assert_good(person, "dashboard")
    notices.get_by_role("link", name="Write the copies again").click()
    expect(page.locator("#content-main")).to_contain_text("3 objects have a copy at “search” by their records.")
    assert_good(person, "question")
    page.get_by_role("button", name="Write the copies again").click()
    expect(page.locator(".messagelist")).to_contain_text("A worker writes the copies of search again.")
    assert_good(person, "destination")
    site.worker("--service", "manticore")

    def is_whole() -> None:
        assert sorted(row["content"] for row in sandbox.documents("notes")) == ["One", "Three", "Two"]

    eventually(is_whole)
    person.go("/admin/syncqueue/queue/")
    expect(notices).not_to_contain_text("missing")
    assert site.manage("syncqueue", "verify") == 0
