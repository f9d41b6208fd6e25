"""Cases for copies whose destination is changed or removed."""

from __future__ import annotations

from syncqueue import services
from syncqueue.models import Destination
from syncqueue.testing.conformance.promises import DESTINATIONS, OTHER_ADDRESS
from syncqueue.testing.conformance.scene import Site


@DESTINATIONS
class DestinationCases:
    """What becomes of the copies when their destination changes or goes."""

    def test_a_retired_destination_takes_its_copies_away(self, site: Site, destination: Destination) -> None:
        for text in ("One", "Two"):
            site.write(text)
        services.retire(destination, remove_remote=True, actor="a test")
        site.work_until(site.assert_shows)
        site.work_until(site.assert_empty_queue)
        assert not Destination.objects.exists()

    def test_a_retired_destination_can_leave_its_copies_there(self, site: Site, destination: Destination) -> None:
        site.write("One")
        services.retire(destination, remove_remote=False, actor="a test")
        site.write("Two")
        site.work()
        site.assert_shows("One")

    def test_a_destination_that_is_switched_off_catches_up_when_it_is_on_again(
        self, site: Site, destination: Destination
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

    @OTHER_ADDRESS
    def test_at_a_changed_address_the_note_is_made_anew_and_the_old_copy_is_left_alone(
        self, site: Site, destination: Destination
    ) -> None:
        note = site.write("First")
        destination.address = site.service.at(site.service.url, site.service.other_address)
        destination.save()
        site.change(note, text="Second")
        site.work_until(lambda: site.assert_shows("Second", address=site.service.other_address))
        site.assert_shows("First", address=site.service.address)
        site.assert_settled()
