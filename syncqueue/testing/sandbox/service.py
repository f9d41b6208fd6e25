"""The base class of stand-ins. A new service is one subclass; a subclass of `JsonService` is shorter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from syncqueue.testing.sandbox.modes import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a request. ``response`` None: no response is ever sent."""

    response: Response | None
    stored: bool = False  # it changed the remote state
    message_id: int | None = None
    closes: bool = False  # the connection is closed after the response, without a header that announces it


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, read but not executed."""

    method: str
    chat: int | str | None = None  # canonical (`Service.chat_key`), or as sent when unknown
    params: dict[str, Any] = field(default_factory=dict)  # for the log: no token, uploads as name and size
    arguments: Any = None  # the service's own form of the parameters
    is_post: bool = False  # makes a new message, so rate limits count it
    refused: Outcome | None = None  # the response to an invalid request, whatever the mode


class Service(ABC):
    """A stand-in: reads requests, executes them on its data in memory, and shows the data."""

    name: str  # as in HANDLERS: "telegram"
    template: str = "things.html"  # the part of the page that shows the data of this service
    template_folder: ClassVar[Path | None] = None  # the folder of `template`, unless the sandbox contains it

    @property
    def title(self) -> str:
        """The heading of the service on the page."""
        return self.name.title()

    @abstractmethod
    async def read_call(self, request: Request) -> Call:
        """Read a whole request. Never raises for an invalid one: see `Call.refused`."""

    @abstractmethod
    def perform(self, call: Call) -> Outcome:
        """Execute a call immediately and completely."""

    @abstractmethod
    def refuse(self, mode: Mode, call: Call) -> Outcome | None:
        """Return the response of a refusing mode. None: the mode does not apply to this call."""

    def chat_key(self, given: object) -> int | str:
        """Return the canonical key of a chat (account, table), or the given text if it does not exist."""
        return str(given)

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return what a visitor of the service would see, as JSON."""

    @abstractmethod
    def reset(self) -> None:
        """Delete all data. Ids keep increasing, because no service reuses an id."""

    @abstractmethod
    def page(self) -> dict[str, Any]:
        """Return the values for `template`."""

    @abstractmethod
    def dump(self) -> dict[str, Any]:
        """Return all data as JSON, for `load` in a later process."""

    @abstractmethod
    def load(self, dumped: dict[str, Any]) -> None:
        """Restore the output of `dump`."""

    def control_routes(self) -> Sequence[BaseRoute]:
        """Return further routes of this service, below ``/services/{name}`` on the control port."""
        return ()
