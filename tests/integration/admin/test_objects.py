"""What the mixin adds to any ModelAdmin, the template tag, and another AdminSite."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import path

import syncqueue.admin
from project.notes.models import Note
from syncqueue.admin import record_actions, rounds
from syncqueue.models import Destination, SyncRecord
from tests.integration.api.people import client_of, make_person

pytestmark = pytest.mark.django_db


class NoteAdmin(syncqueue.admin.SyncStatusMixin, admin.ModelAdmin):
    list_display = ("__str__",)


class PlacedAdmin(syncqueue.admin.SyncStatusMixin, admin.ModelAdmin):
    list_display = ("sync_state", "__str__")
    fields = ("sync_status", "owner", "text")


other_site = admin.AdminSite("other")
other_site.register(Note, NoteAdmin)
syncqueue.admin.register(other_site)
placed_site = admin.AdminSite("placed")
placed_site.register(Note, PlacedAdmin)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("prefix/other/", other_site.urls),
    path("placed/", placed_site.urls),
]


@pytest.fixture(autouse=True)
def own_urls(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def operator() -> Client:
    client = Client()
    user = make_person("operator")
    user.is_superuser = True
    user.save()
    client.force_login(user)
    return client


def test_the_objects_page_has_a_sentence_for_each_destination(operator: Client, record: SyncRecord) -> None:
    for base in ("/prefix/other", "/placed"):
        page = operator.get(f"{base}/notes/note/{record.object_pk}/change/").content.decode()
        assert "@news" in page and "Refused: &lt;script&gt;" in page
        assert 'href="https://t.me/news/7"' in page


@pytest.mark.parametrize("base", ["/prefix/other", "/placed"])
def test_a_new_object_has_a_form_without_sentences(operator: Client, base: str) -> None:
    page = operator.get(f"{base}/notes/note/add/")
    assert page.status_code == 200
    assert "field-sync_status" not in page.content.decode()


def test_an_object_is_saved_as_before(operator: Client, note: Note) -> None:
    answer = operator.post(f"/placed/notes/note/{note.pk}/change/", {"owner": note.owner_id, "text": "Changed"})
    assert answer.status_code == 302
    note.refresh_from_db()
    assert note.text == "Changed"


def test_the_list_has_one_query_for_all_states(operator: Client, destination: Destination) -> None:
    owner = User.objects.create_user("writer")
    for number in range(10):
        note = Note.objects.create(owner=owner, text=str(number))
        SyncRecord.objects.update_or_create(
            source="notes.note", object_pk=str(note.pk), destination=destination,
            defaults={"service": "telegram", "state": "synced"},
        )  # fmt: skip
    with CaptureQueriesContext(
        connection,
    ) as queries:
        page = operator.get("/prefix/other/notes/note/")
    assert page.content.decode().count('<td class="field-sync_state">synced</td>') == 10
    assert sum("syncqueue_syncrecord" in query["sql"] for query in queries) == 1


def test_a_column_counts_states_that_differ(operator: Client, note: Note) -> None:
    for state in ("synced", "synced", "failed"):
        place = Destination.objects.create(name=state, service="telegram")
        SyncRecord.objects.create(
            source="notes.note", object_pk=str(note.pk), destination=place, service="telegram", state=state
        )
    assert "2 synced, 1 failed" in operator.get("/placed/notes/note/").content.decode()


def test_sync_now_on_objects_is_logged_with_its_count(operator: Client, record: SyncRecord) -> None:
    data = {"action": "sync_now", "_selected_action": [record.object_pk]}
    asked = operator.post("/prefix/other/notes/note/", data, follow=True)
    assert asked.request["REQUEST_METHOD"] == "GET"
    assert "1 object is synced again" in asked.content.decode()
    assert not LogEntry.objects.exists()
    page = operator.post("/prefix/other/notes/note/", data | {"confirmed": "1"}, follow=True)
    assert "1 object is being synced." in page.content.decode()
    assert LogEntry.objects.get().object_repr == "notes: sync now: 1 objects"


def test_sync_now_on_many_objects_goes_in_rounds_and_leaves_none_out(
    operator: Client, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "ROUND_SECONDS", -1.0)
    monkeypatch.setattr(record_actions, "PIECE", 10)
    owner = User.objects.create_user("writer")
    Note.objects.bulk_create([Note(owner=owner, text=f"Note {n}") for n in range(25)])
    data = {"action": "sync_now", "_selected_action": "1", "select_across": "1"}
    asked = operator.post("/prefix/other/notes/note/", data, follow=True)
    assert "25 objects are synced again" in asked.content.decode()

    page = operator.post("/prefix/other/notes/note/", data | {"confirmed": "1"}, follow=True)
    seen = [page.context["at"].done]
    while page.context.get("at"):
        fields: dict[str, list[str]] = {}
        for name, value in page.context["hidden"]:
            fields.setdefault(name, []).append(value)
        page = operator.post("/prefix/other/notes/note/", fields, follow=True)
        seen += [page.context["at"].done] if page.context.get("at") else []

    assert seen == [10, 20]
    assert "25 objects are being synced." in page.content.decode()
    assert set(SyncRecord.objects.values_list("object_pk", flat=True)) == {
        str(pk) for pk in Note.objects.values_list("pk", flat=True)
    }
    logged = [entry.object_repr for entry in LogEntry.objects.order_by("pk")]
    assert logged == [f"notes: sync now: {count} objects" for count in (10, 10, 5)]


def test_sync_now_is_offered_only_to_those_who_may_operate(note: Note) -> None:
    request = RequestFactory().get("/")
    page = NoteAdmin(Note, other_site)
    for role, offered in (("staff", False), ("viewer", False), ("operator", True)):
        request.user = make_person(role)
        assert ("sync_now" in page.get_actions(request)) is offered, role


def test_the_tag_shows_sentences_with_links_and_as_text(record: SyncRecord, note: Note) -> None:
    shown = Template("{% load syncqueue %}{% sync_status note %}").render(Context({"note": note}))
    assert "Refused: &lt;script&gt;" in shown
    assert 'href="https://t.me/news/7"' in shown


def test_the_tag_breaks_no_page_for_what_is_not_saved() -> None:
    template = Template("{% load syncqueue %}{% sync_status note %}")
    for value in (Note(text="new"), None, "", 3):
        assert "No destination accepts it." in template.render(Context({"note": value}))


def test_another_admin_site_has_the_pages_under_its_own_address() -> None:
    client = client_of("operator")
    index = client.get("/prefix/other/").content.decode()
    assert "/prefix/other/syncqueue/queue/" in index
    page = client.get("/prefix/other/syncqueue/queue/").content.decode()
    assert "/prefix/other/syncqueue/queue/telegram/pause/" in page
    done = client.post("/prefix/other/syncqueue/queue/telegram/pause/", follow=True)
    assert done.redirect_chain == [("/prefix/other/syncqueue/queue/", 302)]


def test_registering_twice_keeps_what_is_there() -> None:
    before = dict(other_site._registry)
    syncqueue.admin.register(other_site)
    assert other_site._registry == before


@pytest.mark.parametrize(
    ("chosen", "shown"), [("behind", {"failed", "waiting"}), ("failed", {"failed"}), ("synced", {"synced"})]
)
def test_the_list_can_be_narrowed_to_what_is_not_in_sync(
    operator: Client, destination: Destination, chosen: str, shown: set[str]
) -> None:
    owner = User.objects.create_user("writer")
    for state in ("synced", "failed", "waiting"):
        note = Note.objects.create(owner=owner, text=state)
        SyncRecord.objects.update_or_create(
            source="notes.note", object_pk=str(note.pk), destination=destination,
            defaults={"service": "telegram", "state": state},
        )  # fmt: skip
    found = operator.get("/prefix/other/notes/note/", {"sync": chosen}).context["cl"].result_list
    assert {note.text for note in found} == shown


def test_one_object_is_synced_from_its_page_after_a_question(operator: Client, record: SyncRecord) -> None:
    path = f"/prefix/other/notes/note/{record.object_pk}/"
    assert f"{path}sync-now/" in operator.get(f"{path}change/").content.decode()
    assert "1 object is synced again" in operator.get(f"{path}sync-now/").content.decode()
    record.refresh_from_db()
    assert record.state == "failed"
    done = operator.post(f"{path}sync-now/", follow=True)
    assert done.redirect_chain == [(f"{path}change/", 302)]
    record.refresh_from_db()
    assert record.state == "waiting"
    assert LogEntry.objects.get().object_repr == "notes: sync now: 1 objects"


@pytest.mark.parametrize("role", ["anonymous", "member", "staff", "viewer"])
def test_sync_now_of_one_object_is_for_those_who_may_operate(role: str, record: SyncRecord) -> None:
    client = client_of(role)
    if role == "viewer":
        User.objects.get(username="viewer").user_permissions.add(
            Permission.objects.get(content_type__app_label="notes", codename="view_note")
        )
        assert "sync-now/" not in client.get(f"/prefix/other/notes/note/{record.object_pk}/change/").content.decode()
    answer = client.post(f"/prefix/other/notes/note/{record.object_pk}/sync-now/")
    assert answer.status_code == (302 if role in ("anonymous", "member") else 403)
    record.refresh_from_db()
    assert record.state == "failed"
