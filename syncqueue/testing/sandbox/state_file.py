"""The data of the services in a file (``--state FILE``), so that a restarted demo has its channels again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from syncqueue.testing.sandbox.service import Service

SAVE_DELAY_SECONDS = 0.2  # combines many changes into one write


class StateUnreadable(Exception):
    """The state file does not contain a JSON object; the message names it and says what to do."""


class StateFile:
    """One JSON object: service name -> output of its `dump`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._due: asyncio.TimerHandle | None = None
        self._stored: dict[str, Any] = _read(path) if path.exists() else {}

    def load_into(self, service: Service) -> None:
        """Restore the data of a service from an earlier process."""
        if service.name in self._stored:
            service.load(self._stored[service.name])

    def save_soon(self, save: Callable[[], None]) -> None:
        """Call `save` after a delay, once for all changes until then."""
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(SAVE_DELAY_SECONDS, save)

    def save(self, services: Iterable[Service]) -> None:
        """Write the file now, atomically."""
        if self._due:
            self._due.cancel()
            self._due = None
        self._stored.update({service.name: service.dump() for service in services})
        draft = self._path.with_name(self._path.name + ".new")
        draft.write_text(json.dumps(self._stored, ensure_ascii=False), "utf-8")
        draft.replace(self._path)


def _read(path: Path) -> dict[str, Any]:
    try:
        stored = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise StateUnreadable(f"{path} is not JSON ({error}). Remove it to start with empty channels.") from error
    if not isinstance(stored, dict):
        raise StateUnreadable(f"{path} does not contain a JSON object. Remove it to start with empty channels.")
    return stored
