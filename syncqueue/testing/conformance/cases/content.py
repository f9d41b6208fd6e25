"""Cases for changes of an object: there is always one copy of it, and it is correct."""

from __future__ import annotations

from syncqueue.models import Destination
from syncqueue.testing.conformance.notes.models import Tag
from syncqueue.testing.conformance.promises import (
    GONE_ALREADY,
    LONG,
    NEVER_PRIVATE,
    REMOVED,
    SHOWN,
    VISIBILITY,
)
from syncqueue.testing.conformance.scene import Site


@SHOWN
class ContentCases:
    """There is always one copy of an object, and it is right."""

    def test_a_new_note_is_there_once(self, site: Site, destination: Destination) -> None:
        site.write("First")
        site.assert_shows("First")
        assert site.service.count("create") == 1
        site.assert_settled()

    def test_an_edited_note_shows_what_it_says_now(self, site: Site, destination: Destination) -> None:
        note = site.write("First")
        site.change(note, text="Second")
        site.assert_shows("Second")
        assert site.service.count("create") == (1 if site.service.edits else 2)
        site.assert_settled()

    def test_a_save_that_changes_nothing_sends_nothing(self, site: Site, destination: Destination) -> None:
        note = site.write("First")
        before = len(site.service.requests())
        note.save()
        assert len(site.service.requests()) == before
        site.assert_settled()

    def test_each_note_has_a_copy_of_its_own(self, site: Site, destination: Destination) -> None:
        notes = [site.write(text) for text in ("One", "Two", "Three")]
        site.change(notes[1], text="Two and a half")
        notes[2].delete()
        site.assert_shows("One", "Two and a half")

    def test_text_is_shown_as_it_was_written(self, site: Site, destination: Destination) -> None:
        text = "<b>not bold</b> & *stars* _lines_ #word\n\n日本語 🎉 “quoted”"
        site.write(text)
        site.assert_shows(text)

    @REMOVED
    def test_a_deleted_note_is_taken_away(self, site: Site, destination: Destination) -> None:
        note = site.write("First")
        note.delete()
        site.work()
        site.assert_shows()
        site.assert_settled()

    @REMOVED
    def test_a_note_in_the_trash_is_taken_away_and_comes_back(self, site: Site, destination: Destination) -> None:
        note = site.write("First")
        note.soft_delete()
        site.assert_shows()
        note.restore()
        site.assert_shows("First")
        site.assert_settled()

    @NEVER_PRIVATE
    def test_a_private_note_is_never_there_whatever_the_rule_says(self, site: Site, destination: Destination) -> None:
        note = site.write("First", is_private=True)
        site.work()
        site.assert_shows()
        assert site.service.requests() == []
        site.change(note, is_private=False)
        site.assert_shows("First")
        site.change(note, is_private=True)
        site.work_until(site.assert_shows)
        site.assert_settled()

    @REMOVED
    def test_a_changed_rule_applies_at_the_next_save(self, site: Site, destination: Destination) -> None:
        note = site.write("First")
        destination.rule = "private"
        destination.save()
        site.assert_shows("First")
        note.save()
        site.assert_shows()
        destination.rule = "all"
        destination.save()
        note.save()
        site.assert_shows("First")

    @REMOVED
    def test_a_note_comes_and_goes_with_its_tag(self, site: Site) -> None:
        site.service.make_destination(rule="tag", rule_value="news")
        note = site.write("First")
        site.assert_shows()
        tag = Tag.objects.create(name="news")
        note.tags.add(tag)
        assert len(site.service.copies()) == 1
        note.tags.remove(tag)
        site.assert_shows()
        site.assert_settled()

    @REMOVED
    def test_a_note_that_becomes_private_leaves_a_public_place_and_comes_back(self, site: Site) -> None:
        site.service.make_destination(rule="public")
        note = site.write("First")
        site.change(note, is_private=True)
        site.assert_shows()
        site.change(note, is_private=False)
        site.assert_shows("First")
        site.assert_settled()

    @VISIBILITY
    def test_a_change_of_visibility_is_seen_and_leaves_one_copy(self, site: Site, destination: Destination) -> None:
        note = site.write("First")
        assert [copy.is_private for copy in site.service.copies()] == [False]
        site.change(note, is_private=True)
        site.assert_shows("First")
        assert [copy.is_private for copy in site.service.copies()] == [True]
        site.change(note, is_private=False)
        site.assert_shows("First")
        assert [copy.is_private for copy in site.service.copies()] == [False]

    @LONG
    def test_a_note_that_grows_and_shrinks_again_is_always_there_once(
        self, site: Site, destination: Destination
    ) -> None:
        note = site.write("Short")
        site.change(note, text=site.service.long_text)
        site.assert_shows(site.service.long_text)
        site.change(note, text=f"{site.service.long_text} The end.")
        site.assert_shows(f"{site.service.long_text} The end.")
        site.change(note, text="Short again")
        site.assert_shows("Short again")
        site.assert_settled()

    @LONG
    def test_a_long_note_is_taken_away_whole(self, site: Site, destination: Destination) -> None:
        note = site.write(site.service.long_text)
        note.delete()
        site.assert_shows()

    @GONE_ALREADY
    def test_a_copy_that_somebody_removed_is_made_anew_by_an_edit(self, site: Site, destination: Destination) -> None:
        note = site.write("First")
        site.service.remove_by_hand(site.service.copies()[0])
        site.change(note, text="Second")
        site.assert_shows("Second")
        site.assert_settled()

    @GONE_ALREADY
    def test_the_deletion_of_what_somebody_removed_is_done(self, site: Site, destination: Destination) -> None:
        note = site.write("First")
        site.service.remove_by_hand(site.service.copies()[0])
        note.delete()
        site.work()
        site.assert_shows()
        site.assert_settled()
