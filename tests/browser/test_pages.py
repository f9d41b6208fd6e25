"""Every page in real windows: narrow and wide, light and dark, by keyboard, under a strict policy, judged by axe."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.visitor import NARROW, WIDE, Visitor, visitor
from tests.browser.website import WebSite

HTML = "<img src=x onerror=alert(1)>"
FILL = f"""
from datetime import timedelta
from django.contrib.auth import get_user_model
from django.utils import timezone
from syncqueue.core.task import AttemptNote, SyncTask, TaskState
from syncqueue.models import Clearing, Destination, ServicePolicy, SyncRecord
from syncqueue.dispatch.site_queues import get_queue

html = {HTML!r}
queue = get_queue("writer")
now = timezone.now()
for number in range(60):
    queue.enqueue(SyncTask("writer", html, html + f":{{number}}", {{"text": html}}))
    (claimed,) = queue.claim(1).tasks
    queue.fail(claimed, AttemptNote(at=now, seconds=0.1, outcome="failure", error=html, traceback=html))
queue.enqueue(SyncTask("writer", html, html, key="processing"))
queue.claim(1)
queue.enqueue(SyncTask("writer", html, html, run_at=now + timedelta(hours=1)))
queue.enqueue(SyncTask("writer", html, html))
queue.hold("breaker:" + "host:1", 600, html)
Clearing.objects.create(service="writer", actor=html, task_count=3)
place = Destination.objects.create(
    name=html, service="telegram", address=html, options={{"thread": html}}, broken_reason=html, broken_at=now,
    owner=get_user_model().objects.get(username="admin"),
)
note = Note.objects.create(owner_id=1, text=html)
SyncRecord.objects.update_or_create(
    source="notes.note", object_pk=str(note.pk), destination=place,
    defaults={{"service": "telegram", "state": "failed", "error": html, "parts": [{{"kind": html, "id": html}}]}},
)
record = SyncRecord.objects.get(destination=place)
policy, _ = ServicePolicy.objects.get_or_create(service="writer")
rows = {{"note": note, "place": place, "record": record, "policy": policy}}
answer({{"task": queue.ids(TaskState.FAILED, 1)[0]}} | {{name: row.pk for name, row in rows.items()}})
"""
ADMIN = "/admin/syncqueue"
SUBMIT = "#content-main form input[type=submit]"
PATHS = (
    f"{ADMIN}/queue/",
    f"{ADMIN}/queue/?span=week",
    f"{ADMIN}/queue/workers/",
    f"{ADMIN}/queue/cleared/",
    f"{ADMIN}/queue/failures/",
    f"{ADMIN}/queue/writer/task/nothing/",
    f"{ADMIN}/sententry/",
    f"{ADMIN}/queue/cleared/1/restore/",
    f"{ADMIN}/queue/writer/tasks/failed/",
    f"{ADMIN}/queue/writer/tasks/delayed/?q=img",
    f"{ADMIN}/queue/writer/tasks/processing/",
    f"{ADMIN}/queue/writer/task/{{task}}/",
    f"{ADMIN}/queue/writer/clear/",
    f"{ADMIN}/queue/writer/retry-failed/",
    f"{ADMIN}/syncrecord/",
    f"{ADMIN}/syncrecord/{{record}}/change/",
    f"{ADMIN}/destination/",
    f"{ADMIN}/destination/{{place}}/change/",
    f"{ADMIN}/destination/{{place}}/delete/",
    f"{ADMIN}/destination/{{place}}/try-again/",
    f"{ADMIN}/destination/add/?service=telegram",
    f"{ADMIN}/queue/writer/pause/",
    f"{ADMIN}/queue/writer/recover/",
    f"{ADMIN}/servicepolicy/",
    f"{ADMIN}/servicepolicy/{{policy}}/change/",
    "/destinations/",
    "/destinations/new/telegram/",
    "/destinations/{place}/edit/",
    "/destinations/{place}/delete/",
    "/admin/notes/note/?sync=behind",
    "/admin/notes/note/{note}/change/",
    "/admin/notes/note/{note}/sync-now/",
)
# Buttons that lead to a question: state and action.
QUESTIONS = (("failed", "retry"), ("failed", "delete"), ("delayed", "run-now"))
# Django's own parts, which every admin has: its search and date inputs, its picker of related objects.
OF_DJANGO = ["#changelist-search", ".vDateField", ".vTimeField", ".select2-container", "#nav-sidebar", ".breadcrumbs"]


# What a page measures depends on width and language; what axe finds depends on the theme.
@pytest.mark.parametrize(
    ("width", "dark", "language", "is_judged"),
    [
        pytest.param(WIDE, False, "zh-CN", True, id="wide, light, Chinese"),
        pytest.param(NARROW, True, "en-US", True, id="narrow, dark, English"),
        pytest.param(WIDE, True, "en-US", False, id="wide, dark, English"),
        pytest.param(NARROW, False, "zh-CN", False, id="narrow, light, Chinese"),
    ],
)
def test_every_page_fits_is_accessible_and_shows_markup_as_text(
    chromium: Browser, website: WebSite, width: int, dark: bool, language: str, is_judged: bool
) -> None:
    keys = website.site.script(FILL)
    person = visitor(chromium, website.base, width=width, dark=dark, language=language)
    person.page.on("dialog", lambda dialog: person.complaints.append(f"a script ran: {dialog.message}"))
    person.log_in("admin")
    for path in PATHS:
        person.go(path.format(**keys))
        assert_good(person, path, is_judged=is_judged)
    for state, action in QUESTIONS:
        page = person.go(f"{ADMIN}/queue/writer/tasks/{state}/")
        page.locator(f"button[name=all][formaction$='/{action}/']").click()
        page.wait_for_url(re.compile(rf"/{state}/{action}/\?"))
        assert_good(person, f"{state}: {action}", is_judged=is_judged)
    look_at_progress(person)


def look_at_progress(person: Visitor) -> None:
    """Long work stands still without its script, and goes on by itself with it."""
    script = "**/syncqueue/live*.js"
    person.page.route(script, lambda route: route.fulfill(body="", content_type="text/javascript"))
    page = person.go(f"{ADMIN}/queue/writer/retry-failed/")
    page.locator(SUBMIT).click()
    expect(page.get_by_role("status")).to_contain_text(re.compile("25.*60|60.*25"))
    assert_good(person, "progress")
    page.unroute(script)
    page.locator("form[data-syncqueue-go-on] input[type=submit]").click()
    expect(page.locator(".messagelist")).to_contain_text("60")
    assert person.complaints == []


def assert_good(person: Visitor, path: str, *, is_judged: bool = True) -> None:
    """The page stands, fits, shows markup as text, complains of nothing, and axe finds nothing serious.

    Axe takes a second, so it looks once at each kind of page, and only where the page `is_judged`.
    """
    page = person.page
    expect(page.locator("h1").first).to_be_visible()
    assert not person.overflows(), path
    assert page.locator("img[src=x]").count() == 0, path
    assert person.complaints == [], path
    kind = re.sub(r"\d+", "#", page.url.partition("?")[0])
    if is_judged and kind not in person.judged:
        assert person.violations(without=OF_DJANGO) == [], path
        person.judged.add(kind)
        person.complaints.clear()  # axe reads the style sheets anew, and their imports from the wrong place


def test_tasks_are_retried_by_keyboard_alone(admin: Visitor, website: WebSite) -> None:
    website.site.script(FILL)
    page = admin.go(f"{ADMIN}/queue/writer/tasks/failed/")
    press_until(admin, "Select all on this page")
    page.keyboard.press("Space")
    assert page.locator("input[name=id]:checked").count() == 50
    admin.go(f"{ADMIN}/queue/writer/tasks/failed/")
    press_until(admin, "Retry all 60")
    page.keyboard.press("Enter")
    page.wait_for_url("**/retry/?*")
    press_until(admin, "Retry")
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("60 tasks are back in the queue.")
    assert admin.complaints == []


def test_a_hidden_tab_asks_for_nothing_and_a_shown_one_does_at_once(admin: Visitor, website: WebSite) -> None:
    page, asked = admin.page, []
    page.on("request", lambda request: asked.append(request.url) if "/live/" in request.url else None)
    page.clock.install()
    admin.go(f"{ADMIN}/queue/")
    with page.expect_response("**/live/**"):
        page.clock.run_for(2100)
    hide = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
    page.evaluate(hide + " document.dispatchEvent(new Event('visibilitychange')) }", True)
    asked.clear()
    page.clock.run_for(60_000)
    assert asked == []
    with page.expect_response("**/live/**"):
        page.evaluate(hide + " document.dispatchEvent(new Event('visibilitychange')) }", False)
    assert admin.complaints == []


def press_until(person: Visitor, name: str) -> None:
    """Press Tab until the element with this name has the focus."""
    words = "e => e.getAttribute('aria-label') || e.innerText || e.value || ''"
    for _step in range(200):
        person.page.keyboard.press("Tab")
        if person.page.locator(":focus").count() and person.page.locator(":focus").evaluate(words).strip() == name:
            return
    raise AssertionError(f"{name} is not reached by Tab.")
