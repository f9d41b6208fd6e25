"""What becomes of the copies when their destination changes or goes."""

from __future__ import annotations

import pytest

from syncqueue import services
from syncqueue.models import Destination
from tests.conformance.mastodon import Mastodon
from tests.conformance.scene import Site
from tests.conformance.services import services_with

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_retired_destination_takes_its_copies_away(site: Site, destination: Destination) -> None:
    for text in ("One", "Two"):
        site.write(text)
    services.retire(destination, remove_remote=True, actor="a test")
    site.work_until(site.assert_shows)
    site.work_until(site.assert_empty_queue)
    assert not Destination.objects.exists()


def test_a_retired_destination_can_leave_its_copies_there(site: Site, destination: Destination) -> None:
    site.write("One")
    services.retire(destination, remove_remote=False, actor="a test")
    site.write("Two")
    site.work()
    site.assert_shows("One")


def test_a_destination_that_is_switched_off_catches_up_when_it_is_on_again(
    site: Site, destination: Destination
) -> None:
    destination.enabled = False
    destination.save()
    note = site.write("First")
    site.work()
    site.assert_shows()
    destination.enabled = True
    destination.save()
    site.change(note, text="Second")
    site.work_until(lambda: site.assert_shows("Second"))


@services_with(other_address=True)
def test_at_a_changed_address_the_note_is_made_anew_and_the_old_copy_is_left_alone(
    site: Site, destination: Destination
) -> None:
    note = site.write("First")
    destination.address = site.service.at(site.service.url, site.service.other_address)
    destination.save()
    site.change(note, text="Second")
    site.work_until(lambda: site.assert_shows("Second", address=site.service.other_address))
    site.assert_shows("First", address=site.service.address)
    site.assert_settled()


@pytest.mark.parametrize("service", [Mastodon], indirect=True)
def test_at_another_instance_the_note_is_posted_anew_and_the_old_status_is_left_alone(
    site: Site, destination: Destination
) -> None:
    note = site.write("First")
    secret = destination.secret
    destination.address = destination.address.replace("127.0.0.1", "localhost")  # another name is another instance
    destination.secret = secret  # it is entered again
    destination.save()
    site.change(note, text="Second")
    site.work_until(site.assert_settled)
    site.assert_shows("First", "Second")
