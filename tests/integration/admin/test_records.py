"""Records in the admin: read by those who may, synced by those who may operate."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from project.notes.models import Note
from syncqueue.admin import keyset, record_actions, rounds
from syncqueue.models import Destination, RecordState, SyncRecord
from tests.integration.admin.conftest import HTML
from tests.integration.api.people import ROLES, client_of

pytestmark = pytest.mark.django_db

LIST = "/admin/syncqueue/syncrecord/"
EXPECTED = {"anonymous": 302, "member": 302, "staff": 403, "viewer": 200, "operator": 200}


@pytest.mark.parametrize("role", ROLES)
def test_only_staff_with_the_view_permission_see_records(role: str, record: SyncRecord) -> None:
    client = client_of(role)
    assert client.get(LIST).status_code == EXPECTED[role]
    assert client.get(f"{LIST}{record.pk}/change/").status_code == EXPECTED[role]


@pytest.mark.parametrize("path", ["add/", "{pk}/delete/"])
def test_nobody_adds_or_deletes_records(path: str, record: SyncRecord) -> None:
    client = client_of("operator", "add_syncrecord", "delete_syncrecord")
    assert client.post(LIST + path.format(pk=record.pk), {"post": "yes"}).status_code == 403
    assert SyncRecord.objects.filter(pk=record.pk).exists()


def test_a_record_is_not_changed_by_its_form(record: SyncRecord) -> None:
    client = client_of("operator", "change_syncrecord")
    assert client.post(f"{LIST}{record.pk}/change/", {"state": "synced"}).status_code == 403


def test_error_object_and_copy_are_shown_as_text_and_links(record: SyncRecord) -> None:
    client = client_of("viewer")
    for path in ("", f"{record.pk}/change/"):
        page = client.get(LIST + path).content.decode()
        assert "Refused: &lt;script&gt;" in page and HTML not in page
        assert f"Note {record.object_pk}" in page
        assert 'href="https://t.me/news/7"' in page
    assert f'href="/admin/notes/note/{record.object_pk}/change/"' in page


def test_a_copy_whose_answer_is_not_there_is_told_in_words(record: SyncRecord) -> None:
    record.parts = [{"kind": "sent", "id": '{"sent_at":1}', "url": "", "address": "@news"}]
    record.save()
    page = client_of("viewer").get(f"{LIST}{record.pk}/change/").content.decode()
    assert "a copy that was sent, and whose response is lost or pending" in page
    assert "there may be a copy that is not listed here" in page
    assert "sent_at" not in page


def test_a_record_is_called_by_its_title_and_its_destination(record: SyncRecord, destination: Destination) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    page = client.get(f"{LIST}{record.pk}/change/").content.decode()
    assert page.count(f"Hello (Note {record.object_pk}) → @news") >= 3  # title, heading, breadcrumbs
    assert (
        f'<a href="/admin/syncqueue/destination/{destination.pk}/change/">@news</a>'
        in client.get(LIST).content.decode()
    )
    assert "notes.note:" not in page


def test_titles_cost_one_query_a_page(
    record: SyncRecord, destination: Destination, django_assert_max_num_queries: Any
) -> None:
    owner = User.objects.get(username="writer")
    for note in Note.objects.bulk_create([Note(owner=owner, text=f"Title {n}") for n in range(20)]):
        SyncRecord.objects.get_or_create(
            source="notes.note", object_pk=str(note.pk), destination=destination, service="telegram"
        )
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    client.get(LIST)
    with django_assert_max_num_queries(9):
        assert "Title 7 (Note" in client.get(LIST).content.decode()


def test_a_record_that_was_never_tried_at_a_broken_destination_says_what_it_waits_for(record: SyncRecord) -> None:
    SyncRecord.objects.update(state="waiting", error="")
    Destination.objects.update(broken_reason="The bot was kicked.")
    client = client_of("viewer")
    for path in ("", f"{record.pk}/change/"):
        assert "The bot was kicked." in client.get(LIST + path).content.decode()


@pytest.mark.parametrize(
    "part", [{"kind": "text", "id": "7", "url": "javascript:alert(1)"}, {"id": HTML}, "text", {"url": "//evil"}]
)
def test_only_web_addresses_become_links(record: SyncRecord, part: object) -> None:
    SyncRecord.objects.update(parts=[part])
    page = client_of("viewer").get(LIST).content.decode()
    assert "javascript:" not in page and 'href="//evil"' not in page and HTML not in page


def test_a_model_that_is_gone_breaks_no_page(record: SyncRecord) -> None:
    SyncRecord.objects.update(source="gone.model")
    client = client_of("viewer")
    assert "gone.model" in client.get(LIST).content.decode()
    assert client.get(f"{LIST}{record.pk}/change/").status_code == 200


def test_filters_by_state_service_and_destination(record: SyncRecord) -> None:
    other = Destination.objects.create(name="index", service="second")
    SyncRecord.objects.create(source="notes.note", object_pk="77", destination=other, service="second", state="synced")
    client = client_of("viewer")
    for query, shown in (
        ("state__exact=failed", record.object_pk), ("service=second", "77"), (f"destination={other.pk}", "77"),
    ):  # fmt: skip
        found = client.get(f"{LIST}?{query}").context["cl"].result_list
        assert [row.object_pk for row in found] == [shown], query


def test_search_takes_the_beginning_of_a_key_or_one_object(destination: Destination) -> None:
    for pk in ("4", "42", "421", "9"):
        SyncRecord.objects.create(source="notes.note", object_pk=pk, destination=destination, service="telegram")
    client = client_of("viewer")
    for term, expected in (("42", {"42", "421"}), ("notes.note:42", {"42"}), ("Notes.Note:9", {"9"}), ("x", set())):
        found = client.get(LIST, {"q": term}).context["cl"].result_list
        assert {row.object_pk for row in found} == expected, term


def test_the_list_costs_no_query_a_row(destination: Destination, django_assert_max_num_queries: Any) -> None:
    for pk in range(40):
        SyncRecord.objects.create(source="notes.note", object_pk=pk, destination=destination, service="telegram")
    client = client_of("viewer")
    with django_assert_max_num_queries(10):
        client.get(LIST)


def test_sync_now_brings_a_failed_record_back_and_is_logged(record: SyncRecord) -> None:
    client, data = client_of("operator"), {"action": "sync_now", "_selected_action": [record.pk]}
    asked = client.post(LIST, data, follow=True)
    assert asked.request["REQUEST_METHOD"] == "GET"
    assert "1 record is synced again" in asked.content.decode()
    record.refresh_from_db()
    assert record.state == "failed"
    page = client.post(LIST, data | {"confirmed": "1"}, follow=True)
    assert "1 record is being synced." in page.content.decode()
    record.refresh_from_db()
    assert record.state == "waiting"
    assert LogEntry.objects.get().object_repr == "records: sync now: 1 records"


def test_a_key_is_not_written_with_thousands_apart(record: SyncRecord, settings: Any) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    SyncRecord.objects.filter(pk=record.pk).update(id=1_000)
    client = client_of("operator")
    form = client.get(f"{LIST}1000/change/").content.decode()
    asked = client.post(LIST, dict(re.findall(r'name="(action|_selected_action)" value="([^"]*)"', form)), follow=True)
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', asked.content.decode())
    answers = {name: value for name, value in hidden if name != "csrfmiddlewaretoken"}
    page = client.post(LIST, answers, follow=True)
    assert "1 record is being synced." in page.content.decode()


@pytest.mark.parametrize("query", ["_selected_action=x", "select_across=1&filter=state__exact__x%3D1", ""])
def test_an_address_of_a_question_that_was_made_up_breaks_nothing(query: str, record: SyncRecord) -> None:
    assert client_of("operator").get(f"{LIST}sync-now/?{query}").status_code in (200, 302, 400)


def test_sync_now_is_not_for_those_who_only_see(record: SyncRecord) -> None:
    client_of("viewer").post(LIST, {"action": "sync_now", "_selected_action": [record.pk]})
    record.refresh_from_db()
    assert record.state == "failed"


def make_records(destination: Destination, count: int, **values: Any) -> None:
    SyncRecord.objects.bulk_create(
        SyncRecord(
            **{"source": "notes.note", "object_pk": str(pk), "destination": destination, "service": "telegram"},
            **values,
        )
        for pk in range(count)
    )


def ways(page: Any) -> dict[str, str]:
    return {way.words: way.url for way in page.context["cl"].ways}


def keys(page: Any) -> list[int]:
    return [int(row.object_pk) for row in page.context["cl"].result_list]


@pytest.mark.parametrize("query", ["", "?service=telegram"])
def test_pages_lead_from_the_newest_to_the_oldest_and_back(destination: Destination, query: str) -> None:
    make_records(destination, 120)
    for place, state in enumerate(RecordState):  # of all states, one beside the other
        SyncRecord.objects.filter(object_pk__endswith=str(place)).update(state=state)
    client = client_of("viewer")
    first = client.get(LIST + query)
    assert keys(first) == list(range(119, 69, -1))
    assert set(ways(first)) == {"Older", "Oldest"}
    second = client.get(LIST + ways(first)["Older"])
    third = client.get(LIST + ways(second)["Older"])
    assert keys(second) == list(range(69, 19, -1)) and keys(third) == list(range(19, -1, -1))
    assert set(ways(third)) == {"Newest", "Newer"}
    assert keys(client.get(LIST + ways(third)["Newer"])) == keys(second)
    oldest = client.get(LIST + ways(first)["Oldest"])
    assert keys(oldest) == list(range(49, -1, -1))
    assert keys(client.get(LIST + ways(oldest)["Newest"])) == keys(first)


def test_a_page_keeps_the_filter_and_a_filter_leaves_the_page(destination: Destination) -> None:
    make_records(destination, 60, state="failed")
    client = client_of("viewer")
    page = client.get(LIST, {"state__exact": "failed"})
    older = ways(page)["Older"]
    assert "state__exact=failed" in older
    second = client.get(LIST + older)
    assert len(keys(second)) == 10
    assert "older=" not in second.context["cl"].get_query_string(remove=["state"])


@pytest.mark.parametrize("place", ["older=x", "older=", "newer=-1", "oldest=", "older=99999999999999999999"])
def test_a_place_that_is_none_breaks_no_page(record: SyncRecord, place: str) -> None:
    assert client_of("viewer").get(f"{LIST}?{place}").status_code == 200


def test_counts_end_at_a_bound_and_say_so(destination: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyset, "COUNTED", 70)
    make_records(destination, 80)
    page = client_of("operator").get(LIST).content.decode()
    # Only what is said as a count: a place in the list carries the id of a record, and may well be 71 or 80.
    assert set(re.findall(r"(\d+\+?) records", page)) == {"70+"}


def test_all_of_a_filter_are_synced_in_rounds(destination: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "ROUND_SECONDS", -1.0)
    monkeypatch.setattr(record_actions, "PIECE", 30)
    make_records(destination, 70, state="failed")
    client, address = client_of("operator"), f"{LIST}?state__exact=failed"
    data = {"action": "sync_now", "_selected_action": [SyncRecord.objects.all()[0].pk], "select_across": "1"}
    asked = client.post(address, data, follow=True)
    assert "70 records are synced again" in asked.content.decode()
    page = client.post(address, dict(asked.context["hidden"]), follow=True)
    assert "30 of 70 processed" in page.content.decode()
    for _round in range(2):
        assert page.request["REQUEST_METHOD"] == "GET"
        assert page.context["action"] == address
        page = client.post(page.context["action"], dict(page.context["hidden"]), follow=True)
    assert page.context.get("at") is None
    assert SyncRecord.objects.filter(state="waiting").count() == 70


def test_the_history_of_a_record_stands_under_its_title(record: SyncRecord, admin_client: Client) -> None:
    page = admin_client.get(f"/admin/syncqueue/syncrecord/{record.pk}/history/").content.decode()
    assert f"<h1>Hello (Note {record.object_pk}) → @news</h1>" in page
