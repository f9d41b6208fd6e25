"""What is withdrawn is gone, and what was there before syncqueue is edited or removed where it stands."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from project.notes.models import Note, Tag
from syncqueue import services
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.sources import same_place
from tests.conformance.mastodon import Mastodon
from tests.conformance.scene import Site
from tests.conformance.services import services_with
from tests.conformance.site_sync import SiteSync

pytestmark = pytest.mark.django_db(transaction=True)

# A long text is a file, a thread or a long row.
CONTENTS = ("short", "long")


def old_note(site: Site, content: str) -> Note:
    """A note whose copy was made before syncqueue: the site knows its ids, and no record does."""
    note = site.write(site.service.long_text if content == "long" else "From before")
    site.work_until(site.assert_settled)
    parts = [part for part in site.record(note).parts if part["kind"] not in site.service.trace_kinds]
    SiteSync.old[note.pk] = [part["id"] for part in parts]
    SyncRecord.objects.all().delete()
    return note


def move(destination: Destination, address: str) -> None:
    """The destination gets another address; its secret is entered again."""
    secret = destination.secret
    destination.address = address
    destination.secret = secret
    destination.save()
    same_place.forget()


@pytest.mark.parametrize("content", CONTENTS)
@services_with(edits=False)
def test_where_nothing_is_edited_an_adopted_copy_makes_room_for_a_new_one(
    site: Site, site_sync: type[SiteSync], destination: Destination, content: str
) -> None:
    note = old_note(site, content)
    (before,) = site.service.copies()
    site.change(note, text=f"Edited. {note.text}")
    site.work_until(lambda: site.assert_shows(note.text))
    assert site.service.copies()[0].id != before.id
    site.assert_settled()


@pytest.mark.parametrize("content", CONTENTS)
@services_with(edits=True)
def test_an_adopted_copy_is_edited_where_it_stands(
    site: Site, site_sync: type[SiteSync], destination: Destination, content: str
) -> None:
    note = old_note(site, content)
    (before,) = site.service.copies()
    posted = site.service.count("create")
    site.change(note, text=f"{note.text} Edited.")
    site.work_until(lambda: site.assert_shows(note.text))
    assert site.service.copies()[0].id == before.id
    assert site.service.count("create") == posted
    site.assert_settled()


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("end", ["is made private", "goes to the trash", "is deleted"])
def test_an_adopted_copy_goes_when_its_note(site: Site, site_sync: type[SiteSync], content: str, end: str) -> None:
    site.service.make_destination(rule="public")
    note = old_note(site, content)
    match end:
        case "is made private":
            site.change(note, is_private=True)
        case "goes to the trash":
            note.soft_delete()
        case "is deleted":
            note.delete()
    site.work_until(site.assert_shows)
    site.work_until(site.assert_settled)


@pytest.mark.parametrize("content", CONTENTS)
def test_an_adopted_copy_goes_with_its_destination(
    site: Site, site_sync: type[SiteSync], destination: Destination, content: str
) -> None:
    old_note(site, content)
    services.retire(destination, remove_remote=True, actor="a test")
    site.work_until(site.assert_shows)
    site.work_until(lambda: _assert_none_left(site))


def _assert_none_left(site: Site) -> None:
    assert not Destination.objects.exists()
    site.assert_empty_queue()


@services_with(has_visibility=True)
def test_the_adopted_copy_of_a_private_note_is_shown_to_few(
    site: Site, site_sync: type[SiteSync], destination: Destination
) -> None:
    note = old_note(site, "short")
    Note.objects.filter(pk=note.pk).update(is_private=True)
    for _ in services.adopt_all(destination, dry_run=False, actor="a test"):
        pass
    site.work_until(lambda: _assert_private(site))
    site.assert_settled()


def _assert_private(site: Site) -> None:
    assert [copy.is_private for copy in site.service.copies()] == [True]


@services_with(other_spelling=True)
def test_another_spelling_is_the_same_place(site: Site, destination: Destination) -> None:
    first, second = site.write("First"), site.write("Second")
    url = site.service.url
    move(destination, site.service.other_spelling.format(url=url, host=url.removeprefix("http://")))
    site.change(first, text="First, edited")
    second.delete()
    site.work_until(lambda: site.assert_shows("First, edited"))
    site.work_until(site.assert_settled)
    assert site.service.count("create") == (2 if site.service.edits else 3)


@services_with(other_address=True)
@pytest.mark.parametrize("end", ["soft_delete", "delete"])
def test_what_is_withdrawn_after_a_move_is_gone_at_both_places(site: Site, destination: Destination, end: str) -> None:
    moved, left_behind = site.write("Moved"), site.write("Left behind")
    move(destination, site.service.at(site.service.url, site.service.other_address))
    site.change(moved, text="Moved here")
    for note in (moved, left_behind):
        getattr(note, end)()
    site.work_until(site.assert_shows)
    site.work_until(lambda: site.assert_shows(address=site.service.other_address))
    site.work_until(site.assert_settled)


def test_a_note_that_is_handed_over_moves_to_the_place_of_its_new_owner(site: Site, site_sync: type[SiteSync]) -> None:
    other = User.objects.create_user("other")
    site.service.make_destination(owner=site.writer)
    site.service.make_other_destination(owner=other)
    note = site.write("Mine")
    site.assert_shows("Mine")
    site.change(note, owner=other, text="Yours")
    site.work_until(site.assert_shows)
    site.work_until(site.assert_settled)
    assert [copy.text for copy in site.service.other_copies()] == ["Yours"]


def test_a_note_is_there_from_its_time_until_its_time(
    site: Site, site_sync: type[SiteSync], destination: Destination
) -> None:
    now = timezone.now()
    note = Note(owner=site.writer, text="For an hour")
    note.pk = 4711
    SiteSync.times[note.pk] = (now + timedelta(hours=1), now + timedelta(hours=2))
    note.save(force_insert=True)
    site.work()
    site.assert_shows()
    record = site.record(note)
    assert (record.state, record.due_at) == (RecordState.WAITING, now + timedelta(hours=1))

    SiteSync.times[note.pk] = (now - timedelta(hours=1), now + timedelta(hours=1))  # an hour is over
    SyncRecord.objects.update(due_at=now)
    site.work_until(lambda: site.assert_shows("For an hour"))
    assert site.record(note).due_at == now + timedelta(hours=1)

    SiteSync.times[note.pk] = (now - timedelta(hours=2), now)  # and one more
    SyncRecord.objects.update(due_at=now)
    site.work_until(site.assert_shows)
    site.work_until(site.assert_settled)


def test_two_destinations_at_one_place_show_a_note_once(site: Site, site_sync: type[SiteSync]) -> None:
    rail, sea = (Tag.objects.create(name=name) for name in ("rail", "sea"))
    site.service.make_destination(name="Rail", rule="tag", rule_value="rail")
    site.service.make_destination(name="Sea", rule="tag", rule_value="sea")
    first = site.write("Before one of them knows the place")
    first.tags.add(rail, sea)
    site.work_until(lambda: _assert_once(site, first.text))
    first.delete()
    site.work_until(site.assert_shows)
    same_place.forget()  # five seconds are over
    note = site.write("Both")
    note.tags.add(rail, sea)
    site.work_until(lambda: _assert_once(site, "Both"))
    note.tags.remove(rail)
    site.work_until(lambda: _assert_once(site, "Both"))
    note.tags.remove(sea)
    site.work_until(site.assert_shows)
    site.work_until(site.assert_settled)


def test_a_note_stays_when_one_of_two_destinations_at_its_place_is_removed_with_its_copies(
    site: Site, site_sync: type[SiteSync]
) -> None:
    first = site.service.make_destination(name="First")
    site.service.make_destination(name="Second")
    note = site.write("Both")
    site.work_until(lambda: _assert_once(site, "Both"))
    (before,) = site.service.copies()
    services.retire(first, remove_remote=True, actor="a test")
    site.work_until(lambda: _assert_gone(first))
    site.work_until(lambda: _assert_once(site, "Both"))
    assert site.service.copies()[0].id == before.id
    note.delete()
    site.work_until(site.assert_shows)


def _assert_gone(destination: Destination) -> None:
    assert not Destination.objects.filter(pk=destination.pk).exists()


def _assert_once(site: Site, text: str) -> None:
    assert [copy.text.startswith(text) for copy in site.service.copies()] == [True]
    site.assert_settled()


def test_two_places_of_one_owner_show_a_note_each(site: Site) -> None:
    site.service.make_destination()
    site.service.make_other_destination()
    same_place.forget()
    site.write("Everywhere")
    site.work_until(site.assert_settled)
    site.assert_shows("Everywhere")
    assert [copy.text for copy in site.service.other_copies()] == ["Everywhere"]


@pytest.mark.parametrize("service", [Mastodon], indirect=True)
def test_what_the_credential_of_today_may_not_remove_at_a_former_instance_is_named(
    site: Site, destination: Destination
) -> None:
    note = site.write("First")
    (part,) = [one for one in site.record(note).parts if one["kind"] not in site.service.trace_kinds]
    move(destination, destination.address.replace("127.0.0.1", "localhost"))  # another name is another instance
    site.change(note, text="Second")
    site.work_until(site.assert_settled)
    note.delete()
    site.work_until(lambda: _assert_named(part["url"]))
    site.assert_shows("First")


def _assert_named(url: str) -> None:
    failed = SyncRecord.objects.get(state=RecordState.FAILED)
    assert "where it is not wanted any more, could not be removed" in failed.error
    assert url in failed.error
