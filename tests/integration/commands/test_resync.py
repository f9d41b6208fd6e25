"""`resync` with a real queue, worker and service."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User

import syncqueue
from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.models import Destination, RecordState, SyncRecord
from tests.integration.commands.calling import call
from tests.integration.sync.conftest import channel, own_site, writer
from tests.integration.sync.scene import configure, make_destination, methods, texts, work

__all__ = ["channel", "own_site", "writer"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_queue() -> None:
    """Override the fixture of the API tests: `own_site` provides a site."""


def note(writer: User, text: str = "First") -> Note:
    return Note.objects.create(owner=writer, text=text)


def test_what_update_has_changed_goes_out(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    note(writer)
    Note.objects.update(text="Second")
    said = call("resync", "--service", "telegram", "--noinput", "--json")
    assert said.data == {"destinations": ["@news"], "known": 1, "new": 0, "gone": 0, "queued": 1}
    work()
    assert texts(sandbox) == ["Second"]


def test_what_is_equal_is_not_sent_unless_forced(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    note(writer)
    before = methods(sandbox)
    call("resync", "--destination", "@news", "--noinput")
    work()
    assert methods(sandbox) == before
    call("resync", "--destination", str(channel.pk), "--force", "--noinput")
    work()
    assert methods(sandbox) == [*before, "editMessageText"]
    assert texts(sandbox) == ["First"]


def test_what_was_never_posted_is_counted_as_new_and_posted(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    Note.objects.bulk_create([Note(owner=writer, text="One"), Note(owner=writer, text="Two")])
    looked = call("resync", "--service", "telegram", "--dry-run", "--json").data
    assert (looked["known"], looked["new"], looked["queued"]) == (0, 2, 0)
    assert not SyncRecord.objects.exists()
    call("resync", "--service", "telegram", "--noinput")
    work()
    assert sorted(texts(sandbox)) == ["One", "Two"]


def test_without_a_yes_nothing_is_posted(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    Note.objects.bulk_create([Note(owner=writer, text="One")])
    monkeypatch.setattr("builtins.input", lambda: "n")
    said = call("resync", "--service", "telegram")
    assert said.code == 1
    assert "new objects: 1" in said.err
    assert not SyncRecord.objects.exists()


def test_only_the_destination_named_is_touched(writer: User, sandbox: RunningSandbox) -> None:
    news, other = make_destination(sandbox), make_destination(sandbox, "@other")
    Note.objects.bulk_create([Note(owner=writer, text="One")])
    call("resync", "--destination", "@other", "--noinput")
    assert [record.destination_id for record in SyncRecord.objects.all()] == [other.pk]
    assert news.pk != other.pk


def test_prune_removes_the_copies_of_what_is_gone_without_a_signal(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note(writer, "Stays")
    gone = note(writer, "Goes")
    Note.objects.filter(pk=gone.pk)._raw_delete("default")
    call("resync", "--service", "telegram", "--noinput")
    work()
    assert texts(sandbox) == ["Stays", "Goes"]
    said = call("resync", "--service", "telegram", "--prune", "--noinput", "--json")
    assert (said.data["known"], said.data["gone"]) == (1, 1)
    work()
    assert texts(sandbox) == ["Stays"]


def test_a_switched_off_destination_cannot_be_resynced(channel: Destination) -> None:
    Destination.objects.update(enabled=False)
    said = call("resync", "--destination", "@news", "--noinput")
    assert said.code == 1
    assert "no enabled destination '@news'" in said.err


def test_a_name_that_two_have_is_refused_and_their_numbers_are_named(sandbox: RunningSandbox) -> None:
    one, two = make_destination(sandbox), make_destination(sandbox, "@other", name="@news")
    said = call("resync", "--destination", "@news", "--noinput")
    assert said.code == 1
    assert f"{one.pk} (@news), {two.pk} (@news)" in said.err


@pytest.mark.parametrize("words", [[], ["--service", "telegram", "--destination", "@news"]])
def test_it_wants_a_service_or_a_destination(words: list[str]) -> None:
    assert call("resync", *words).code == 1


def test_a_queryset_for_one_service_leaves_the_records_of_others_alone(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    handlers = settings.SYNCQUEUE["HANDLERS"]
    configure(HANDLERS={**handlers, "elsewhere": {"CLASS": "tests.integration.api.handlers.SecondHandler"}})
    elsewhere = Destination.objects.create(name="elsewhere", service="elsewhere", address="x")
    note(writer)
    SyncRecord.objects.filter(destination=elsewhere).update(state=RecordState.FAILED)
    assert syncqueue.sync_queryset(Note.objects.all(), service="telegram") == 1
    assert SyncRecord.objects.get(destination=elsewhere).state == RecordState.FAILED
    assert services.stats("telegram").pending_count == 1
