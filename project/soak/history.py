"""What the writer's own destination was over the time of a soak, and what that means for a note.

A change of a rule, an address or a switch concerns a note from its next save on. So a note that was not saved since may
be as any of the settings since its last save say. A destination that was removed with its copies has none left.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

# From a save until the attempt that reads it has ended where nothing fails; clocks and whole seconds of forms included.
GRACE = timedelta(seconds=5)
SECOND = timedelta(seconds=1)
ALWAYS = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The destination for some time."""

    address: str  # "" while there is none
    rule: str = "public"  # all, public, private, tag
    is_on: bool = True
    # It takes notes that were created after it was made, which was between the click and the response.
    made: tuple[datetime, datetime] = (ALWAYS, ALWAYS)
    until: datetime = ALWAYS  # the response to the click that changed it
    is_removed: bool = False  # the destination was removed with its copies


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note as the database has it in the end."""

    number: int
    text: str
    is_live: bool
    is_private: bool
    is_tagged: bool
    is_writers: bool
    created_at: datetime
    saved_at: datetime

    def fits(self, rule: str) -> bool:
        """Whether a rule takes it."""
        fits = {"all": True, "public": not self.is_private, "private": self.is_private, "tag": self.is_tagged}
        return self.is_live and fits[rule]


class History:
    """The settings in order. The thread of the writer adds to it while others read."""

    def __init__(self) -> None:
        self._settings: list[Setting] = []
        self._lock = threading.Lock()

    @property
    def now(self) -> Setting:
        """The last setting."""
        return self._all()[-1]

    def addresses(self, *, of_now: bool = False) -> list[str]:
        """Every address there was; `of_now`: of the destination that there is now."""
        settings = self._all()
        found = [one.address for one in settings if one.address and (not of_now or one.made == settings[-1].made)]
        return list(dict.fromkeys(found))

    def change(self, setting: Setting) -> None:
        """The response to a change has come; both settings were possible since the click."""
        with self._lock:
            if self._settings:
                self._settings[-1] = replace(self._settings[-1], until=datetime.now(UTC))
            self._settings.append(setting)

    def remove(self) -> None:
        """The destination was removed with its copies, also those at its former addresses."""
        self.change(Setting(address=""))
        with self._lock:
            gone = self._settings[-2].made
            self._settings = [replace(one, is_removed=one.is_removed or one.made == gone) for one in self._settings]

    def own(self, note: Note, address: str) -> set[bool]:
        """Whether a copy may be at an address of the destination: {True}, {False} or both."""
        settings = self._all()
        found: set[bool] = set()
        for setting in self._since(note.saved_at):
            had = {one.address for one in settings if one.made == setting.made}
            found |= _takes(setting, note, address) if address in had else {False}
        return found or {False}

    def sites(self, note: Note, rule: str) -> set[bool]:
        """Whether a channel of the site may have a copy: not of notes that were written beside an own destination."""
        if not note.fits(rule) or not note.is_writers:
            return {note.fits(rule)}
        return {not is_later for setting in self._since(note.saved_at) for is_later in _is_after(setting, note)}

    def _since(self, moment: datetime) -> Iterator[Setting]:
        return (one for one in self._all() if one.until >= moment - GRACE)

    def _all(self) -> list[Setting]:
        with self._lock:
            return list(self._settings)


def _takes(setting: Setting, note: Note, address: str) -> set[bool]:
    """`address`: one that the destination of the setting had at some time."""
    if setting.is_removed or not note.is_writers or not note.is_live:
        return {False}
    if not setting.is_on:  # nothing is sent: what is there stays until it is on again
        return {True, False}
    if not note.fits(setting.rule):
        return {False}
    # A copy at a former address stays as long as the note is wanted at the new one.
    return _is_after(setting, note) if setting.address == address else {True, False}


def _is_after(setting: Setting, note: Note) -> set[bool]:
    """Whether the note was created after the destination."""
    clicked, answered = setting.made
    if clicked == ALWAYS or note.created_at < clicked - SECOND:
        return {False}
    return {True} if note.created_at > answered + SECOND else {True, False}
