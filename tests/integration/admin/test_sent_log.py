"""The page "Log": what went out, when, where, and the link; found by object, place and time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from project.notes.models import Note
from syncqueue.core.errors import InvalidMoment
from syncqueue.models import Destination, SentEntry, SyncRecord
from syncqueue.services import read_moment
from tests.integration.api.people import ROLES, client_of

pytestmark = pytest.mark.django_db

PAGE = "/admin/syncqueue/sententry/"
DAY = "2026-01-31"
EXPECTED = {"anonymous": 302, "member": 302, "staff": 403, "viewer": 200, "operator": 200}


def enter(destination: Destination, when: datetime, pk: object = 7, **values: Any) -> SentEntry:
    """An entry of the log."""
    given: dict[str, Any] = {
        "at": when,
        "action": "created",
        "service": "telegram",
        "destination_id": destination.pk,
        "destination_name": destination.name,
        "source": "notes.note",
        "object_pk": str(pk),
        "url": f"https://t.me/news/{pk}",
        "seconds": 0.25,
        "attempt": 1,
    }
    return SentEntry.objects.create(**given | values)


def at(clock: str) -> datetime:
    """A moment of the day of these tests."""
    return read_moment(f"{DAY} {clock}")


@pytest.fixture
def day(destination: Destination) -> list[SentEntry]:
    """Three deliveries of today."""
    return [enter(destination, at(clock), pk) for pk, clock in ((1, "14:04:59"), (2, "14:05:00"), (3, "14:06:00"))]


def shown(page: str) -> list[int]:
    return [pk for pk in (1, 2, 3) if f"https://t.me/news/{pk}" in page]


@pytest.mark.parametrize("role", ROLES)
def test_only_staff_with_the_view_permission_see_the_log(role: str, day: list[SentEntry]) -> None:
    assert client_of(role).get(PAGE).status_code == EXPECTED[role]


@pytest.mark.parametrize("path", ["add/", "{pk}/delete/", "{pk}/change/"])
def test_nobody_writes_the_log_by_hand(path: str, day: list[SentEntry]) -> None:
    client = client_of("operator", "add_sententry", "change_sententry", "delete_sententry")
    assert client.post(PAGE + path.format(pk=day[0].pk), {"post": "yes"}).status_code == 404
    assert SentEntry.objects.count() == 3


def test_the_question_what_was_sent_at_14_05_is_answered(day: list[SentEntry]) -> None:
    client = client_of("viewer")
    page = client.get(f"{PAGE}?since={DAY} 14:05&until={DAY} 14:06").content.decode()
    assert shown(page) == [2]
    assert f"{DAY} 14:05:00" in page
    assert "0.25 s" in page and ">created<" in page
    assert shown(client.get(PAGE).content.decode()) == [1, 2, 3]
    form = {"since": f"{DAY}T14:05", "until": ""}
    assert shown(client.get(PAGE, form).content.decode()) == [2, 3]


def test_the_span_is_kept_by_filters_and_filters_by_the_span(day: list[SentEntry]) -> None:
    enter(Destination.objects.create(name="@other"), at("14:05:30"), 9, service="other", action="removed")
    client = client_of("viewer")
    page = client.get(f"{PAGE}?since={DAY}T14:05&action__exact=created").content.decode()
    assert shown(page) == [2, 3] and "https://t.me/news/9" not in page
    assert '<input type="hidden" name="action__exact" value="created">' in page
    links = re.findall(r'href="[?]([^"]*destination=[^"]*)"', page)
    assert links and all(f"since={DAY}T14%3A05" in link and "action__exact=created" in link for link in links)


def test_a_time_alone_is_one_of_today() -> None:
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert read_moment("14:05", now) == at("14:05:00")
    assert read_moment(" 2026-01-31 ") == at("00:00:00")
    assert read_moment("2026-01-31T14:05Z") == datetime(2026, 1, 31, 14, 5, tzinfo=UTC)
    for text in ("", "noon", "25:00", "2026-13-01", "0001-01-01T00:00+14:00"):
        with pytest.raises(InvalidMoment, match="is not a time"):
            read_moment(text)


def test_what_is_no_time_is_said(day: list[SentEntry]) -> None:
    page = client_of("viewer").get(f"{PAGE}?since=noon").content.decode()
    assert "&#x27;noon&#x27; is not a time" in page
    assert shown(page) == [1, 2, 3]


def test_one_object_is_found_by_its_name_and_its_key(day: list[SentEntry], destination: Destination) -> None:
    enter(destination, at("14:05:30"), 2, source="other.thing", url="https://t.me/news/1")
    client = client_of("viewer")
    assert shown(client.get(f"{PAGE}?q=notes.Note:2").content.decode()) == [2]
    assert shown(client.get(f"{PAGE}?q=2").content.decode()) == [1, 2]


def test_an_entry_outlives_its_destination_and_names_it(day: list[SentEntry], destination: Destination) -> None:
    client = client_of("viewer")
    address = f"/admin/syncqueue/destination/{destination.pk}/change/"
    assert address in client.get(PAGE).content.decode()
    destination.delete()
    page = client.get(PAGE).content.decode()
    assert address not in page and page.count("@news") >= 3


def test_a_part_of_several_and_a_link_of_another_kind_are_shown_as_such(destination: Destination) -> None:
    enter(destination, at("14:05:00"), is_partial=True, url="javascript:alert(1)")
    page = client_of("viewer").get(PAGE).content.decode()
    assert "created (in part)" in page and "javascript:alert" not in page


def test_many_entries_cost_no_more_queries(destination: Destination, django_assert_max_num_queries: Any) -> None:
    owner = User.objects.create_user("writer")
    for note in Note.objects.bulk_create([Note(owner=owner, text=f"Title {n}") for n in range(30)]):
        enter(destination, at("14:05:00"), note.pk)
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    client.get(PAGE)
    with django_assert_max_num_queries(9):
        assert "Title 7 (Note" in client.get(PAGE).content.decode()


def test_the_page_of_a_record_lists_its_last_deliveries(record: SyncRecord, destination: Destination) -> None:
    enter(destination, at("14:05:00"), record.object_pk, action="edited")
    enter(destination, at("14:06:00"), "another")
    page = client_of("viewer").get(f"/admin/syncqueue/syncrecord/{record.pk}/change/").content.decode()
    assert f"{DAY} 14:05:00 edited" in page
    assert "14:06:00" not in page
    assert f'href="{PAGE}?q=notes.note%3A{record.object_pk}"' in page


def test_the_page_of_an_object_lists_its_deliveries_at_all_destinations(note: Note, destination: Destination) -> None:
    enter(destination, at("14:05:00"), note.pk)
    enter(Destination.objects.create(name="@other"), at("14:05:30"), note.pk, action="removed")
    address = f"/admin/notes/note/{note.pk}/change/"
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    page = root.get(address).content.decode()
    assert "14:05:00 created, @news" in page and "14:05:30 removed, @other" in page
    staff = client_of("staff")
    User.objects.get(username="staff").user_permissions.add(
        Permission.objects.get(content_type__app_label="notes", codename="view_note")
    )
    page = staff.get(address).content.decode()
    assert "field-sync_status" in page and "14:05:00" not in page
