"""The operations and observations of the steps of the story."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from project.demo.supervisor import Demo

from .sandbox import SERVICES, Message, Sandbox
from .site import Saved, Site

SEEN_SECONDS = 1.0  # maximum time from the response to a save until the note is in the channel
# IMMEDIATE.TIMEOUT_SECONDS + 1, and some time for the admin and a busy machine.
SAVE_SECONDS = 4.0
# Maximum time until channels and notes agree after an outage. A message whose answer was lost and that is not there is
# sent again once it cannot arrive any more: at Telegram after two minutes.
SETTLE_SECONDS = 240.0
FOR_ALL = ("manticore", "webhook")  # receive every note
PLACES = ("@news", "@drafts", "@tagged", "mastodon", "bluesky", *FOR_ALL)
QUEUE_COUNTS = ("pending_count", "delayed_count", "processing_count", "failed_count")


class StoryFailed(Exception):
    """A condition of the story did not hold; the message has the expected and the actual state."""


@dataclass(slots=True, kw_only=True)
class Note:
    """The expected state of a note, with which the channels are compared."""

    pk: int
    text: str
    channels: tuple[str, ...]


@dataclass(slots=True)
class Story:
    """Plays the steps and keeps the expected content of the channels."""

    demo: Demo
    site: Site
    sandbox: Sandbox
    say: Callable[[str], None]
    travel: int = 0  # the pk of the tag that leads to @tagged
    notes: dict[int, Note] = field(default_factory=dict)  # by number
    numbers: int = 0
    save_count: int = 0

    def play(self, steps: Sequence["Step"]) -> None:
        for number, step in enumerate(steps, start=1):
            started = time.monotonic()
            self.say(f"[{number:>2}/{len(steps)}] {step.__doc__}")
            for line in step(self):
                self.say(f"        {line}")
            self.say(f"        ok, {time.monotonic() - started:.1f} s")

    # Actions of a user

    def write(self, *, is_private: bool = False, is_tagged: bool = False, is_markdown: bool = False) -> float:
        """Save a new note; returns the duration of the save in seconds."""
        self.numbers += 1
        body = "has **bold** words" if is_markdown else "is new"
        text = f"Note {self.numbers}: {body}"
        tags = [self.travel] if is_tagged else []
        saved = self.site.save_note(text, is_private=is_private, is_markdown=is_markdown, tags=tags)
        places = ("@drafts", *FOR_ALL) if is_private else ("@news", "mastodon", "bluesky", *FOR_ALL)
        shown = text.replace("**", "")
        self.notes[self.numbers] = Note(pk=saved.pk, text=shown, channels=places + (("@tagged",) if is_tagged else ()))
        return self._quick(saved)

    def edit(self, number: int, words: str) -> float:
        note = self.notes[number]
        note.text = f"Note {number}: {words}"
        tags = [self.travel] if "@tagged" in note.channels else []
        is_private = "@drafts" in note.channels
        return self._quick(self.site.save_note(note.text, pk=note.pk, is_private=is_private, tags=tags))

    def delete(self, number: int) -> float:
        seconds = self.site.delete_note(self.notes.pop(number).pk)
        return self._quick(Saved(pk=0, seconds=seconds))

    def _quick(self, saved: Saved) -> float:
        self.save_count += 1
        if saved.seconds > SAVE_SECONDS:
            raise StoryFailed(f"A save took {saved.seconds:.2f} s; at most {SAVE_SECONDS:.0f} s are allowed.")
        return saved.seconds

    # Observations

    def message(self, number: int, channel: str = "@news") -> Message | None:
        """Return the message of a note in a channel; raises `StoryFailed` if there are two."""
        found = [m for m in self.sandbox.channels().get(channel, []) if m.text.startswith(f"Note {number}:")]
        if len(found) > 1:
            raise StoryFailed(f"{channel} shows note {number} {len(found)} times.")
        return found[0] if found else None

    def expected(self) -> dict[str, list[str]]:
        """Return the expected texts by place, sorted, because the order may change in an outage."""
        channels: dict[str, list[str]] = {place: [] for place in PLACES}
        for note in self.notes.values():
            for channel in note.channels:
                channels[channel].append(note.text)
        return {channel: sorted(texts) for channel, texts in channels.items()}

    def shown(self) -> dict[str, list[str]]:
        channels = self.sandbox.channels()
        return {name: sorted(message.first_line for message in channels.get(name, [])) for name in self.expected()}

    def settle(self) -> str:
        """Wait until every channel shows exactly its notes, each once, and the queues are empty."""
        started = time.monotonic()
        self.retried(lambda: self.shown() == self.expected(), self._difference, SETTLE_SECONDS)
        self.retried(lambda: not any(self.queue().values()), self._left, SETTLE_SECONDS)
        counts = ", ".join(f"{name} {len(texts)}" for name, texts in self.expected().items())
        return f"all as the notes after {time.monotonic() - started:.1f} s: {counts}; the queues are empty"

    def queue(self) -> dict[str, int]:
        """Return the counts of all services together."""
        figures = [self.site.stats(service) for service in SERVICES]
        return {name.removesuffix("_count"): sum(int(one[name]) for one in figures) for name in QUEUE_COUNTS}

    def waiting(self, service: str) -> int:
        """Return the number of unfinished tasks."""
        figures = self.site.stats(service)
        return sum(int(figures[name]) for name in QUEUE_COUNTS)

    def figures(self) -> str:
        """Return the counts of each service in one line."""
        return "; ".join(f"{service}: {self._figures(service)}" for service in SERVICES)

    def _figures(self, service: str) -> str:
        figures = self.site.stats(service)
        counts = [f"{name.removesuffix('_count')} {figures[name]}" for name in QUEUE_COUNTS if figures[name]]
        return ", ".join([*(counts or ["nothing waits"]), f"breaker {figures['breaker']}"])

    def retried(self, holds: Callable[[], bool], otherwise: Callable[[], str], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            if child := self.demo.dead():
                raise StoryFailed(f"{child.name} has ended with exit code {child.exit_code}.")
            if time.monotonic() > deadline:
                raise StoryFailed(f"Not within {seconds:.0f} s: {otherwise()}")
            time.sleep(0.05)

    def _difference(self) -> str:
        return f"the channels should show {self.expected()}\nbut they show {self.shown()}\n{self.figures()}"

    def _left(self) -> str:
        return f"the queue should be empty; {self.figures()}"

    def see(self, number: int, channel: str = "@news") -> Message:
        """Wait for the message with the current text of the note; raises `StoryFailed` after a second."""

        def stands() -> bool:
            message = self.message(number, channel)
            return message is not None and message.first_line == self.notes[number].text

        self.retried(stands, lambda: f"note {number} in {channel}; {self.figures()}", SEEN_SECONDS)
        message = self.message(number, channel)
        if message is None:
            raise StoryFailed(f"Note {number} was in {channel} and has disappeared.")
        return message


Step = Callable[[Story], list[str]]  # its docstring says what happens; it returns its observations, one per line
