"""Where each note is to be in the end: the site's notes and the writer's settings, against the demo's destinations."""

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from .history import History, Note
from .writer import TAG

# The rules of the demo's channels; the search index takes every note that is live, whoever has written it.
SITES = {
    "@news": "public",
    "@drafts": "private",
    "@tagged": "tag",
    "mastodon": "public",
    "bluesky": "public",
    "webhook": "all",
}
INDEX = "manticore"
_NUMBER = re.compile(r"Note (\d+)\b")


@dataclass(slots=True)
class Wishes:
    """By place of the sandbox."""

    wanted: dict[str, dict[int, str]] = field(default_factory=dict)  # number and text of each note
    possible: set[tuple[str, int]] = field(default_factory=set)  # a copy may be there or not

    def note(self, place: str, note: Note, answers: set[bool]) -> None:
        """Keep whether a note is to be at a place."""
        self.wanted.setdefault(place, {})
        if answers == {True, False}:
            self.possible.add((place, note.number))
        elif answers == {True}:
            self.wanted[place][note.number] = note.text


def read_notes(database: Path) -> list[Note]:
    """Return the notes that were not deleted. A note whose time has not come, or is over, is not live."""
    query = """
        SELECT note.text, note.is_private, owner.username, note.publish_at, note.expires_at, note.created_at,
            note.updated_at, EXISTS (
                SELECT 1 FROM notes_note_tags tagged JOIN notes_tag tag ON tag.id = tagged.tag_id
                WHERE tagged.note_id = note.id AND tag.name = ?
            )
        FROM notes_note note JOIN auth_user owner ON owner.id = note.owner_id
        WHERE note.deleted_at IS NULL
    """
    now = datetime.now(UTC)
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        rows = connection.execute(query, [TAG]).fetchall()
    return [
        Note(
            number=int(found[1]),
            text=text,
            is_live=_moment(publish_at, now) <= now < _moment(expires_at, datetime.max.replace(tzinfo=UTC)),
            is_private=bool(is_private),
            is_tagged=bool(is_tagged),
            is_writers=owner == "writer",
            created_at=_moment(created_at, now),
            saved_at=_moment(updated_at, now),
        )
        for text, is_private, owner, publish_at, expires_at, created_at, updated_at, is_tagged in rows
        if (found := _NUMBER.search(text))
    ]


def _moment(stored: str | None, default: datetime) -> datetime:
    return datetime.fromisoformat(stored).replace(tzinfo=UTC) if stored else default


def wishes_of(notes: list[Note], history: History) -> Wishes:
    """Return where notes are wanted, and where they may be."""
    wishes = Wishes({place: {} for place in (*SITES, INDEX, *history.addresses())})
    for note in notes:
        for place, rule in SITES.items():
            wishes.note(place, note, history.sites(note, rule))
        for address in history.addresses():
            wishes.note(address, note, history.own(note, address))
        wishes.note(INDEX, note, {note.is_live})
    return wishes
