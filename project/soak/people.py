"""Simulated users with browsers: each writes, edits, tags, schedules, hands over and deletes notes until stopped."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import httpx

from project.demo_check.site import Site, SiteError

PAUSE_SECONDS = (0.05, 0.5)  # between two clicks
BACK_SECONDS = 0.5  # until a user retries a site that does not respond


@dataclass(slots=True)
class Diary:
    """The observations of all users."""

    saves: int = 0
    broken_off: int = 0  # the web server was killed or paused, so the browser does not know the result
    refused: list[str] = field(default_factory=list)  # unexpected responses of the site
    longest_seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def note_save(self, seconds: float) -> None:
        with self.lock:
            self.saves += 1
            self.longest_seconds = max(self.longest_seconds, seconds)

    def note_broken_off(self) -> None:
        with self.lock:
            self.broken_off += 1

    def note_refused(self, text: str) -> None:
        with self.lock:
            self.refused.append(text)

    def next_number(self) -> int:
        with self.lock:
            return next(self.numbers)


@dataclass(slots=True)
class _Mine:
    """A note of this user."""

    pk: int
    number: int
    owner: int
    is_private: bool
    is_tagged: bool = False
    publish_at: datetime | None = None
    expires_at: datetime | None = None
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a note can be given."""

    owners: Sequence[int]
    tag: int


class Person(threading.Thread):
    """One user; only this thread changes the user's notes, so the database contains their last save."""

    def __init__(
        self,
        url: str,
        diary: Diary,
        choices: Choices,
        seed: int,
        stop: threading.Event,
        stood_still: Callable[[float], bool],
    ) -> None:
        """`stood_still` returns whether the web server was paused (SIGSTOP) after a given time."""
        super().__init__(daemon=True)
        self._url = url
        self._stood_still = stood_still
        self._diary = diary
        self._choices = choices
        self._random = random.Random(seed)  # noqa: S311 - a plan that can be repeated, no secret
        self._stop_writing = stop
        self._notes: list[_Mine] = []

    def run(self) -> None:
        while not self._stop_writing.is_set():
            try:
                with Site(self._url) as site:
                    site.log_in("admin", "admin")
                    while not self._stop_writing.wait(self._random.uniform(*PAUSE_SECONDS)):
                        self._click(site)
            except httpx.TransportError:
                self._diary.note_broken_off()
                self._stop_writing.wait(BACK_SECONDS)
            except SiteError as error:
                self._diary.note_refused(str(error))
                self._stop_writing.wait(BACK_SECONDS)

    def _click(self, site: Site) -> None:
        started = time.monotonic()
        drawn = self._random.random()
        if not self._notes or drawn < 0.4:
            self._write(site)
        elif drawn < 0.85:
            self._edit(site, self._random.choice(self._notes))
        else:
            # Removed from the list first: the state of a note whose deletion was interrupted is unknown.
            note = self._notes.pop(self._random.randrange(len(self._notes)))
            site.delete_note(note.pk)
        if not self._stood_still(started):  # otherwise the duration is not that of the save
            self._diary.note_save(time.monotonic() - started)

    def _write(self, site: Site) -> None:
        note = _Mine(
            pk=0,
            number=self._diary.next_number(),
            owner=self._random.choice(self._choices.owners),
            is_private=self._random.random() < 0.3,
            is_tagged=self._random.random() < 0.2,
        )
        if self._random.random() < 0.2:
            self._schedule(note)
        note.pk = self._save(site, note, "first words")
        self._notes.append(note)

    def _edit(self, site: Site, note: _Mine) -> None:
        note.revision += 1
        drawn = self._random.random()
        if drawn < 0.2:
            note.is_private = not note.is_private
        elif drawn < 0.3:
            note.is_tagged = not note.is_tagged
        elif drawn < 0.4:
            note.owner = self._random.choice(self._choices.owners)
        elif drawn < 0.5:
            self._schedule(note)
        self._save(site, note, f"revision {note.revision}")

    def _schedule(self, note: _Mine) -> None:
        """Out soon, or much later; and perhaps only for some seconds."""
        now = datetime.now(UTC)
        waits = self._random.choice((None, None, timedelta(seconds=self._random.uniform(2, 20)), timedelta(days=1)))
        note.publish_at = now + waits if waits else None
        lives = self._random.choice((None, None, timedelta(seconds=self._random.uniform(5, 40))))
        note.expires_at = now + lives if lives else None

    def _save(self, site: Site, note: _Mine, words: str) -> int:
        saved = site.save_note(
            f"Note {note.number}: {words}",
            pk=note.pk or None,
            is_private=note.is_private,
            tags=[self._choices.tag] if note.is_tagged else [],
            owner=note.owner,
            publish_at=note.publish_at,
            expires_at=note.expires_at,
        )
        return saved.pk
