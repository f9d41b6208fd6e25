"""A search index that lost its table, seen and filled again from the browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from project.sandbox.testing import RunningSandbox
from tests.browser.conftest import LOOKS, PEOPLE
from tests.browser.test_cures import NOTICE, confirm, press
from tests.browser.visitor import PATIENCE_MS, visitor
from tests.browser.website import WebSite
from tests.eventually import eventually
from tests.faults.site import Site

NOTES = """
from project.notes.models import Note
for text in {texts!r}:
    Note.objects.create(owner_id=1, text=text)
answer(len(Note.objects.all()))
"""
DASHBOARD = "/admin/syncqueue/queue/"
NO_CHANNEL = {"search": {"SERVICE": "manticore", "ADDRESS": "notes"}}


@pytest.mark.parametrize(("width", "dark", "language"), LOOKS[::3])
def test_the_rows_of_a_lost_table_are_missed_on_the_dashboard_and_written_again_by_its_button(
    chromium: Browser, site: Site, sandbox: RunningSandbox, width: int, dark: bool, language: str
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
    person = visitor(chromium, website.base, width=width, dark=dark, language=language)
    person.log_in("admin")
    page = person.go(DASHBOARD)
    notices = page.locator('[data-key="notices"]')
    if language == "en-US":
        expect(notices).to_contain_text("2 copies are missing.")
    press(person, page.locator(f"{NOTICE}[href$='/refill/']"))
    expect(page.locator("#content-main")).to_contain_text("3")  # objects have a copy there according to the records
    confirm(person)
    site.worker("--service", "manticore")

    def is_whole() -> None:
        assert sorted(row["content"] for row in sandbox.documents("notes")) == ["One", "Three", "Two"]

    eventually(is_whole)
    person.go(DASHBOARD)
    expect(page.locator(f"{NOTICE}[href$='/refill/']")).to_have_count(0)
    assert site.manage("syncqueue", "verify") == 0
