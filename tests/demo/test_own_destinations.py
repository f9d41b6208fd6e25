"""The pages where people who are not staff see and edit destinations of their own."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

import syncqueue
from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue import muted
from syncqueue.models import Destination, DestinationState, SyncRecord
from syncqueue.testing import captured_syncs
from tests.integration.sync.scene import work
from tests.patience import IMMEDIATE

pytestmark = pytest.mark.django_db

DATA = {"name": "Mine", "address": "@news", "rule": "all", "enabled": "on"}
START = {"start_at_0": "2026-01-02", "start_at_1": "03:04:05"}
SERVICES = ["telegram", "mastodon", "bluesky", "webhook"]
LIST, NEW = "/destinations/", "/destinations/new/telegram/"
SHOWN, DONE = ["edit", "delete"], ["switch", "test", "mend"]  # what GET answers, and what POST alone does


@pytest.fixture(autouse=True)
def own_site(sandbox: RunningSandbox, redis_url: str, settings: Any) -> None:
    """A site with all services, whose people bring destinations of their own; its Telegram is the sandbox."""
    settings.OWN_DESTINATIONS = True
    handlers: dict[str, Any] = {service: {} for service in [*SERVICES, "manticore"]}
    handlers["telegram"] = {"OPTIONS": {"API_BASE_URL": sandbox.telegram_url}}
    handlers["manticore"] = {"OPTIONS": {"URL": sandbox.manticore_url}}
    where = {"REDIS": redis_url, "KEY_PREFIX": uuid.uuid4().hex}
    settings.SYNCQUEUE = {**where, "IMMEDIATE": IMMEDIATE, "HANDLERS": handlers}


@pytest.fixture
def writer() -> User:
    return User.objects.create_user("writer")


@pytest.fixture
def browser(writer: User) -> Client:
    client = Client()
    client.force_login(writer)
    return client


@pytest.fixture
def mine(writer: User, sandbox: RunningSandbox) -> Destination:
    return channel(sandbox, writer)


@pytest.fixture
def foreign(sandbox: RunningSandbox) -> Destination:
    return channel(sandbox, User.objects.create_user("other"), name="Theirs")


def channel(sandbox: RunningSandbox, owner: User | None, name: str = "Mine", **values: Any) -> Destination:
    row = Destination(name=name, service="telegram", address="@news", owner=owner, **values)
    row.secret = {"token": sandbox.bot_token}
    row.save()
    return row


def page(browser: Client, path: str, data: dict[str, Any] | None = None) -> str:
    """The text of a page, or of the one that follows a POST."""
    answer = browser.get(path) if data is None else browser.post(path, data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


# What is shown


def test_the_list_shows_own_destinations_alone(
    browser: Client, mine: Destination, foreign: Destination, sandbox: RunningSandbox
) -> None:
    channel(sandbox, None, name="The site's channel")
    text = page(browser, LIST)
    assert "Mine" in text and "Works." in text
    assert "Theirs" not in text and "The site&#x27;s channel" not in text


def test_the_list_says_in_words_what_is_wrong_and_never_the_secret(
    browser: Client, mine: Destination, sandbox: RunningSandbox
) -> None:
    Destination.objects.update(broken_reason="<b>Forbidden</b>", broken_at=timezone.now())
    text = page(browser, LIST)
    assert "Broken since" in text and "&lt;b&gt;Forbidden&lt;/b&gt;" in text and "Try again" in text
    assert "Bot token: set" in text and sandbox.bot_token not in text


def test_the_menu_leads_to_the_list_where_people_bring_their_own(browser: Client, settings: Any) -> None:
    assert f'href="{LIST}"' in page(browser, "/")
    settings.OWN_DESTINATIONS = False
    assert f'href="{LIST}"' not in page(browser, "/")
    assert browser.get(LIST).status_code == 404


def test_services_with_a_form_for_people_are_offered_and_the_sites_index_is_not(browser: Client) -> None:
    text = page(browser, LIST)
    for service in SERVICES:
        assert f"/destinations/new/{service}/" in text
        assert "Save" in page(browser, f"/destinations/new/{service}/")
    assert "manticore" not in text
    assert browser.get("/destinations/new/manticore/").status_code == 404


# Whose it is


@pytest.mark.parametrize("step", SHOWN + DONE)
def test_another_persons_destination_is_not_found_at(step: str, browser: Client, foreign: Destination) -> None:
    before = Destination.objects.filter(pk=foreign.pk).values().get()
    path = f"/destinations/{foreign.pk}/{step}/"
    assert browser.post(path, {**DATA, **START, "enabled": "off", "copies": "remove"}).status_code == 404
    if step in SHOWN:
        assert browser.get(path).status_code == 404
    assert Destination.objects.filter(pk=foreign.pk).values().get() == before


def test_a_superuser_too_reaches_own_destinations_only(foreign: Destination) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    assert client.get(f"/destinations/{foreign.pk}/edit/").status_code == 404
    assert "Theirs" not in page(client, LIST)


@pytest.mark.parametrize("step", ["", "new/telegram/", *(f"{{pk}}/{step}/" for step in SHOWN + DONE)])
def test_a_stranger_is_asked_to_log_in_at(step: str, mine: Destination) -> None:
    path = f"/destinations/{step.format(pk=mine.pk)}"
    for answer in (Client().get(path), Client().post(path)):
        assert answer.status_code == 302 and answer.headers["Location"].startswith("/login/")


@pytest.mark.parametrize("step", DONE)
def test_a_link_alone_changes_nothing_at(step: str, browser: Client, mine: Destination) -> None:
    assert browser.get(f"/destinations/{mine.pk}/{step}/").status_code == 405


@pytest.mark.parametrize("step", ["new/telegram/", *(f"{{pk}}/{step}/" for step in SHOWN + DONE)])
def test_a_post_from_another_site_is_refused_at(step: str, writer: User, mine: Destination) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(writer)
    assert client.post(f"/destinations/{step.format(pk=mine.pk)}", {**DATA, **START}).status_code == 403
    assert Destination.objects.get().enabled


# What can be done


def test_a_person_adds_a_channel_whose_owner_is_not_the_requests_to_name(
    browser: Client, writer: User, foreign: Destination, sandbox: RunningSandbox
) -> None:
    data = {**DATA, **START, "secret_token": sandbox.bot_token, "owner": foreign.owner_id}
    assert "Mine is saved." in page(browser, NEW, data)
    row = Destination.objects.get(owner=writer)
    assert (row.service, row.address, row.secret) == ("telegram", "@news", {"token": sandbox.bot_token})


def test_what_is_filled_in_wrong_is_said_and_the_secret_is_not_shown_again(browser: Client) -> None:
    text = page(browser, NEW, {**DATA, **START, "name": "", "secret_token": "123456:a-token-that-was-typed"})
    assert "This field is required." in text and "a-token-that-was-typed" not in text
    assert not Destination.objects.exists()


def test_an_edit_with_an_empty_secret_keeps_the_stored_one(
    browser: Client, mine: Destination, sandbox: RunningSandbox
) -> None:
    path = f"/destinations/{mine.pk}/edit/"
    text = page(browser, path)
    assert "It is set." in text and sandbox.bot_token not in text
    page(browser, path, {**DATA, **START, "name": "Renamed"})
    mine.refresh_from_db()
    assert (mine.name, mine.secret) == ("Renamed", {"token": sandbox.bot_token})


def test_the_places_of_a_bot_are_found_from_the_form(browser: Client, sandbox: RunningSandbox) -> None:
    assert "News (@news)" in page(browser, NEW, {"secret_token": sandbox.bot_token, "find_places": "1"})


def test_a_destination_is_switched_off_and_on(browser: Client, mine: Destination) -> None:
    for value, is_on, words in [("off", False, "Disabled: it accepts nothing."), ("on", True, "Works.")]:
        assert words in page(browser, f"/destinations/{mine.pk}/switch/", {"enabled": value})
        mine.refresh_from_db()
        assert mine.enabled is is_on


def test_a_test_is_posted_to_the_channel_and_taken_away(
    browser: Client, mine: Destination, sandbox: RunningSandbox
) -> None:
    assert "A test was posted to Mine and deleted again." in page(browser, f"/destinations/{mine.pk}/test/", {})
    assert [entry["method"] for entry in sandbox.log()] == ["sendMessage", "deleteMessage"]


def test_a_test_that_fails_says_why_without_the_secret(
    browser: Client, mine: Destination, sandbox: RunningSandbox
) -> None:
    sandbox.set_mode("telegram", "broken", chat="@news")
    text = page(browser, f"/destinations/{mine.pk}/test/", {})
    assert 'class="error"' in text and "deleted again" not in text
    assert sandbox.bot_token not in text


def test_a_broken_destination_is_tried_again(browser: Client, mine: Destination) -> None:
    Destination.objects.update(broken_reason="Forbidden", broken_at=timezone.now())
    assert "Mine is tried again." in page(browser, f"/destinations/{mine.pk}/mend/", {})
    mine.refresh_from_db()
    assert mine.broken_reason == ""


def copy_at(mine: Destination) -> SyncRecord:
    with muted():
        note = Note.objects.create(owner=mine.owner, text="Out there")
    SyncRecord.objects.all().delete()
    part = {"kind": "text", "id": "7", "url": "", "address": "@news"}
    values = {"source": "notes.note", "object_pk": note.pk, "service": "telegram", "state": "synced", "parts": [part]}
    return SyncRecord.objects.create(destination=mine, **values)


def test_a_deletion_asks_what_becomes_of_the_copies(browser: Client, mine: Destination) -> None:
    copy_at(mine)
    assert "1 note has a copy there." in page(browser, f"/destinations/{mine.pk}/delete/")
    assert Destination.objects.get().state == DestinationState.ACTIVE


def test_a_deleted_destination_whose_copies_are_removed_goes_after_them(browser: Client, mine: Destination) -> None:
    copy_at(mine)
    text = page(browser, f"/destinations/{mine.pk}/delete/", {"copies": "remove"})
    assert "Retiring: it is deleted after its copies are removed." in text
    assert f"/destinations/{mine.pk}/edit/" not in text
    row = Destination.objects.get()
    assert (row.state, row.remove_remote) == (DestinationState.RETIRING, True)
    assert SyncRecord.objects.get().state == "waiting"
    assert browser.post(f"/destinations/{mine.pk}/switch/", {"enabled": "on"}).status_code == 404


def test_a_deleted_destination_whose_copies_stay_is_gone_at_once(browser: Client, mine: Destination) -> None:
    copy_at(mine)
    assert "Mine is being deleted." in page(browser, f"/destinations/{mine.pk}/delete/", {"copies": "leave"})
    assert not Destination.objects.exists() and not SyncRecord.objects.exists()


# A credential that is there already


def test_own_credentials_alone_are_offered_for_a_new_destination(
    browser: Client, mine: Destination, foreign: Destination, sandbox: RunningSandbox
) -> None:
    channel(sandbox, None, name="The site's channel")
    text = page(browser, f"{NEW}?credential_of={mine.pk}")
    assert f'<option value="{mine.pk}" selected>Mine (@news)</option>' in text
    assert "Theirs" not in text and "The site&#x27;s channel" not in text and sandbox.bot_token not in text
    assert "credential_of" not in page(browser, "/destinations/new/mastodon/")
    for key in (foreign.pk, Destination.objects.get(name="The site's channel").pk):
        text = page(browser, NEW, {**DATA, **START, "name": "More", "credential_of": key})
        assert "Select a valid choice" in text
    assert not Destination.objects.filter(name="More").exists()


@pytest.mark.django_db(transaction=True)
def test_one_bot_serves_two_channels_of_a_person(
    browser: Client, mine: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    chosen = {**DATA, **START, "name": "More", "address": "@drafts", "credential_of": mine.pk}
    text = page(browser, NEW, {**chosen, "find_places": "1"})
    assert "News (@news)" in text and f'value="{mine.pk}" selected' in text and sandbox.bot_token not in text
    assert "More is saved." in page(browser, NEW, chosen)
    assert destinations_of_a_new_note(writer) == ["Mine", "More"]
    assert [len(sandbox.messages(chat)) for chat in ("@news", "@drafts")] == [1, 1]


# Where notes go


def destinations_of_a_new_note(owner: User) -> list[str]:
    note = Note.objects.create(owner=owner, text="Hello")
    work()
    return [sentence.destination for sentence in syncqueue.explain(note) if "has been up to date" in sentence.text]


@pytest.mark.django_db(transaction=True)
def test_a_new_note_goes_to_its_writers_own_destinations_and_to_the_sites_where_there_are_none(
    mine: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    channel(sandbox, None, name="news")
    assert destinations_of_a_new_note(writer) == ["Mine"]
    assert destinations_of_a_new_note(User.objects.create_user("other")) == ["news"]


@pytest.mark.django_db(transaction=True)
def test_notes_of_a_writer_who_has_switched_all_off_do_not_turn_up_in_the_sites_channel(
    mine: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    channel(sandbox, None, name="news")
    Destination.objects.filter(pk=mine.pk).update(enabled=False)
    assert destinations_of_a_new_note(writer) == []


@pytest.mark.django_db(transaction=True)
def test_a_writer_with_own_destinations_finds_notes_by_the_sites_search(
    browser: Client, mine: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    Destination.objects.create(name="index", service="manticore", address="notes", start_at=None)
    assert destinations_of_a_new_note(writer) == ["Mine", "index"]
    assert "Hello" in page(browser, "/?q=hello")
    client = Client()
    client.force_login(User.objects.create_user("other"))
    assert "Hello" not in page(client, "/?q=hello")


def test_the_page_of_a_note_says_how_it_stands_at_its_writers_own_destination(
    browser: Client, mine: Destination, writer: User
) -> None:
    with captured_syncs():
        note = Note.objects.create(owner=writer, text="Hello")
    assert "Mine" in page(browser, f"/notes/{note.pk}/")
