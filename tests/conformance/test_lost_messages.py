"""Telegram: a message whose answer was lost is found again, and nothing is edited that may be somebody else's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from syncqueue import services
from syncqueue.handlers.telegram import lost
from syncqueue.handlers.telegram.trace import Trace
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.sources import beside
from syncqueue.sources.records import read_parts, write_parts
from syncqueue.testing.conformance import Answer, Site
from syncqueue.testing.conformance.cases.withdrawn import move
from syncqueue.testing.conformance.notes.models import Note
from tests.conformance.services import of
from tests.conformance.telegram import Telegram
from tests.eventually import eventually
from tests.services.telegram.watch import Watch

pytestmark = [
    pytest.mark.django_db(transaction=True),
    of(Telegram),
]

NOTHING_THERE: dict[str, Any] = {
    "mode": "error", "status": 400, "description": "Bad Request: message to edit not found",
    "method": "editMessageText",
}  # fmt: skip


def write_and_lose(site: Site, text: str, answer: str = "store-then-reset") -> Note:
    """A note whose message's answer was lost. "hang-before": and that never arrived."""
    site.service.answer_next(answer)
    with site.short_attempts():
        return site.write(text)


def numbers_of(site: Site) -> list[str]:
    return [copy.id for copy in site.service.copies()]


def link_of(site: Site, position: int = -1) -> str:
    return f"https://t.me/news/{numbers_of(site)[position]}"


def shown_at(site: Site, chat: int | str) -> list[str]:
    return [message["text"] for message in site.service.sandbox.messages(chat)]


def age(site: Site, note: Note, seconds: int) -> None:
    """As if the message had been sent earlier by so much."""
    record = site.record(note)
    parts = []
    for part in read_parts(record):
        trace = Trace.read(part) if part.kind == "sent" else None
        if trace is not None:
            trace = replace(trace, sent_at=trace.sent_at - seconds)
            part = trace.part(part.address, part.identity)
        parts.append(part)
    SyncRecord.objects.filter(pk=record.pk).update(parts=write_parts(parts))


def state_of(site: Site, note: Note) -> str:
    return site.record(note).state


def fails(site: Site, note: Note) -> str:
    """The reason for which a note's record fails."""

    record = site.record(note)

    def check() -> None:
        record.refresh_from_db()
        assert record.state == RecordState.FAILED, (record.state, record.error)

    site.work_until(check)
    return record.error


@contextmanager
def writing(site: Site, text: str) -> Iterator[None]:
    """A note is saved beside what is done inside."""

    def write() -> None:
        try:
            site.write(text)
        finally:
            connection.close()

    with ThreadPoolExecutor() as threads:
        saved = threads.submit(write)
        yield
        saved.result()


@pytest.fixture(params=["channel", "supergroup", "private", "group"])
def chat(request: pytest.FixtureRequest, site: Site) -> Iterator[int]:
    """A chat of each kind with a destination."""
    number = site.service.sandbox.make_chat(request.param)
    site.service.make_destination(address=str(number))
    yield number


@pytest.mark.parametrize("answer", ["store-then-reset", "hang"])
def test_a_lost_answer_ends_with_one_message_in_every_kind_of_chat(site: Site, chat: int, answer: str) -> None:
    site.write("First")
    write_and_lose(site, "Second", answer)
    site.work_until(site.assert_settled)
    assert shown_at(site, chat) == ["First", "Second"]
    assert site.service.count("create") == 2


def test_a_process_killed_between_send_and_store_leaves_one_message_in_every_kind_of_chat(
    site: Site, chat: int
) -> None:
    site.write("First")
    site.write_and_be_killed("Second")
    site.work_until(site.assert_settled)
    assert shown_at(site, chat) == ["First", "Second"]
    assert site.service.count("create") == 2


@pytest.fixture(params=["channel", "supergroup"])
def new_chat(request: pytest.FixtureRequest, site: Site) -> Iterator[int]:
    """A chat of its own sequence of ids, with a destination: no record has a message there."""
    number = site.service.sandbox.make_chat(request.param)
    site.service.make_destination(address=str(number))
    yield number


def test_a_lost_answer_to_the_first_message_of_a_chat_ends_with_one_message(site: Site, new_chat: int) -> None:
    site.service.sandbox.post_as_somebody(new_chat, "Welcome")
    write_and_lose(site, "First")
    site.work_until(site.assert_settled)
    assert shown_at(site, new_chat) == ["Welcome", "First"]
    assert site.service.count("create") == 1


def test_a_lost_answer_to_a_first_message_that_is_a_file_ends_with_one_file(site: Site, new_chat: int) -> None:
    write_and_lose(site, site.service.long_text)
    site.work_until(site.assert_settled)
    assert [message["kind"] for message in site.service.sandbox.messages(new_chat)] == ["document"]
    assert site.service.count("create") == 1


def test_a_first_message_whose_answer_was_lost_goes_with_its_note(site: Site, new_chat: int) -> None:
    write_and_lose(site, "First").delete()
    site.work_until(site.assert_settled)
    assert shown_at(site, new_chat) == []


def test_a_process_killed_after_the_first_send_to_a_chat_leaves_one_message(site: Site, new_chat: int) -> None:
    site.write_and_be_killed("First")
    site.work_until(site.assert_settled)
    assert shown_at(site, new_chat) == ["First"]
    assert site.service.count("create") == 1


def test_of_several_first_messages_whose_answers_were_lost_each_is_there_once(site: Site, new_chat: int) -> None:
    write_and_lose(site, "First")
    write_and_lose(site, "Second")
    site.work_until(site.assert_settled)
    assert sorted(shown_at(site, new_chat)) == ["First", "Second"]
    assert site.service.count("create") == 2


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
def test_of_several_lost_messages_at_a_former_address_each_record_takes_one_away(site: Site, *, is_known: bool) -> None:
    number = site.service.sandbox.make_chat("channel")
    destination = site.service.make_destination(address=str(number))
    earlier = [site.write("First").text] if is_known else []
    notes = [write_and_lose(site, text) for text in ("Second", "Third")]
    move(destination, "@drafts")
    for note in notes:
        site.change(note, text=f"{note.text}, edited")

    def are_moved() -> None:
        assert sorted(shown_at(site, "@drafts")) == ["Second, edited", "Third, edited"]

    site.work_until(are_moved)
    for note in notes:
        note.delete()
    site.work_until(site.assert_settled)
    assert shown_at(site, number) == earlier
    assert shown_at(site, "@drafts") == []


def test_a_first_message_that_never_arrived_is_sent_once_more(site: Site, new_chat: int) -> None:
    note = write_and_lose(site, "First", "hang-before")
    site.work_until(site.assert_settled)
    assert shown_at(site, new_chat) == ["First"]
    assert not site.record(note).twin_possible


def test_where_the_first_ids_of_a_chat_are_unused_and_such_are_held_a_person_decides(site: Site, new_chat: int) -> None:
    watch = Watch(site.service.sandbox)
    for _ in range(lost.EMPTY_IN_A_ROW):
        site.service.sandbox.remove_message(new_chat, watch.post(new_chat))
    site.configure(ON_UNKNOWN_OUTCOME="hold")
    note = write_and_lose(site, "First")
    age(site, note, 300)

    def is_held() -> None:
        assert state_of(site, note) == RecordState.UNKNOWN

    site.work_until(is_held)
    assert shown_at(site, new_chat) == ["First"]


def test_where_the_bot_has_posted_before_all_records_a_person_is_shown_its_messages(site: Site, new_chat: int) -> None:
    watch = Watch(site.service.sandbox)
    numbers = [watch.post(new_chat) for _ in range(2)]
    note = write_and_lose(site, "First", "hang-before")
    reason = fails(site, note)
    assert all(f"/{number}" in reason for number in numbers)
    assert shown_at(site, new_chat) == ["Hello", "Hello"]


def test_where_the_first_messages_of_a_chat_were_deleted_the_bot_edits_none_behind_them(
    site: Site, new_chat: int
) -> None:
    watch = Watch(site.service.sandbox)
    numbers = [watch.post(new_chat) for _ in range(lost.EMPTY_IN_A_ROW + 1)]
    for number in numbers[:-1]:
        site.service.sandbox.remove_message(new_chat, number)
    note = write_and_lose(site, "First", "hang-before")
    site.work_until(site.assert_settled)
    assert shown_at(site, new_chat) == ["Hello", "First"]
    assert site.record(note).twin_possible


def test_a_message_that_was_found_is_edited_to_what_the_note_says_by_now(site: Site, destination: Destination) -> None:
    site.write("First")
    note = write_and_lose(site, "Second")
    site.change(note, text="Third")
    site.work_until(site.assert_settled)
    site.assert_shows("First", "Third")
    assert site.service.count("create") == 2


def test_where_unknown_outcomes_are_held_a_message_that_is_found_needs_no_person(
    site: Site, destination: Destination
) -> None:
    site.configure(ON_UNKNOWN_OUTCOME="hold")
    site.write("First")
    write_and_lose(site, "Second")
    site.work_until(site.assert_settled)
    site.assert_shows("First", "Second")


def test_a_message_that_never_arrived_is_sent_once_more(site: Site, destination: Destination) -> None:
    site.write("First")
    note = write_and_lose(site, "Second", "hang-before")
    site.work_until(site.assert_settled)
    site.assert_shows("First", "Second")
    assert not site.record(note).twin_possible


def test_of_a_message_that_arrived_after_it_was_missed_the_younger_copy_goes(
    site: Site, destination: Destination
) -> None:
    site.write("First")
    write_and_lose(site, "Second")
    numbers = numbers_of(site)
    # The first search sees nothing, as while the message is on its way.
    site.service.sandbox.plan_answers("telegram", *["up"] * 2, *[NOTHING_THERE] * lost.EMPTY_IN_A_ROW)
    site.work_until(site.assert_settled)
    site.assert_shows("First", "Second")
    assert numbers_of(site) == numbers
    assert site.service.count("create") == 3


def test_of_two_messages_of_one_note_whose_answers_were_lost_the_younger_goes(
    site: Site, destination: Destination
) -> None:
    site.write("First")
    write_and_lose(site, "Second")
    numbers = numbers_of(site)
    blind = ["up"] * 2 + [NOTHING_THERE] * lost.EMPTY_IN_A_ROW
    site.service.sandbox.plan_answers("telegram", *blind, {"mode": "store-then-reset", "method": "sendMessage"})
    site.work_until(site.assert_settled)
    site.assert_shows("First", "Second")
    assert numbers_of(site) == numbers
    assert site.service.count("create") == 3


def test_of_a_note_that_was_sent_twice_and_another_each_has_one_in_the_end(
    site: Site, destination: Destination
) -> None:
    site.write("First")
    write_and_lose(site, "Second")
    blind = ["up"] * 2 + [NOTHING_THERE] * lost.EMPTY_IN_A_ROW
    site.service.sandbox.plan_answers("telegram", *blind, {"mode": "store-then-reset", "method": "sendMessage"})
    eventually(lambda: _work_until_sent(site, 3))
    write_and_lose(site, "Third")
    site.work_until(site.assert_settled)
    assert sorted(site.service.texts()) == ["First", "Second", "Third"]


def _work_until_sent(site: Site, count: int) -> None:
    site.work()
    assert site.service.count("create") == count


def test_of_several_lost_messages_each_note_gets_one(site: Site, destination: Destination) -> None:
    site.write("First")
    texts = ["Second", "Third", "Fourth"]
    for text in texts:
        write_and_lose(site, text)
    write_and_lose(site, "Fifth", "hang-before")
    site.work_until(site.assert_settled)
    assert sorted(site.service.texts()) == sorted(["First", *texts, "Fifth"])


def test_of_lost_messages_of_different_times_none_is_left_over(site: Site, destination: Destination) -> None:
    site.write("First")
    notes = [write_and_lose(site, f"Older {n}") for n in range(3)]
    site.write("Second")  # the younger ones are behind it, so their records cannot take an older one
    notes += [write_and_lose(site, f"Younger {n}") for n in range(3)]
    for note in notes:
        note.delete()
    site.work_until(site.assert_settled)
    site.assert_shows("First", "Second")


def test_a_message_that_another_record_is_being_told_of_is_not_taken(site: Site, destination: Destination) -> None:
    site.write("First")
    write_and_lose(site, "Second", "hang-before")
    site.service.answer_next({"mode": "slow", "delay_seconds": 8})

    def is_there() -> None:
        assert "Third" in site.service.texts()

    with writing(site, "Third"):
        eventually(is_there)
        site.work_until(lambda: _assert_waits(site, "is being searched for"))
    site.work_until(site.assert_settled)
    site.assert_shows("First", "Third", "Second")


def _assert_waits(site: Site, words: str) -> None:
    assert words in str(list(SyncRecord.objects.values_list("error", flat=True)))


def test_where_the_bot_may_edit_what_others_post_a_person_is_shown_the_link(
    site: Site, destination: Destination
) -> None:
    site.service.sandbox.set_rights("@news", can_edit_messages=True)
    site.write("First")
    note = write_and_lose(site, "Second", "hang-before")
    site.service.sandbox.post_as_somebody("@news", "Theirs")
    error = fails(site, note)
    assert link_of(site, 1) in error
    assert "may edit the messages of others" in error
    # Who tries again has looked.
    services.retry_failed("telegram", actor="a test")
    site.work_until(site.assert_settled)
    site.assert_shows("First", "Theirs", "Second")


def test_where_other_programs_post_with_the_bot_a_person_is_shown_the_link(site: Site) -> None:
    site.service.make_destination(options={"sole_poster": False})
    site.write("First")
    note = write_and_lose(site, "Second")
    error = fails(site, note)
    assert link_of(site, 1) in error
    assert "Other programs" in error
    assert site.service.count("edit") == 0


def test_more_messages_than_can_be_lost_ones_are_left_to_a_person(site: Site, destination: Destination) -> None:
    site.write("First")
    note = write_and_lose(site, "Second")
    Watch(site.service.sandbox).post("@news")
    error = fails(site, note)
    assert "Several" in error
    assert f"{link_of(site, 1)}, {link_of(site, 2)}" in error
    site.assert_shows("First", "Second", "Hello")


def test_a_note_that_is_not_wanted_any_more_says_which_messages_may_be_its_own(site: Site) -> None:
    destination = site.service.make_destination(options={"sole_poster": False})
    site.write("First")
    note = write_and_lose(site, "Second")
    note.soft_delete()
    error = fails(site, note)
    assert error.startswith(f"A copy may be left at {destination.name}")
    assert link_of(site, 1) in error
    site.assert_shows("First", "Second")


def test_of_a_note_that_is_not_wanted_any_more_a_message_that_never_arrived_is_waited_for(
    site: Site, destination: Destination
) -> None:
    site.write("First")
    note = write_and_lose(site, "Second", "hang-before")
    record = site.record(note)
    note.soft_delete()
    site.work_until(lambda: _assert_waits(site, "has not been found so far"))
    age(site, note, 700)
    services.run_task_now("telegram", f"key:record-{record.pk}", actor="a test")
    site.work_until(site.assert_settled)
    site.assert_shows("First")
    assert site.service.count("create") == 1


def test_a_rate_limit_ends_the_search_until_it_is_over(site: Site, destination: Destination) -> None:
    site.write("First")
    note = write_and_lose(site, "Second")
    limited = {"mode": "limited", "retry_after": 1, "method": "editMessageText"}
    site.service.sandbox.plan_answers("telegram", "up", "up", "up", limited)
    site.work_until(site.assert_settled)
    site.assert_shows("First", "Second")
    assert site.service.count("create") == 2
    assert not site.record(note).twin_possible


@pytest.fixture
def few_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that is over soon."""
    monkeypatch.setattr(lost, "MOST_PROBES", 2)


def _post_too_much(site: Site) -> None:
    for n in range(4):
        site.service.sandbox.post_as_somebody("@news", f"Theirs {n}")


def test_what_was_posted_since_for_older_notes_is_known_and_not_probed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "NEWEST_COUNT", 1)
    monkeypatch.setattr(lost, "MOST_PROBES", lost.EMPTY_IN_A_ROW + 4)
    site.service.make_destination(rule="public")
    site.write("First")
    older = [site.write(f"Older {n}", is_private=True) for n in range(8)]
    note = write_and_lose(site, "Second", "hang-before")
    for one in older:
        site.change(one, is_private=False)
    site.work_until(site.assert_settled)
    assert sorted(site.service.texts()) == ["First", *(f"Older {n}" for n in range(8)), "Second"]
    assert not site.record(note).twin_possible


@pytest.mark.usefixtures("few_probes")
def test_where_the_newest_notes_are_not_shown_the_search_begins_after_the_newest_that_is(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "NEWEST_COUNT", 1)
    site.service.make_destination(rule="public")
    site.write("First")
    _post_too_much(site)
    site.write("Shown")
    site.write("Private", is_private=True)
    note = write_and_lose(site, "Second")
    site.work_until(site.assert_settled)
    assert not site.record(note).twin_possible
    assert site.service.texts() == ["First", *(f"Theirs {n}" for n in range(4)), "Shown", "Second"]


@pytest.mark.usefixtures("few_probes")
def test_where_an_edit_waits_at_each_note_the_search_begins_after_the_newest_message(
    site: Site, destination: Destination
) -> None:
    first = site.write("First")
    _post_too_much(site)
    shown = site.write("Shown")
    site.service.set_mode("down")
    for one in (first, shown):
        site.change(one, text=f"{one.text}, edited")
    site.service.set_mode("up")
    note = write_and_lose(site, "Second")
    assert [state_of(site, one) for one in (first, shown, note)] == ["waiting"] * 3
    site.work_until(site.assert_settled)
    assert not site.record(note).twin_possible
    assert site.service.texts().count("Second") == 1


@pytest.mark.usefixtures("few_probes")
def test_where_too_much_was_posted_since_it_is_sent_again_and_the_second_copy_is_not_forgotten(
    site: Site, destination: Destination
) -> None:
    site.write("First")
    _post_too_much(site)
    note = write_and_lose(site, "Second")
    site.work_until(site.assert_settled)
    assert site.service.texts().count("Second") == 2
    note.soft_delete()
    assert fails(site, note).startswith(f"A copy may be left at {destination.name}")


@pytest.mark.usefixtures("few_probes")
def test_where_too_much_was_posted_since_and_unknown_outcomes_are_held_a_person_decides(
    site: Site, destination: Destination
) -> None:
    site.configure(ON_UNKNOWN_OUTCOME="hold")
    site.write("First")
    _post_too_much(site)
    note = write_and_lose(site, "Second")

    def check() -> None:
        assert state_of(site, note) == RecordState.UNKNOWN

    site.work_until(check)
    assert "Too much was posted" in site.record(note).error
    services.retry_failed("telegram", actor="a test")
    site.work_until(site.assert_settled)
    assert site.service.texts().count("Second") == 2


@pytest.mark.parametrize("kind", ["private", "group"])
def test_of_the_first_message_in_a_chat_without_ids_of_its_own_the_setting_decides(site: Site, kind: str) -> None:
    number = site.service.sandbox.make_chat(kind)
    site.service.make_destination(address=str(number))
    note = write_and_lose(site, "First")
    site.work_until(site.assert_settled)
    assert shown_at(site, number) == ["First", "First"]
    assert site.record(note).twin_possible


@pytest.mark.parametrize("answer", [{"mode": "error", "status": 400}, "limited", "error", "unauthorized", "broken"])
def test_a_message_that_was_refused_leaves_no_trace(site: Site, destination: Destination, answer: Answer) -> None:
    site.write("First")
    site.service.answer_next(answer)
    assert site.record(site.write("Second")).parts == []


def test_a_message_that_could_not_be_sent_leaves_no_trace(site: Site, destination: Destination) -> None:
    site.write("First")
    site.service.set_mode("down")
    assert site.record(site.write("Second")).parts == []


def test_the_trace_is_stored_before_the_message_is_there(site: Site, destination: Destination) -> None:
    site.write("First")
    site.service.set_mode({"mode": "slow", "delay_seconds": 2})

    def trace() -> str:
        rows = SyncRecord.objects.exclude(sending_token="").values_list("parts", flat=True)
        assert rows
        (part,) = rows[0]
        assert part["kind"] == "sent"
        return str(part["id"])

    with writing(site, "Second"):
        assert str(json.loads(eventually(trace))["after"]) == numbers_of(site)[0]
    site.work_until(site.assert_settled)
