"""What a sentence names is a link, and what is broken has the same button, and its command, wherever a page says so."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client

from syncqueue.admin.cures import names_of
from syncqueue.admin.sentences import Sentences
from syncqueue.models import Destination, SyncRecord
from syncqueue.queue.calls import AdmissionRequest
from tests.integration.admin.conftest import HTML
from tests.integration.api.people import client_of
from tests.integration.api.seeds import fill, queue_of

pytestmark = pytest.mark.django_db

ADMIN = "/admin/syncqueue"
DASHBOARD = f"{ADMIN}/queue/"


def sentences() -> Sentences:
    return Sentences(User.objects.create_superuser("root"), "admin")


def buttons(page: str) -> list[str]:
    """The addresses of the buttons behind sentences."""
    return [unescape(url) for url in re.findall(r'<a class="syncqueue-button syncqueue-cure" href="([^"]+)"', page)]


def commands(page: str) -> list[str]:
    return [unescape(text) for text in re.findall(r'<code class="syncqueue-copy">(manage\.py [^<]+)</code>', page)]


# Sentences


def test_services_and_destinations_are_links_where_they_stand_first(destination: Destination) -> None:
    text = "telegram: @news is refused (telegram.org says that @news is no chat)."
    assert sentences().html(text, names_of(destination)) == (
        f'<a href="{DASHBOARD}#service-telegram">telegram</a>: '
        f'<a href="{ADMIN}/destination/{destination.pk}/change/">@news</a> is refused (telegram.org says that @news is '
        "no chat)."
    )


def test_a_name_is_found_between_chinese_words_and_not_within_another_name(destination: Destination) -> None:
    Destination.objects.update(name="news")
    destination.refresh_from_db()
    found = sentences().html("来自news-2和news.example的news被拒绝", names_of(destination))
    assert found.count("<a ") == 1
    assert f'的<a href="{ADMIN}/destination/{destination.pk}/change/">news</a>被拒绝' in found


def test_settings_and_commands_are_words_to_copy() -> None:
    found = sentences().html(
        "Correct SYNCQUEUE['DESTINATIONS']['news'] or ALLOWED_PRIVATE_HOSTS; run “manage.py migrate”."
    )
    copied = [unescape(text) for text in re.findall(r'<code class="syncqueue-copy">([^<]+)</code>', found)]
    assert copied == ["SYNCQUEUE['DESTINATIONS']['news']", "ALLOWED_PRIVATE_HOSTS", "manage.py migrate"]


def test_an_object_leads_to_its_page_for_those_who_may_see_it() -> None:
    text = "notes.note:5: NoteSync.document() raised KeyError; api.telegram.org:443 is another."
    assert sentences().html(text).startswith('<a href="/admin/notes/note/5/change/">notes.note:5</a>: NoteSync')
    assert sentences_of_nobody().html(text) == text


def sentences_of_nobody() -> Sentences:
    return Sentences(AnonymousUser(), "admin")


def test_a_sentence_is_text_whatever_it_says(destination: Destination) -> None:
    Destination.objects.update(name=HTML)
    destination.refresh_from_db()
    found = sentences().html(f"telegram: {HTML} says {HTML}", names_of(destination))
    assert "<script" not in found and found.count("&lt;script&gt;") == 2


# A destination that is refused


def break_destination(record: SyncRecord) -> None:
    SyncRecord.objects.update(state="waiting", error="")
    Destination.objects.update(broken_reason="The bot was kicked.", broken_at=record.changed_at)


def pages_of(record: SyncRecord) -> dict[str, str]:
    """Every page that says how a record stands; those that have room for a command first."""
    return {
        "dashboard": DASHBOARD,
        "destination": f"{ADMIN}/destination/{record.destination_id}/change/",
        "record": f"{ADMIN}/syncrecord/{record.pk}/change/",
        "object": f"/admin/notes/note/{record.object_pk}/change/",
        "destinations": f"{ADMIN}/destination/",
        "records": f"{ADMIN}/syncrecord/",
    }


def test_a_refused_destination_has_its_button_and_its_command_wherever_it_is_said(
    admin_client: Client, record: SyncRecord
) -> None:
    break_destination(record)
    for name, path in pages_of(record).items():
        page = admin_client.get(path).content.decode()
        assert f"{ADMIN}/destination/{record.destination_id}/try-again/" in buttons(page), name
        assert ("manage.py syncqueue mend @news" in commands(page)) is (name not in ("destinations", "records")), name


def test_a_task_that_waits_for_a_refused_destination_has_the_button_too(
    admin_client: Client, record: SyncRecord
) -> None:
    break_destination(record)
    queue = queue_of("telegram")
    fill("telegram", pending=1)
    (claimed,) = queue.claim(1).tasks
    name = f"stopped:destination:{record.destination_id}"
    queue.hold(name, None, "The bot was kicked.")
    queue.admit([AdmissionRequest(claimed=claimed, holds=(name,))])
    page = admin_client.get(f"{DASHBOARD}telegram/tasks/delayed/").content.decode()
    assert buttons(page) == [f"{ADMIN}/destination/{record.destination_id}/try-again/"]


def test_those_who_may_not_press_a_button_do_not_see_it(record: SyncRecord) -> None:
    break_destination(record)
    viewer = client_of("viewer", "view_destination")
    for name, path in pages_of(record).items():
        if name != "object":
            page = viewer.get(path).content.decode()
            assert "try-again" not in page and "syncqueue mend" not in page, name


def test_the_button_asks_with_what_waits_and_mends_once_it_is_confirmed(
    admin_client: Client, record: SyncRecord
) -> None:
    break_destination(record)
    address = f"{ADMIN}/destination/{record.destination_id}/try-again/"
    asked = admin_client.get(address).content.decode()
    assert "“@news” is marked as fixed: 1 waiting object is sent." in asked
    assert "The bot was kicked." in asked
    assert Destination.objects.get().broken_reason
    done = admin_client.post(address, follow=True)
    assert done.redirect_chain == [(f"{ADMIN}/destination/{record.destination_id}/change/", 302)]
    assert not Destination.objects.get().broken_reason


@pytest.mark.parametrize("role", ["anonymous", "staff", "viewer"])
def test_nobody_else_is_asked(role: str, destination: Destination) -> None:
    address = f"{ADMIN}/destination/{destination.pk}/try-again/"
    assert client_of(role).get(address).status_code == (302 if role == "anonymous" else 403)


# A record that is not in sync


@pytest.mark.parametrize("state", ["failed", "unknown", "abandoned"])
def test_a_record_that_is_not_in_sync_has_its_button_wherever_it_is_said(
    admin_client: Client, record: SyncRecord, state: str
) -> None:
    SyncRecord.objects.update(state=state)
    found = set()
    for name in ("records", "record", "object"):
        page = admin_client.get(pages_of(record)[name]).content.decode()
        found |= set(buttons(page))
        assert (f"manage.py syncqueue sync notes.note {record.object_pk}" in commands(page)) is (name != "records")
    (address,) = found
    asked = admin_client.get(address)
    assert "1 record is synced again" in asked.content.decode()
    done = admin_client.post(asked.context["action"], dict(asked.context["hidden"]), follow=True)
    assert [row.pk for row in done.context["cl"].result_list] == [record.pk]
    record.refresh_from_db()
    assert record.state == "waiting"


def test_a_record_in_sync_has_no_button(admin_client: Client, record: SyncRecord) -> None:
    SyncRecord.objects.update(state="synced", error="")
    for name in ("records", "record", "object"):
        assert not buttons(admin_client.get(pages_of(record)[name]).content.decode()), name


# A service that waits


@pytest.mark.parametrize("hold", ["pause", "rate:destination:{}"])
def test_a_service_that_is_paused_or_asks_to_wait_is_resumed_from_wherever_it_is_said(
    admin_client: Client, record: SyncRecord, hold: str
) -> None:
    SyncRecord.objects.update(state="waiting", error="")
    queue_of("telegram").hold(hold.format(record.destination_id), None if hold == "pause" else 600, "Wait.")
    for name in ("dashboard", "records", "record"):
        page = admin_client.get(pages_of(record)[name]).content.decode()
        assert f"{DASHBOARD}telegram/resume/" in buttons(page), name
        assert ("manage.py syncqueue resume telegram" in commands(page)) is (name != "records"), name
    assert admin_client.get(f"{DASHBOARD}telegram/resume/").status_code == 200


def test_a_service_whose_own_tasks_are_refused_is_told_and_resumed(admin_client: Client) -> None:
    queue_of("second").hold("stopped:service:second", None, "The token is refused.")
    page = admin_client.get(DASHBOARD).content.decode()
    assert "has been refused since" in page and "(The token is refused); 0 tasks wait until someone resumes it." in page
    assert f"{DASHBOARD}second/resume/" in buttons(page)
    admin_client.post(f"{DASHBOARD}second/resume/")
    assert queue_of("second").holds() == []


def test_failures_lead_to_their_list_and_to_their_retry(admin_client: Client) -> None:
    fill("telegram", failed=2)
    page = admin_client.get(DASHBOARD).content.decode()
    assert {f"{DASHBOARD}telegram/tasks/failed/", f"{DASHBOARD}telegram/retry-failed/"} <= set(buttons(page))
    assert {"manage.py syncqueue failures telegram", "manage.py syncqueue retry telegram"} <= set(commands(page))


def test_each_button_of_the_dashboard_leads_to_a_page(admin_client: Client, record: SyncRecord) -> None:
    fill("telegram", failed=1, pending=1)
    SyncRecord.objects.update(state="unknown")
    queue_of("telegram").hold("breaker:api.example.org:443", 60, "unreachable")
    queue_of("second").hold("pause", None, "Paused.")
    Destination.objects.update(broken_reason="The bot was kicked.", broken_at=record.changed_at)
    found = buttons(admin_client.get(DASHBOARD).content.decode())
    assert len(found) > 6
    for address in found:
        assert admin_client.get(address).status_code == 200, address
