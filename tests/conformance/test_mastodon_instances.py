"""Mastodon: another instance is another place, where the credential of today may do nothing."""

from __future__ import annotations

import pytest

from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.sources import same_place
from syncqueue.testing.conformance import Site
from tests.conformance.mastodon import Mastodon
from tests.conformance.services import of

pytestmark = [pytest.mark.django_db(transaction=True), of(Mastodon)]


def move(destination: Destination) -> None:
    """To another name of the same machine, which is another instance. Its secret is entered again."""
    secret = destination.secret
    destination.address = destination.address.replace("127.0.0.1", "localhost")
    destination.secret = secret
    destination.save()
    same_place.forget()


def test_at_another_instance_the_note_is_posted_anew_and_the_old_status_is_left_alone(
    site: Site, destination: Destination
) -> None:
    note = site.write("First")
    move(destination)
    site.change(note, text="Second")
    site.work_until(site.assert_settled)
    site.assert_shows("First", "Second")


def test_what_the_credential_of_today_may_not_remove_at_a_former_instance_is_named(
    site: Site, destination: Destination
) -> None:
    note = site.write("First")
    (part,) = [one for one in site.record(note).parts if one["kind"] not in site.service.trace_kinds]
    move(destination)
    site.change(note, text="Second")
    site.work_until(site.assert_settled)
    note.delete()
    site.work_until(lambda: _assert_named(part["url"]))
    site.assert_shows("First")


def _assert_named(url: str) -> None:
    failed = SyncRecord.objects.get(state=RecordState.FAILED)
    assert "where it is not wanted any more, could not be removed" in failed.error
    assert url in failed.error
