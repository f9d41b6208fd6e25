"""Cases for previews: they show what the service then receives, for every kind of text of this suite."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from syncqueue import services
from syncqueue.models import Destination
from syncqueue.presentation.previews import Preview
from syncqueue.testing.conformance.notes.models import Note, Tag
from syncqueue.testing.conformance.promises import PREVIEW
from syncqueue.testing.conformance.scene import Site
from syncqueue.testing.conformance.service import ServiceUnderTest

TEXTS: dict[str, Callable[[ServiceUnderTest], str]] = {
    "short": lambda service: "First",
    "signs": lambda service: "<b>not bold</b> & *stars* _lines_ #word\n\n日本語 🎉 “quoted”",
    "long": lambda service: service.long_text,
    "longer": lambda service: f"{service.long_text} The end.",
    "spaces": lambda service: "\n\n  A line\r\nand another \n\n",
    "signs that count twice": lambda service: "🎉" * 2100,
    "no spaces": lambda service: "日本語の長い文章。" * 80,
    "addresses": lambda service: "See https://example.org/a/rather/long/address?of=a&page=1 and @news@example.org",
}
MARKDOWN = "# Title\n\n**Bold** and *slanted*, `code` and [a link](https://example.org).\n\n- one\n- two\n"


def read(preview: Preview) -> str:
    """Return the text that a person reads, joined as `ServiceUnderTest.copies` joins it."""
    return " ".join(part.file_text or part.text for part in preview.parts)


def assert_equal(site: Site, note: Note) -> Preview:
    """Assert that the preview shows the text of the copy, and return it."""
    (preview,) = services.preview(note)
    (copy,) = site.service.copies()
    assert preview.reason == ""
    assert read(preview).strip() == copy.text.strip()  # some services strip a text
    return preview


@PREVIEW
class PreviewCases:
    """A preview shows what the service then receives."""

    @pytest.mark.parametrize("text", TEXTS)
    def test_it_shows_what_the_service_has_received(self, site: Site, destination: Destination, text: str) -> None:
        note = site.write(TEXTS[text](site.service))
        requests = len(site.service.requests())
        preview = assert_equal(site, note)
        assert len(site.service.requests()) == requests  # no request was made
        for part in preview.parts:
            assert part.limit is None or (part.length is not None and part.length <= part.limit), (
                f"A PreviewPart with a limit has its length, which is within it: {part.length} of {part.limit}"
            )

    def test_it_shows_markdown_as_the_service_has_received_it(self, site: Site, destination: Destination) -> None:
        assert_equal(site, site.write(MARKDOWN, is_markdown=True))

    def test_it_shows_the_tags_that_the_service_has_received(self, site: Site, destination: Destination) -> None:
        note = site.write("First")
        note.tags.add(Tag.objects.create(name="night train"))
        assert_equal(site, note)

    def test_before_an_edit_is_saved_it_shows_what_will_be_received(self, site: Site, destination: Destination) -> None:
        note = site.write("First")  # what the service accepts is known now
        note.text = site.service.long_text
        (preview,) = services.preview(note)
        site.assert_shows("First")
        note.save()
        (copy,) = site.service.copies()
        assert read(preview).strip() == copy.text.strip()

    def test_a_note_that_is_not_taken_has_a_reason_and_no_parts(self, site: Site) -> None:
        site.service.make_destination(rule="private")
        (preview,) = services.preview(site.write("First"))
        assert preview.reason == "not there, because the destination's rule does not accept it."
        assert preview.parts == ()

    def test_an_empty_note_is_not_shown_where_it_is_refused(self, site: Site, destination: Destination) -> None:
        site.configure(MAX_RETRIES=0)
        note = site.write("")
        (preview,) = services.preview(note)
        assert bool(preview.parts) == bool(site.service.copies())
        assert bool(preview.reason) != bool(preview.parts)
