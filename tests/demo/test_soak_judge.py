"""What the soak's judge makes of notes, channels and the sandbox's log."""

import json
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from project.demo_check.sandbox import Message
from project.soak.faults import Stop
from project.soak.judge import Request, Verdict, judge, numbers_in, read_log, read_shown

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def request(second: float, number: int, message_id: int, method: str = "sendMessage", **facts: object) -> Request:
    at = BEGINNING + timedelta(seconds=second)
    values = {"chat": "-100", "at": at, "ended_at": at, "answered": True, **facts}
    return Request(method=method, message_id=message_id, number=number, **values)  # type: ignore[arg-type]


def verdict_on(
    requests: list[Request], shown: Mapping[int, str], stops: tuple[Stop, ...] = (), named: tuple[int, ...] = ()
) -> Verdict:
    messages = [Message(id=n, text=text, edit_count=0) for n, text in shown.items()]
    places = [("@news", number) for number in named]
    return judge(requests, stops, {"@news": {3: "Note 3: new"}}, {"@news": messages}, places)


def test_a_note_that_stands_there_once_with_its_last_text_is_neither_lost_nor_doubled() -> None:
    verdict = verdict_on([request(0, 3, 10)], {10: "Note 3: new"})
    assert verdict.holds
    assert verdict.created_count == 1


@pytest.mark.parametrize("shown", [{}, {10: "Note 3: old"}, {10: "Note 3: new", 11: "Note 4: deleted"}])
def test_a_note_that_is_missing_or_old_or_not_taken_away_is_lost(shown: Mapping[int, str]) -> None:
    assert len(verdict_on([], shown).lost) == 1


def test_a_second_message_beside_the_first_is_a_double_without_an_excuse() -> None:
    verdict = verdict_on([request(0, 3, 10), request(1, 3, 11)], {10: "Note 3: new", 11: "Note 3: new"})
    assert len(verdict.doubled) == 1
    assert not verdict.holds


def test_a_message_created_anew_after_the_first_was_deleted_is_no_double() -> None:
    requests = [request(0, 3, 10), request(1, 0, 10, "deleteMessage"), request(2, 3, 11)]
    assert verdict_on(requests, {11: "Note 3: new"}).holds


def test_a_double_after_an_answer_that_was_never_written_is_allowed_until_one_of_both_is_taken_away() -> None:
    first = request(0, 2, 9)
    requests = [first, request(1, 0, 9, "deleteMessage"), request(2, 3, 10, answered=False), request(5, 3, 11)]
    shown = {10: "Note 3: new", 11: "Note 3: new"}
    assert len(verdict_on(requests, shown).doubled) == 1
    verdict = verdict_on([*requests, request(6, 0, 11, "deleteMessage")], shown)
    assert verdict.holds
    assert "never sent completely" in verdict.allowed[0]


def test_a_lost_message_that_became_another_notes_is_no_double_of_its_first_note() -> None:
    lost, taken = request(0, 3, 10, answered=False), request(1, 4, 10, "editMessageText")
    anew = request(2, 3, 11)
    assert verdict_on([lost, taken, anew], {11: "Note 3: new"}).holds
    assert not verdict_on([lost, taken, anew], {11: "Note 3: new"}).allowed


def test_the_first_message_of_a_channel_may_not_stand_there_twice_either() -> None:
    verdict = verdict_on([request(0, 3, 10, answered=False), request(5, 3, 11)], {10: "Note 3: new", 11: "Note 3: new"})
    assert len(verdict.doubled) == 1


def test_a_message_whose_answer_was_lost_may_outlive_its_note_where_a_failed_record_names_it() -> None:
    shown = {10: "Note 3: new", 20: "Note 4: deleted"}
    lost = [request(0, 3, 10), request(1, 4, 20, answered=False)]
    assert verdict_on(lost, shown, named=(4,)).holds
    assert verdict_on(lost, shown).lost == ["@news: note 4 is not removed, and no failed record names it"]


def test_of_several_lost_messages_each_record_that_gave_up_stands_for_one() -> None:
    shown = {10: "Note 3: new", 20: "Note 4: deleted", 21: "Note 5: deleted"}
    lost = [request(0, 3, 10), request(1, 4, 20, answered=False), request(2, 5, 21, answered=False)]
    assert verdict_on(lost, shown, named=(6, 0)).holds  # 0: a note of which nothing is left
    assert verdict_on(lost, shown, named=(4,)).lost == ["@news: note 5 is not removed, and no failed record names it"]


def test_a_message_whose_answer_came_may_not_outlive_its_note() -> None:
    answered = verdict_on([request(0, 3, 10), request(1, 4, 20)], {10: "Note 3: new", 20: "Note 4: x"}, named=(4,))
    assert answered.lost == ["@news: note 4 is not removed"]


def test_a_kill_excuses_the_message_that_was_being_sent_and_no_later_one() -> None:
    killed = BEGINNING + timedelta(seconds=0.5)
    stops = (Stop(name="worker1", at=killed, until=killed),)
    taken_away = request(10, 0, 10, "deleteMessage")
    early = verdict_on([request(0, 3, 10), request(9, 3, 11), taken_away], {11: "Note 3: new"}, stops)
    assert early.holds and "worker1" in early.allowed[0]
    late = verdict_on([request(20, 3, 10), request(29, 3, 11)], {11: "Note 3: new"}, stops)
    assert not late.holds


def test_a_status_that_is_posted_twice_has_no_excuse_for_the_server_knows_a_repetition() -> None:
    lost, taken = request(0, 3, 10, "POST /statuses", answered=False), request(9, 0, 10, "DELETE /statuses")
    anew = request(10, 3, 11, "POST /statuses")
    shown = {11: "Note 3: new"}
    assert verdict_on([lost, taken, anew], shown).holds
    assert len(verdict_on([lost, anew], shown).doubled) == 1


def test_placeholders_may_stand_side_by_side_for_a_moment_and_none_in_the_end() -> None:
    placeholders = [request(0, 0, 20, "POST /statuses"), request(1, 0, 21, "POST /statuses")]
    shown = {10: "Note 3: new"}
    assert verdict_on(placeholders, shown).holds
    assert verdict_on(placeholders, {**shown, 20: "…"}).lost == ["@news: '…' belongs to no note"]


@pytest.mark.parametrize("place", ["manticore", "webhook", "bluesky"])
def test_two_rows_or_objects_of_one_note_are_a_double(place: str) -> None:
    rows = [Message(id=n, text="Note 3: new") for n in (1, 2)]
    wanted = {place: {3: "Note 3: new"}}
    assert judge([], (), wanted, {place: rows[:1]}).holds
    assert judge([], (), wanted, {place: rows}).doubled == [f"{place}: note 3 exists 2 times"]


def test_the_log_is_read_with_requests_that_never_ended(tmp_path: Path) -> None:
    taken = {"event": "taken", "method": "sendMessage", "chat": -100, "at": "2026-01-01T00:00:00+00:00"}
    lines = [
        {"event": "started"},
        taken | {"n": 1, "stored": True, "message_id": 10, "params": {"text": "Note 3: new"}},
        taken | {"n": 2, "stored": False, "message_id": None, "params": {"text": "Note 4: refused"}},
    ]
    file = tmp_path / "log"
    file.write_text("\n".join(map(json.dumps, lines)))
    assert [(one.number, one.answered) for one in read_log(file)] == [(3, False)]


def test_a_person_looks_at_what_the_reasons_of_failed_records_show(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "db")
    database.executescript(
        """
        CREATE TABLE notes_note (id INTEGER, text TEXT);
        CREATE TABLE syncqueue_syncrecord (object_pk TEXT, state TEXT, error TEXT);
        INSERT INTO notes_note VALUES (1, 'Note 7: new'), (2, 'Note 8: new'), (3, 'Note 9: new');
        INSERT INTO syncqueue_syncrecord VALUES
            ('1', 'failed', 'It may be there: https://t.me/news/4, https://t.me/news/5. Several may be it. Look.'),
            ('2', 'failed', 'It is there as https://t.me/news/2, and may be there twice: https://t.me/news/6. Look.'),
            ('3', 'failed', 'The text is empty.');
        """
    )
    database.close()
    assert read_shown(tmp_path / "db") == [("@news", 4, 7), ("@news", 5, 7), ("@news", 6, 8)]
    assert numbers_in([Message(id=4, text="Note 7: old"), Message(id=5, text="Welcome")]) == {4: 7}
