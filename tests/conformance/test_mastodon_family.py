"""What the servers that speak Mastodon's API differ in, and what must come to the same on all of them."""

from __future__ import annotations

from typing import Any

import pytest

import syncqueue
from syncqueue import services
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.testing.conformance import Site
from syncqueue.testing.conformance.notes.models import Note
from tests.conformance.mastodon import GoToSocial, Mastodon, OtherServer, Takahe
from tests.conformance.services import of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    of(Mastodon, GoToSocial, Takahe, OtherServer),
]

LISTING = "GET /accounts/statuses"
ODD = r"For @nobody@elsewhere.example: a \\ b \n, &amp; and <x>, # not *bold*"


def statuses(site: Site) -> list[dict[str, Any]]:
    """All that there is on the account, deleted ones too."""
    accounts = site.service.sandbox.state()["services"]["mastodon"]["accounts"]
    return [status for account in accounts for status in account["statuses"]]


def assert_never_public(site: Site, *words: str) -> None:
    """None of these words was ever in a status that everybody saw."""
    seen = [text for status in statuses(site) for text in status["shown_to_all"]]
    assert not [text for text in seen if any(word in text for word in words)]


def lose(site: Site, count: int = 1) -> None:
    """The next statuses are posted and their answers lost, as are those of looks at the account."""
    lost: list[Any] = [{"mode": "store-then-reset", "method": "POST /statuses"}, {"mode": "error", "method": LISTING}]
    site.service.sandbox.plan_answers("mastodon", *(lost * count))


def write_and_lose(site: Site, text: str, **values: Any) -> Note:
    """A note whose status is out there and whose record waits."""
    lose(site)
    note = site.write(text, **values)
    assert site.record(note).state == RecordState.WAITING
    assert len([status for status in statuses(site) if not status["deleted"]]) >= 1
    return note


# Visibility


@pytest.mark.parametrize("long", [False, True])
def test_an_edit_of_a_private_note_never_shows_it_to_everybody(
    site: Site, destination: Destination, long: bool
) -> None:
    text = f"Secret. {site.service.long_text}" if long else "Secret"
    note = site.write(text, is_private=True)
    site.change(note, text=f"{text} Still secret")
    site.assert_shows(f"{text} Still secret")
    assert [copy.is_private for copy in site.service.copies()] == [True]
    assert_never_public(site, "ecret", "story")
    site.assert_settled()


def test_a_note_made_private_while_its_answer_was_lost_is_private_and_there_once(
    site: Site, destination: Destination
) -> None:
    note = write_and_lose(site, "First")
    site.change(note, text="Secret", is_private=True)
    site.work_until(site.assert_settled)
    site.assert_shows("Secret")
    assert [copy.is_private for copy in site.service.copies()] == [True]
    assert_never_public(site, "Secret")


# Edits


def test_what_is_forced_through_again_is_not_edited_and_does_not_fail(site: Site, destination: Destination) -> None:
    site.write("First")
    site.write(site.service.long_text)
    services.resync([destination], force=True, prune=False, actor="a test")
    site.work_until(site.assert_settled)
    site.assert_shows("First", site.service.long_text)
    assert site.service.count("create") == 4


def test_a_thread_grows_and_shrinks_with_edits_of_what_has_changed_alone(site: Site, destination: Destination) -> None:
    note = site.write(site.service.long_text)
    site.change(note, text=f"{site.service.long_text} And on.")
    site.assert_shows(f"{site.service.long_text} And on.")
    site.change(note, text=site.service.long_text)
    site.assert_shows(site.service.long_text)
    site.assert_settled()


def test_the_language_stays_with_an_edit(site: Site) -> None:
    site.service.make_destination(options={"language": "zh"})
    note = site.write("First")
    site.change(note, text="Second")
    wanted = "" if isinstance(site.service, Takahe) else "zh"  # Takahe has no languages
    assert [status["language"] for status in statuses(site)] == [wanted]


def test_a_content_warning_that_comes_back_changed_is_posted_and_edited(site: Site) -> None:
    site.service.make_destination(options={"spoiler": "About <x>"})
    note = site.write("First")
    note.save()
    site.change(note, text=ODD)
    site.assert_shows(ODD)
    site.assert_settled()


# Lost answers


def test_forty_of_sixty_notes_whose_answers_were_lost_are_all_there_once(site: Site, destination: Destination) -> None:
    site.configure("IMMEDIATE", ENABLED=False)
    site.configure(MAX_RETRIES=20)
    texts = [f"Note {number} {ODD}" for number in range(60)]
    lose(site, 40)
    for text in texts:
        site.write(text)
    site.work_until(site.assert_settled)
    assert sorted(site.service.texts()) == sorted(texts)


@pytest.mark.parametrize("text", [ODD, "Hello"])
@pytest.mark.parametrize("is_private", [False, True])
def test_a_lost_status_is_found_whatever_it_says_and_whoever_sees_it(
    site: Site, destination: Destination, text: str, is_private: bool
) -> None:
    write_and_lose(site, text, is_private=is_private)
    for number in range(25):
        site.write(f"Newer {number}")
    site.work_until(site.assert_settled)
    shown = text.replace("@nobody", "＠nobody") if is_private else text
    assert site.service.texts().count(shown) == 1
    # Without a source it cannot be told that a private status is exactly right, and an edit might show it to everybody.
    is_replaced = is_private and isinstance(site.service, OtherServer)
    assert site.service.count("create") == (27 if is_replaced else 26)


@pytest.mark.parametrize("end", ["delete", "soft_delete"])
def test_a_lost_status_goes_with_its_note(site: Site, destination: Destination, end: str) -> None:
    site.write("Other")
    note = write_and_lose(site, "First", is_private=True)
    getattr(note, end)()
    site.work_until(site.assert_settled)
    site.assert_shows("Other")


def test_a_lost_status_goes_with_its_destination(site: Site, destination: Destination) -> None:
    write_and_lose(site, "First")
    services.retire(destination, remove_remote=True, actor="a test")
    site.work_until(site.assert_shows)
    site.work_until(site.assert_empty_queue)
    assert not SyncRecord.objects.exists()


def test_two_notes_with_one_text_are_two_statuses_though_an_answer_was_lost(
    site: Site, destination: Destination
) -> None:
    first = write_and_lose(site, "Good morning")
    second = site.write("Good morning")
    site.work_until(site.assert_settled)
    site.assert_shows("Good morning", "Good morning")
    second.delete()
    site.work_until(site.assert_settled)
    site.assert_shows("Good morning")
    assert site.record(first).parts[0]["id"] == site.service.copies()[0].id


def test_a_maintenance_page_of_hours_uses_no_attempt_and_doubles_nothing(site: Site, destination: Destination) -> None:
    site.configure(MAX_RETRIES=0)
    site.service.set_mode({"mode": "error", "status": 503, "html": True})
    notes = [site.write(f"Note {number}") for number in range(3)]
    site.work()
    assert {site.record(note).state for note in notes} == {"waiting"}
    site.service.set_mode("up")
    site.work_until(site.assert_settled)
    assert sorted(site.service.texts()) == ["Note 0", "Note 1", "Note 2"]


# Length


@pytest.mark.parametrize("hides_itself", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        " ".join(f"Sentence {number}: https://example.org/{'x' * 200}{number}." for number in range(6)),
        "🇩🇪" * 300,
        "👨‍👩‍👧 " * 150,
        "e\u0301" * 400,
        " ".join(f"@somebody{number}@a-long-name-of-a-host.example" for number in range(20)),
    ],
    ids=["links", "flags", "families", "accents", "mentions"],
)
def test_what_a_server_counts_as_too_long_becomes_a_thread(
    site: Site, destination: Destination, text: str, hides_itself: bool
) -> None:
    site.service.sandbox.set_options("mastodon", hides_itself=hides_itself)
    site.write(text)
    site.work_until(site.assert_settled)
    [copy] = site.service.copies()
    assert "".join(copy.text.split()) == "".join(text.split())


# Refusals


def test_a_status_that_is_gone_is_made_anew_by_an_edit_and_its_deletion_is_done(
    site: Site, destination: Destination
) -> None:
    first, second = site.write("First"), site.write("Second")
    for copy in site.service.copies():
        site.service.remove_by_hand(copy)
    site.change(first, text="First again", is_private=True)
    second.delete()
    site.work_until(site.assert_settled)
    site.assert_shows("First again")


def test_a_revoked_token_is_told_as_such_and_everything_goes_once_there_is_a_new_one(
    site: Site, destination: Destination
) -> None:
    destination.secret = {"access_token": "x" * 43}
    destination.save()
    site.write("First")
    destination.refresh_from_db()
    assert "access token" in destination.broken_reason
    destination.secret = dict(site.service.secret)
    destination.save()
    services.mend(destination, actor="a test")
    site.work_until(site.assert_settled)
    site.assert_shows("First")


def test_every_part_names_the_account_that_it_is_on(site: Site, destination: Destination) -> None:
    note = site.write(site.service.long_text)
    syncqueue.sync(note)
    assert {part["identity"] for part in site.record(note).parts} == {"1@127.0.0.1"}
