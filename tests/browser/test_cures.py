"""What is broken is mended from the dashboard by clicks alone, and by commands alone, in every look and language."""

from __future__ import annotations

import re

import pytest
import redis
from playwright.sync_api import Browser, Locator, expect

from project.sandbox.testing import RunningSandbox
from tests.browser.conftest import LOOKS, PEOPLE
from tests.browser.test_pages import SUBMIT, assert_good
from tests.browser.visitor import PATIENCE_MS, PHONE, Visitor, visitor
from tests.browser.website import WebSite
from tests.eventually import eventually
from tests.faults.site import FIGURES, UNHURRIED, Site

DASHBOARD = "/admin/syncqueue/queue/"
NOTICE = '[data-key="notices"] a.syncqueue-cure'
CURE = "a.syncqueue-cure"
FILL_WRITER = """
from django.utils import timezone
from syncqueue.core.task import Progress, SyncTask, encode_progress
from syncqueue.dispatch.site_queues import get_queue
queue = get_queue("writer")
"""
# A failed task whose body nobody can read, as another program may leave it.
UNREADABLE = (
    FILL_WRITER
    + """
keys = queue.calls.keys
queue.client.hset(keys["bodies"], "unreadable", "9?nothing")
queue.client.hset(keys["progress"], "unreadable", encode_progress(Progress()))
queue.client.zadd(keys["failed"], {"unreadable": int(timezone.now().timestamp() * 1000)})
"""
)
# Workers try refused objects again in an hour.
LEAVE_ALONE = """
from datetime import timedelta
from django.utils import timezone
from syncqueue.models import RefusedObject
RefusedObject.objects.update(due_at=timezone.now() + timedelta(hours=1))
"""
# The service refuses what belongs to no destination, and what comes waits.
REFUSED_SERVICE = (
    FILL_WRITER
    + """
queue.hold("stopped:service:writer", None, "The password is refused.")
queue.enqueue(SyncTask("writer", "write", "refused"))
"""
)


class Story:
    """One site whose channel breaks in one way after another."""

    def __init__(self, site: Site, sandbox: RunningSandbox) -> None:
        """A site without retries that holds what it cannot tell."""
        site.variables |= {
            **UNHURRIED,  # what is to end in one way must not end in another on a busy machine
            "SYNCQUEUE_IMMEDIATE": {"TIMEOUT_SECONDS": 20},
            "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
            # What is lost is not looked for, so that a person has to.
            "DESTINATIONS": {"news": FIGURES["DESTINATIONS"]["news"] | {"OPTIONS": {"find_lost": False}}},
            "SYNCQUEUE_TELEGRAM": {"BASE_DELAY_SECONDS": 1, "MAX_RETRIES": 0, "ON_UNKNOWN_OUTCOME": "hold"},
        }
        self.site, self.sandbox = site, sandbox
        self._raises = site.folder / "raises"
        site.variables["RAISES_FILE"] = str(self._raises)
        site.script(PEOPLE)

    def write(self, text: str) -> None:
        """Save a note; the channel answers as the sandbox was told."""
        # In one transaction with its record, or the worker's sweep might be the first to try it.
        self.site.script(
            f"from django.db import transaction\nwith transaction.atomic():\n"
            f"    Note.objects.create(owner_id=1, text={text!r})"
        )

    def refuse(self, text: str) -> None:
        """The channel is refused while a note is saved, and then is well again."""
        self.sandbox.set_mode("telegram", "unauthorized")
        self.write(text)
        self.sandbox.set_mode("telegram", "up")

    def limit(self, text: str) -> None:
        """The service asks to wait for ten minutes while a note is saved, and then would not any more."""
        self.sandbox.set_mode("telegram", "limited", retry_after=600)
        self.write(text)
        self.sandbox.set_mode("telegram", "up")

    def fail(self, text: str) -> None:
        """A note fails for good."""
        self.sandbox.plan_answers("telegram", {"mode": "error", "status": 409})
        self.write(text)
        assert "failed" in self.site.states(), self.site.logs()

    def lose(self, text: str) -> None:
        """Nobody knows whether a note arrived, which it did not: it is held."""
        self.sandbox.plan_answers("telegram", "reset")
        self.write(text)
        assert "unknown" in self.site.states(), self.site.logs()

    def break_code(self, text: str) -> None:
        """A note is saved for which the site's own code raises; workers leave it alone for a while."""
        self._raises.touch()
        self.write(text)

    def correct_code(self) -> None:
        """Correct the site's code. By themselves, workers try the notes only later."""

        def is_left_alone() -> None:
            rows = self.site.sql("SELECT tries FROM syncqueue_refusedobject")
            assert all(tries > 1 for (tries,) in rows), rows

        eventually(is_left_alone)
        self.site.script(LEAVE_ALONE)
        self._raises.unlink()

    def lose_dead_letters(self) -> None:
        """Redis forgets which tasks have failed."""
        assert redis.Redis.from_url(self.site.redis_url).delete("sync:{telegram}:failed") == 1

    def has_written(self, entity: str) -> None:
        """The service of generic tasks has done one."""
        assert entity in self.site.written("ended")

    def is_told(self, text: str) -> None:
        """The note is in the channel, and its record says so."""

        def arrived() -> None:
            assert text in [message["text"] for message in self.sandbox.messages()]
            assert set(self.site.states()) == {"synced"}

        eventually(arrived)


@pytest.fixture
def story(site: Site, sandbox: RunningSandbox) -> Story:
    return Story(site, sandbox)


def press(person: Visitor, what: Locator) -> None:
    """Press what leads to another page, and look at that."""
    leave(person, what)
    look(person)


def leave(person: Visitor, what: Locator) -> None:
    """Press what leads to another page: one that is never asked for again by sending a form."""
    with person.page.expect_navigation() as navigation:
        what.first.click()
    answer = navigation.value
    assert answer is not None and answer.request.method == "GET", person.page.url


def look(person: Visitor) -> None:
    """The page is good, and nothing is cut on a phone."""
    assert_good(person, person.page.url)
    size = person.page.viewport_size
    assert size is not None
    cut = "[...document.querySelectorAll('.syncqueue-scroll')].some(one => one.scrollWidth > one.clientWidth + 1)"
    assert size["width"] > PHONE or not person.page.evaluate(cut), person.page.url


def confirm(person: Visitor) -> None:
    """Press the button of a question. The answer stands on the last page: some in between go on by themselves."""
    leave(person, person.page.locator(SUBMIT))
    expect(person.page.locator(".messagelist")).to_be_visible()
    look(person)


def walk(person: Visitor, *selectors: str) -> None:
    """Press one after the other, beginning on the dashboard, and confirm what is asked in the end."""
    person.go(DASHBOARD)
    for selector in selectors:
        press(person, person.page.locator(selector))
    confirm(person)


@pytest.mark.parametrize(("width", "dark", "language"), LOOKS)
def test_each_thing_that_is_broken_is_mended_by_clicks_from_the_dashboard(
    story: Story, chromium: Browser, width: int, dark: bool, language: str
) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    website = WebSite(story.site)
    story.site.worker()
    person = visitor(chromium, website.base, width=width, dark=dark, language=language)
    person.log_in("admin")
    page = person.page

    story.refuse("Refused")
    walk(person, f"{NOTICE}[href$='/try-again/']")
    story.is_told("Refused")

    story.refuse("Refused too")
    person.go(DASHBOARD)
    press(person, page.locator("[data-key='notices'] a[href*='/destination/'][href$='/change/']"))
    press(person, page.locator("form[action$='/try-again/'] button"))
    expect(page.locator(".messagelist")).to_be_visible()
    story.is_told("Refused too")

    story.fail("Failed")
    walk(
        person,
        "[data-key='card-telegram'] a[href$='/telegram/tasks/failed/']",
        "button[name=all][formaction$='/retry/']",
    )
    story.is_told("Failed")

    story.fail("Failed too")
    walk(person, f"{NOTICE}[href*='/queue/failures/']", "a[href$='/retry/']")
    story.is_told("Failed too")

    story.lose("Held")
    walk(person, f"{NOTICE}[href*='state__exact=unknown']", "#result_list th a", ".syncqueue-form-actions button")
    story.is_told("Held")

    story.fail("Forgotten by Redis")
    story.lose_dead_letters()
    walk(person, f"{NOTICE}[href$='/telegram/retry-failed/']")
    story.is_told("Forgotten by Redis")

    story.break_code("Odd document")
    story.correct_code()
    walk(person, f"{NOTICE}[href*='/queue/failures/']", "a[href$='/retry/']")
    story.is_told("Odd document")

    story.break_code("Odd owner")
    story.correct_code()
    person.go(DASHBOARD)
    press(person, page.locator(f"{NOTICE}[href$='/queue/refused/']"))
    press(person, page.locator(".syncqueue-form-actions button"))
    expect(page.locator(".messagelist")).to_be_visible()
    story.is_told("Odd owner")

    story.fail("Deleted")
    walk(person, f"{NOTICE}[href*='/queue/failures/']", "a[href$='/delete/']")
    walk(person, ".syncqueue-tabs a[href$='/syncrecord/']", f"#result_list {CURE}")
    story.is_told("Deleted")

    story.fail("Failed on its page")
    walk(
        person,
        ".syncqueue-tabs a[href$='/syncrecord/']",
        "#result_list th a",
        ".field-object_link a",
        f".syncqueue-sentences {CURE}",
    )
    story.is_told("Failed on its page")

    story.limit("Limited")
    walk(person, "a[href$='/telegram/resume/']")
    story.is_told("Limited")

    walk(person, "a[href$='/telegram/pause/']")
    story.write("Cleared while paused")
    assert "waiting" in story.site.states(), story.site.logs()
    walk(person, "a[href$='/telegram/clear/']")
    press(person, page.locator("a[href$='/queue/cleared/']"))
    press(person, page.locator("a[href$='/restore/']"))
    confirm(person)
    walk(person, "a[href$='/telegram/resume/']")
    story.is_told("Cleared while paused")

    story.site.script(REFUSED_SERVICE)
    walk(person, f"{NOTICE}[href$='/writer/resume/']")
    eventually(lambda: story.has_written("refused"))

    story.site.script(UNREADABLE)
    walk(
        person,
        f"{NOTICE}[href$='/writer/tasks/failed/']",
        ".syncqueue-table tbody th a",
        "button[formaction$='/delete/']",
    )

    person.go(DASHBOARD)
    expect(page.locator('[data-key="notices"] .syncqueue-fine')).to_be_visible()
    assert len(story.sandbox.messages()) == len({message["text"] for message in story.sandbox.messages()}) == 12
    assert page.locator("html").get_attribute("lang") == ("zh-hans" if language == "zh-CN" else "en")


def test_each_thing_that_is_broken_is_mended_by_commands_alone(story: Story) -> None:
    site = story.site
    site.worker()

    def manage(*words: str) -> None:
        assert site.manage("syncqueue", *words) == 0, site.logs()

    def reason() -> str:
        failures = "from syncqueue import services\nanswer(services.failures().groups[0].kind)"
        return str(site.script(failures))

    story.refuse("Refused")
    manage("mend", "news")
    story.is_told("Refused")

    story.fail("Failed")
    manage("retry", "telegram", "--noinput")
    story.is_told("Failed")

    story.fail("Failed too")
    manage("failures", "--retry", reason(), "--noinput")
    story.is_told("Failed too")

    story.lose("Held")
    manage("failures", "--retry", reason(), "--noinput")
    story.is_told("Held")

    story.fail("Forgotten by Redis")
    story.lose_dead_letters()
    manage("retry", "telegram", "--noinput")
    story.is_told("Forgotten by Redis")

    story.break_code("Odd document")
    story.correct_code()
    manage("failures", "--retry", reason(), "--noinput")
    story.is_told("Odd document")

    story.break_code("Odd owner")
    story.correct_code()
    manage("sync", "--refused")
    story.is_told("Odd owner")

    story.fail("Failed on its page")
    manage("sync", "notes.note", str(story.site.script("answer(Note.objects.latest('pk').pk)")))
    story.is_told("Failed on its page")

    story.limit("Limited")
    manage("resume", "telegram")
    story.is_told("Limited")

    manage("pause", "telegram")
    story.write("Cleared while paused")
    assert "waiting" in story.site.states(), story.site.logs()
    manage("clear", "telegram", "--noinput")
    manage("resync", "--service", "telegram", "--noinput")
    manage("resume", "telegram")
    story.is_told("Cleared while paused")

    site.script(REFUSED_SERVICE)
    manage("resume", "writer")
    eventually(lambda: story.has_written("refused"))

    site.script(UNREADABLE)
    manage("clear", "writer", "--state", "failed", "--noinput")
    assert site.manage("syncqueue", "doctor") == 0
    assert len(story.sandbox.messages()) == 10
    assert re.fullmatch(r"(synced ?)+", " ".join(site.states()))
