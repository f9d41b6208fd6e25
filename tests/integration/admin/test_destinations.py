"""Destinations in the admin: secrets go in and never come out, deleting is retiring."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from syncqueue.models import Destination, SyncRecord
from syncqueue.presentation.destinations import condition
from tests.integration.admin.conftest import HTML
from tests.integration.api.people import ROLES, client_of

pytestmark = pytest.mark.django_db

LIST = "/admin/syncqueue/destination/"
TOKEN = "123456:a-token-that-must-not-be-shown-anywhere"
RIGHTS = ("add_destination", "change_destination", "delete_destination", "view_destination")


@pytest.fixture
def editor() -> Client:
    return client_of("operator", *RIGHTS)


def form_data(**changes: str) -> dict[str, str]:
    now = timezone.now()
    data = {
        "name": "@news", "address": "@news", "owner": "", "rule": "all", "rule_value": "", "options": "{}",
        "start_at_0": f"{now:%Y-%m-%d}", "start_at_1": f"{now:%H:%M:%S}", "enabled": "on", "secret_token": "",
    }  # fmt: skip
    return {**data, **changes}


def add(client: Client, service: str, **changes: str) -> Any:
    return client.post(f"{LIST}add/?service={service}", form_data(**changes))


@pytest.mark.parametrize("role", ROLES)
def test_seeing_queues_is_not_seeing_destinations(role: str) -> None:
    answer = client_of(role).get(LIST)
    assert answer.status_code == (302 if role in ("anonymous", "member") else 403)


@pytest.mark.parametrize("path", ["check/", "send-test/", "try-again/"])
@pytest.mark.parametrize("role", ROLES[:-1])
def test_nobody_without_rights_checks_or_mends(role: str, path: str, destination: Destination) -> None:
    Destination.objects.update(broken_reason="refused")
    answer = client_of(role).post(f"{LIST}{destination.pk}/{path}")
    assert answer.status_code == (302 if role in ("anonymous", "member") else 403)
    assert role not in ("anonymous", "member") or "/login/" in answer.headers["Location"]
    destination.refresh_from_db()
    assert destination.broken_reason == "refused"


def test_checking_is_for_those_who_may_change_the_destination(destination: Destination) -> None:
    assert client_of("operator").post(f"{LIST}{destination.pk}/check/").status_code == 403


@pytest.mark.parametrize("path", ["check/", "send-test/"])
def test_checking_and_testing_are_never_done_by_a_link(editor: Client, path: str, destination: Destination) -> None:
    assert editor.get(f"{LIST}{destination.pk}/{path}").status_code == 405


def test_the_service_is_asked_first_because_each_has_its_own_form(editor: Client) -> None:
    page = editor.get(f"{LIST}add/").content.decode()
    assert "?service=telegram" in page and "?service=second" in page


def test_with_one_service_its_form_comes_at_once(editor: Client, settings: Any) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "HANDLERS": {"telegram": {}}}
    assert editor.get(f"{LIST}add/").headers["Location"].endswith("?service=telegram")


@pytest.mark.parametrize("service", ["nowhere", "<script>"])
def test_an_unknown_service_is_asked_again(editor: Client, service: str) -> None:
    page = editor.get(f"{LIST}add/", {"service": service})
    assert "Choose the service of the destination." in page.content.decode()


def test_the_form_has_the_secrets_of_its_service_as_empty_passwords(editor: Client) -> None:
    page = editor.get(f"{LIST}add/?service=second").content.decode()
    assert 'type="password" name="secret_password"' in page
    assert "secret_token" not in page


def test_a_new_destination_is_stored_with_its_secret_encrypted(editor: Client) -> None:
    answer = add(editor, "telegram", secret_token=TOKEN)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    row = Destination.objects.get()
    assert (row.service, row.address, row.secret) == ("telegram", "@news", {"token": TOKEN})
    assert TOKEN not in row.secret_text


def test_the_handler_judges_what_was_entered(editor: Client) -> None:
    page = add(editor, "second", address="not a table!", secret_password="x")
    assert "The address is the name of a table." in page.content.decode()
    assert not Destination.objects.exists()


def test_a_stored_secret_never_comes_out(editor: Client, destination: Destination) -> None:
    for path in ("", f"{destination.pk}/change/", f"{destination.pk}/delete/", f"{destination.pk}/history/"):
        page = editor.get(LIST + path)
        assert page.status_code == 200
        assert TOKEN not in page.content.decode() and destination.secret_text not in page.content.decode()


def test_a_refused_form_does_not_send_the_secret_back(editor: Client) -> None:
    page = add(editor, "telegram", name="", secret_token=TOKEN)
    assert page.status_code == 200
    assert TOKEN not in page.content.decode()


def test_what_was_entered_stays_out_of_error_reports(editor: Client) -> None:
    answer = add(editor, "telegram", name="", secret_token=TOKEN)
    assert answer.wsgi_request.sensitive_post_parameters == "__ALL__"


def test_an_empty_secret_keeps_the_stored_one(editor: Client, destination: Destination) -> None:
    answer = editor.post(f"{LIST}{destination.pk}/change/", form_data(name="Renamed"))
    assert answer.status_code == 302
    destination.refresh_from_db()
    assert (destination.name, destination.secret) == ("Renamed", {"token": TOKEN})


def test_a_secret_that_no_key_opens_is_said_and_can_be_entered_again(
    editor: Client, destination: Destination, settings: Any
) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "ENCRYPTION_KEYS": ["another key"]}
    page = editor.get(f"{LIST}{destination.pk}/change/")
    assert "cannot be decrypted" in page.content.decode()
    editor.post(f"{LIST}{destination.pk}/change/", form_data(secret_token="654321:another-token-of-the-same-form"))
    destination.refresh_from_db()
    assert destination.secret == {"token": "654321:another-token-of-the-same-form"}


def test_the_start_keeps_its_fraction_of_a_second(editor: Client, destination: Destination) -> None:
    start = destination.start_at
    assert start is not None
    editor.post(
        f"{LIST}{destination.pk}/change/",
        form_data(name="Renamed", start_at_0=f"{start:%Y-%m-%d}", start_at_1=f"{start:%H:%M:%S}"),
    )
    destination.refresh_from_db()
    assert destination.start_at == start


def test_an_index_takes_all_objects_by_default_and_a_channel_new_ones(editor: Client) -> None:
    index = editor.get(f"{LIST}add/?service=second").context["adminform"].form
    channel = editor.get(f"{LIST}add/?service=telegram").context["adminform"].form
    assert index["start_at"].value() is None
    assert channel["start_at"].value() is not None


@pytest.mark.parametrize("options", ["[1]", '"text"', "3"])
def test_options_are_named_values(editor: Client, options: str) -> None:
    page = add(editor, "second", address="notes", secret_password="x", options=options)
    assert page.status_code == 200
    assert not Destination.objects.exists()


def test_a_rule_by_tag_names_the_tag(editor: Client) -> None:
    page = add(editor, "second", address="notes", secret_password="x", rule="tag")
    assert "Name the tag." in page.content.decode()


def test_what_the_settings_declare_is_shown_but_not_changed(
    editor: Client, destination: Destination, settings: Any
) -> None:
    Destination.objects.update(declared="news")
    entry = {"SERVICE": destination.service, "ADDRESS": destination.address}
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "DESTINATIONS": {"news": entry}}
    page = editor.get(f"{LIST}{destination.pk}/change/").content.decode()
    assert 'name="address"' not in page and "declared in the settings" in page
    assert editor.post(f"{LIST}{destination.pk}/change/", form_data(name="Renamed")).status_code == 403
    assert editor.post(f"{LIST}{destination.pk}/delete/", {"post": "yes"}).status_code == 403
    editor.post(LIST, {"action": "disable", "_selected_action": [destination.pk]})
    destination.refresh_from_db()
    assert (destination.name, destination.enabled) == ("@news", True)


def test_what_another_process_declares_says_so(editor: Client, destination: Destination) -> None:
    Destination.objects.update(declared="news")
    page = editor.get(f"{LIST}{destination.pk}/change/").content.decode()
    assert 'name="address"' not in page and "Not declared here" in page


def test_why_it_is_broken_is_told_as_text(editor: Client, destination: Destination) -> None:
    Destination.objects.update(broken_reason=f"The bot was kicked {HTML} with {TOKEN}", broken_at=timezone.now())
    for path in ("", f"{destination.pk}/change/"):
        page = editor.get(LIST + path).content.decode()
        assert "The bot was kicked &lt;script&gt;" in page
        assert HTML not in page and TOKEN not in page


def test_try_again_mends_and_is_logged(editor: Client, destination: Destination) -> None:
    Destination.objects.update(broken_reason="refused", broken_at=timezone.now())
    assert "try-again" in editor.get(f"{LIST}{destination.pk}/change/").content.decode()
    page = editor.post(f"{LIST}{destination.pk}/try-again/", follow=True).content.decode()
    assert "@news is tried again." in page
    destination.refresh_from_db()
    assert destination.broken_reason == ""
    assert LogEntry.objects.get().object_repr == "@news: mend"


@pytest.mark.parametrize("change", [{"address": "@other"}, {"secret_token": "654321:another-token-of-the-same-form"}])
def test_a_changed_address_or_secret_mends(
    editor: Client, destination: Destination, change: dict[str, str], django_capture_on_commit_callbacks: Any
) -> None:
    Destination.objects.update(broken_reason="refused", broken_at=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        answer = editor.post(f"{LIST}{destination.pk}/change/", form_data(**change))
    assert answer.status_code == 302
    destination.refresh_from_db()
    assert destination.broken_reason == ""


def test_another_name_mends_nothing(
    editor: Client, destination: Destination, django_capture_on_commit_callbacks: Any
) -> None:
    Destination.objects.update(broken_reason="refused", broken_at=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        editor.post(f"{LIST}{destination.pk}/change/", form_data(name="Renamed"))
    destination.refresh_from_db()
    assert (destination.name, destination.broken_reason) == ("Renamed", "refused")


@pytest.mark.parametrize(("action", "enabled"), [("disable", False), ("enable", True)])
def test_enable_and_disable_work_on_a_selection(
    editor: Client, destination: Destination, action: str, enabled: bool
) -> None:
    Destination.objects.update(enabled=not enabled)
    page = editor.post(LIST, {"action": action, "_selected_action": [destination.pk]}, follow=True)
    assert "1 destination is changed." in page.content.decode()
    destination.refresh_from_db()
    assert destination.enabled is enabled


def test_deleting_asks_what_becomes_of_the_copies_with_their_count(editor: Client, record: SyncRecord) -> None:
    page = editor.get(f"{LIST}{record.destination_id}/delete/").content.decode()
    assert "1 object has a copy there." in page
    assert 'value="leave" checked' in page


def test_deleting_with_copies_left_takes_the_destination_out(editor: Client, record: SyncRecord) -> None:
    editor.post(f"{LIST}{record.destination_id}/delete/", {"post": "yes", "copies": "leave"})
    left = Destination.objects.filter(pk=record.destination_id)
    assert not left.exists() or left.get().state == "retiring"
    assert not SyncRecord.objects.filter(pk=record.pk, state="waiting").exists()


def test_deleting_with_copies_removed_keeps_the_destination_until_they_are_gone(
    editor: Client, record: SyncRecord
) -> None:
    page = editor.post(
        f"{LIST}{record.destination_id}/delete/", {"post": "yes", "copies": "remove"}, follow=True
    ).content.decode()
    assert "@news is being retired." in page
    left = Destination.objects.get(pk=record.destination_id)
    assert (left.state, left.remove_remote) == ("retiring", True)
    record.refresh_from_db()
    assert record.state == "waiting"


def test_many_are_not_deleted_at_once(editor: Client, destination: Destination) -> None:
    editor.post(LIST, {"action": "delete_selected", "_selected_action": [destination.pk], "post": "yes"})
    assert Destination.objects.filter(state="active").exists()


def test_an_owner_who_is_gone_breaks_no_page(editor: Client, destination: Destination) -> None:
    Destination.objects.update(owner_id=987654)
    assert editor.get(LIST).status_code == 200
    assert editor.get(f"{LIST}{destination.pk}/change/").status_code == 200


def test_a_service_that_is_off_breaks_no_page(editor: Client, destination: Destination) -> None:
    Destination.objects.update(service="gone")
    assert "its service is off" in editor.get(LIST).content.decode()
    assert editor.get(f"{LIST}{destination.pk}/change/").status_code == 200


def test_the_list_costs_no_query_a_row(editor: Client, django_assert_max_num_queries: Any) -> None:
    owner = User.objects.create_user("owner")
    for number in range(20):
        Destination.objects.create(
            name=f"@{number}", service="telegram", owner=owner, start_at=timezone.now() - timedelta(days=1)
        )
    with django_assert_max_num_queries(10):
        assert editor.get(LIST).status_code == 200


@pytest.mark.parametrize("role", ROLES)
def test_a_test_is_sent_by_those_who_may_change_the_destination(role: str, destination: Destination) -> None:
    answer = client_of(role).post(f"{LIST}{destination.pk}/send-test/")
    assert answer.status_code == (302 if role in ("anonymous", "member") else 403)
    assert role not in ("anonymous", "member") or "/login/" in answer.headers["Location"]


def test_a_test_at_an_index_leaves_no_row_and_says_what_was_found(editor: Client) -> None:
    index = Destination.objects.create(name="index", service="second", address="notes")
    page = editor.post(f"{LIST}{index.pk}/send-test/", follow=True).content.decode()
    assert "The table notes answers." in page
    assert LogEntry.objects.get().object_repr == "index: send a test"


def test_a_test_that_is_refused_says_why(editor: Client, destination: Destination) -> None:
    page = editor.post(f"{LIST}{destination.pk}/send-test/", follow=True).content.decode()
    assert 'class="error"' in page and TOKEN not in page


def test_what_to_do_about_a_broken_destination_is_said(editor: Client, destination: Destination) -> None:
    Destination.objects.update(broken_reason="The bot was kicked", broken_at=timezone.now())
    page = editor.get(f"{LIST}{destination.pk}/change/").content.decode()
    assert "The bot was kicked. Fix it at the service" in page


@pytest.mark.parametrize(("declared", "advice"), [("", "enter another address"), ("news", "['DESTINATIONS']['news']")])
def test_a_refused_destination_advises_what_can_be_done_on_its_page(declared: str, advice: str, settings: Any) -> None:
    declaration = {"SERVICE": "telegram", "ADDRESS": "@news", "SECRET": {"token": TOKEN}}
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "DESTINATIONS": {"news": declaration}}
    row = Destination(name="@news", service="telegram", address="@news", declared=declared)
    row.broken_reason, row.broken_at = "Unauthorized.", timezone.now()
    assert advice in condition(row)
    assert ("enter another address" in condition(row)) is (declared == "")


def test_what_readers_see_takes_public_objects_alone_unless_somebody_chooses_otherwise(admin_client: Client) -> None:
    page = admin_client.get("/admin/syncqueue/destination/add/?service=telegram").content.decode()
    assert '<option value="public" selected>public only</option>' in page
    assert '<option value="all">all, private ones too</option>' in page


def test_an_index_takes_everything_and_a_stored_rule_is_shown_as_it_is(admin_client: Client, settings: Any) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "HANDLERS": {"telegram": {}, "manticore": {}}}
    page = admin_client.get("/admin/syncqueue/destination/add/?service=manticore").content.decode()
    assert '<option value="all" selected>all, private ones too</option>' in page
    row = Destination.objects.create(name="@all", service="telegram", address="@all", rule="all")
    page = admin_client.get(f"/admin/syncqueue/destination/{row.pk}/change/").content.decode()
    assert '<option value="all" selected>all, private ones too</option>' in page
