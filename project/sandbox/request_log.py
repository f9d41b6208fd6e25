"""The log of every request: did it change anything out there, and was the whole answer written?

Kept in memory for the page and ``/log.json``, and, with ``--log FILE``, appended to a file of JSON lines that
outlives a killed process. Each line has ``event``:

- ``started``: a sandbox process began (``n`` starts at 1 again);
- ``taken``: a request was read and, where ``stored`` is true, has changed the remote state. Written before any
  byte of the answer. Holds ``n at service method chat params mode stored message_id``;
- ``ended``: the request with the same ``n`` is over: ``at status answered``. ``answered`` is true when the whole
  answer was written to the socket; ``status`` is null when none was tried. A ``taken`` without its ``ended`` was
  still open when the process ended, so nothing is known of its answer;
- ``reset``: a person or a test emptied the sandbox.

So "posted twice" is judged from ``taken`` lines with ``stored`` true alone. Tokens never get here.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

KEPT_COUNT = 20_000  # in memory; a demo left running for weeks must not grow without end. The file has all


def now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request."""

    n: int
    service: str
    method: str
    chat: int | str | None  # the canonical chat, or the text as sent when there is no such chat
    params: dict[str, Any]  # as sent; uploads as name and size
    mode: str  # what the request met
    stored: bool = False  # it changed the remote state
    message_id: int | None = None
    at: str = field(default_factory=now_text)
    status: int | None = None  # HTTP status; None: no answer was tried
    answered: bool = False
    open: bool = True  # not over yet


class RequestLog:
    """All requests of all services, numbered from 1."""

    def __init__(self, path: Path | None = None) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT_COUNT)
        self._count = 0
        self._file: IO[str] | None = path.open("a", encoding="utf-8") if path else None
        self._write({"event": "started", "at": now_text()})

    def take(self, **facts: Any) -> Entry:
        """Note a request that was read (and stored, if it is one that stores)."""
        self._count += 1
        entry = Entry(n=self._count, **facts)
        self._entries.append(entry)
        taken = asdict(entry)
        for later in ("status", "answered", "open"):
            del taken[later]
        self._write({"event": "taken", **taken})
        return entry

    def end(self, entry: Entry, status: int | None, answered: bool) -> None:
        """Note how a request ended."""
        entry.status, entry.answered, entry.open = status, answered, False
        self._write({"event": "ended", "n": entry.n, "at": now_text(), "status": status, "answered": answered})

    def after(self, n: int) -> list[dict[str, Any]]:
        """Entries numbered above n, oldest first."""
        return [asdict(entry) for entry in self._entries if entry.n > n]

    def latest(self, count: int) -> list[Entry]:
        """The last entries, newest first."""
        return list(self._entries)[: -count - 1 : -1]

    def clear(self) -> None:
        """Forget all entries; numbers go on rising, so that a reader's ``after`` stays right."""
        self._entries.clear()
        self._write({"event": "reset", "at": now_text()})

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _write(self, line: dict[str, Any]) -> None:
        if self._file:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()  # to the kernel: a killed process loses no line
