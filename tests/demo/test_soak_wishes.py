"""Where the soak's judge wants notes, after changes of the writer's own destination."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from project.soak.history import History, Note, Setting
from project.soak.wishes import read_notes, wishes_of

NOW = datetime.now(UTC)
MINUTE = timedelta(minutes=1)
LONG_AGO = (NOW - 60 * MINUTE, NOW - 60 * MINUTE)
FIRST = Setting(address="@first", made=LONG_AGO)


def note(**facts: object) -> Note:
    values = {"number": 3, "text": "Note 3", "is_live": True, "is_private": False, "is_tagged": False}
    values |= {"is_writers": True, "created_at": NOW - 10 * MINUTE, "saved_at": NOW + 600 * MINUTE}
    return Note(**{**values, **facts})  # type: ignore[arg-type]


def history(*settings: Setting) -> History:
    made = History()
    for setting in settings:
        made.change(setting)
    return made


def test_a_writers_note_is_wanted_at_the_own_destination_and_in_the_index_of_the_site() -> None:
    wishes = wishes_of([note()], history(FIRST))
    assert {place for place, notes in wishes.wanted.items() if notes} == {"@first", "manticore"}
    assert not wishes.possible


def test_another_ones_note_is_wanted_in_the_channels_of_the_site() -> None:
    wishes = wishes_of([note(is_writers=False, is_tagged=True)], history(FIRST))
    assert {place for place, notes in wishes.wanted.items() if notes} == {
        "@news", "@tagged", "mastodon", "bluesky", "webhook", "manticore"
    }  # fmt: skip


def test_a_note_that_is_not_live_is_wanted_nowhere() -> None:
    wishes = wishes_of([note(is_live=False), note(is_live=False, is_writers=False)], history(FIRST))
    assert not any(wishes.wanted.values())
    assert not wishes.possible


def test_after_a_move_a_note_that_was_saved_is_wanted_at_the_new_address_and_may_stay_at_the_former_one() -> None:
    moved = history(FIRST, replace(FIRST, address="@second"))
    assert moved.own(note(), "@second") == {True}
    assert moved.own(note(), "@first") == {True, False}


def test_after_a_move_a_note_that_is_not_wanted_any_more_is_wanted_at_neither_address() -> None:
    moved = history(FIRST, replace(FIRST, address="@second"))
    for withdrawn in (note(is_private=True), note(is_live=False), note(is_writers=False)):
        assert moved.own(withdrawn, "@first") == moved.own(withdrawn, "@second") == {False}


def test_after_a_move_a_note_that_was_not_saved_may_be_at_either_address_unless_it_is_withdrawn() -> None:
    moved = history(FIRST, replace(FIRST, address="@second"))
    old = note(saved_at=NOW - 5 * MINUTE)
    assert moved.own(old, "@first") == moved.own(old, "@second") == {True, False}
    assert moved.own(replace(old, is_live=False), "@first") == {False}


def test_a_destination_that_was_removed_leaves_no_copies_at_any_of_its_addresses() -> None:
    removed = history(FIRST, replace(FIRST, address="@second"))
    removed.remove()
    removed.change(Setting(address="@third", made=(NOW, NOW)))
    old = note(saved_at=NOW - 5 * MINUTE)
    assert [removed.own(old, address) for address in removed.addresses()] == [{False}] * 3
    assert removed.sites(old, "public") == {True, False}  # it was written beside the first one
    assert removed.sites(note(), "public") == {True}
    assert removed.own(note(created_at=NOW + MINUTE / 2), "@third") == {True}


def test_notes_are_read_with_their_times_tags_and_writers(tmp_path: Path) -> None:
    file = tmp_path / "db"
    past, future = str(NOW - 600 * MINUTE)[:26], str(NOW + 600 * MINUTE)[:26]
    with closing(sqlite3.connect(file)) as database:
        database.executescript("""
            CREATE TABLE auth_user (id, username);
            CREATE TABLE notes_tag (id, name);
            CREATE TABLE notes_note_tags (note_id, tag_id);
            CREATE TABLE notes_note (
                id, text, is_private, owner_id, publish_at, expires_at, created_at, updated_at, deleted_at
            );
            INSERT INTO auth_user VALUES (1, 'admin'), (2, 'writer');
            INSERT INTO notes_tag VALUES (1, 'travel'), (2, 'other');
            INSERT INTO notes_note_tags VALUES (1, 1), (2, 2);
        """)
        rows = [
            (1, "Note 1: a", 0, 1, None, None, past, past, None),
            (2, "Note 2: b", 1, 2, past, future, past, past, None),
            (3, "Note 3: c", 0, 2, future, None, past, past, None),
            (4, "Note 4: d", 0, 2, None, past, past, past, None),
            (5, "Note 5: e", 0, 2, None, None, past, past, past),
        ]
        database.executemany("INSERT INTO notes_note VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        database.commit()
    found = {one.number: one for one in read_notes(file)}
    assert sorted(found) == [1, 2, 3, 4]
    assert [one.is_live for one in found.values()] == [True, True, False, False]
    assert [one.is_tagged for one in found.values()] == [True, False, False, False]
    assert [one.is_writers for one in found.values()] == [False, True, True, True]
