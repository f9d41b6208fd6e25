"""Records in the admin: read by those who may, synced by those who may operate."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from syncqueue.models import Destination, SyncRecord
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


@pytest.mark.parametrize("path", ["add/", "1/delete/"])
def test_nobody_adds_or_deletes_records(path: str, record: SyncRecord) -> None:
    assert client_of("operator", "add_syncrecord", "delete_syncrecord").get(LIST + path).status_code in (302, 403)
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
    page = client_of("operator").post(LIST, {"action": "sync_now", "_selected_action": [record.pk]}, follow=True)
    assert "1 record is being synced." in page.content.decode()
    record.refresh_from_db()
    assert record.state == "waiting"
    assert LogEntry.objects.get().object_repr == "records: sync now: 1 records"


def test_sync_now_is_not_for_those_who_only_see(record: SyncRecord) -> None:
    client_of("viewer").post(LIST, {"action": "sync_now", "_selected_action": [record.pk]})
    record.refresh_from_db()
    assert record.state == "failed"
