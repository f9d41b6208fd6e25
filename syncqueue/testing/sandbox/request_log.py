"""The log of every request: whether it changed the remote state, and whether the response was sent completely.

It is kept in memory for the page and ``/log.json``, and, with ``--log FILE``, appended to a file of JSON lines that
survives a killed process. Each line has ``event``:

- ``started``: a sandbox process started (``n`` starts at 1 again);
- ``taken``: a request was read and, if ``stored`` is true, has changed the remote state. Written before any byte of the
  response. Has ``n at service method chat params mode stored message_id``;
- ``ended``: the request with the same ``n`` has ended: ``at status answered``. ``answered`` is true if the whole
  response was written to the socket; ``status`` is null if no response was sent. A ``taken`` without its ``ended`` was
  open when the process ended, so nothing is known about its response;
- ``reset``: a user or a test emptied the sandbox.

Duplicates are therefore counted from ``taken`` lines with ``stored`` true. Tokens are never logged.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

KEPT_COUNT = 20_000  # in memory, so that a demo can run for weeks; the file has all entries


def now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request."""

    n: int
    service: str
    method: str
    chat: int | str | None  # the canonical chat, or the text as sent if the chat does not exist
    params: dict[str, Any]  # as sent; uploads as name and size
    mode: str  # the mode that applied to the request
    stored: bool = False  # it changed the remote state
    message_id: int | None = None
    at: str = field(default_factory=now_text)
    status: int | None = None  # HTTP status; None: no response was sent
    answered: bool = False
    open: bool = True  # not ended yet


class RequestLog:
    """All requests of all services, numbered from 1."""

    def __init__(self, path: Path | None = None) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT_COUNT)
        self._count = 0
        self._file: IO[str] | None = path.open("a", encoding="utf-8") if path else None
        self._write({"event": "started", "at": now_text()})

    def take(self, **facts: Any) -> Entry:
        """Record a request that was read (and stored, if it stores something)."""
        self._count += 1
        entry = Entry(n=self._count, **facts)
        self._entries.append(entry)
        taken = asdict(entry)
        for later in ("status", "answered", "open"):
            del taken[later]
        self._write({"event": "taken", **taken})
        return entry

    def end(self, entry: Entry, status: int | None, answered: bool) -> None:
        """Record how a request ended."""
        entry.status, entry.answered, entry.open = status, answered, False
        self._write({"event": "ended", "n": entry.n, "at": now_text(), "status": status, "answered": answered})

    def after(self, n: int) -> list[dict[str, Any]]:
        """Return the entries with a number above n, oldest first."""
        return [asdict(entry) for entry in self._entries if entry.n > n]

    def latest(self, count: int) -> list[Entry]:
        """Return the last entries, newest first."""
        return list(self._entries)[: -count - 1 : -1]

    def clear(self) -> None:
        """Delete all entries; numbers keep increasing, so that ``after`` of a reader stays valid."""
        self._entries.clear()
        self._write({"event": "reset", "at": now_text()})

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _write(self, line: dict[str, Any]) -> None:
        if self._file:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()  # to the kernel, so that a killed process loses no line
