"""What a stand-in for one outside service is made of. A new service is one subclass and one page template."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from .modes import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a request. ``response`` None: there is nothing to answer with, ever."""

    response: Response | None
    stored: bool = False  # it changed the remote state
    message_id: int | None = None
    closes: bool = False  # the connection is closed behind the answer, without a header saying so


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, read but not carried out."""

    method: str
    chat: int | str | None = None  # canonical (`Service.chat_key`), or as sent when unknown
    params: dict[str, Any] = field(default_factory=dict)  # for the log: no token, uploads as name and size
    arguments: Any = None  # the service's own form of the parameters
    is_post: bool = False  # makes a new message, so rate limits count it
    refused: Outcome | None = None  # no valid request: answered with this, whatever the mode


class Service(ABC):
    """A stand-in: reads requests, carries them out on what it keeps in memory, and shows that."""

    name: str  # as in DESIGN.md: "telegram"
    title: str  # for people
    template: str  # the page's part that shows what this service holds

    @abstractmethod
    async def read_call(self, request: Request) -> Call:
        """Read a request whole. Never raises for a bad one: see `Call.refused`."""

    @abstractmethod
    def perform(self, call: Call) -> Outcome:
        """Carry a call out, at once and completely."""

    @abstractmethod
    def refuse(self, mode: Mode, call: Call) -> Outcome | None:
        """The answer of a refusing mode. None: this call is not touched by that mode."""

    @abstractmethod
    def chat_key(self, given: object) -> int | str:
        """The canonical key of a chat (account, table), or the given text when there is none."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What a visitor of the service would see, as JSON."""

    @abstractmethod
    def reset(self) -> None:
        """Forget what was received. Ids go on rising: no service gives an id twice."""

    @abstractmethod
    def page(self) -> dict[str, Any]:
        """The values for `template`."""

    @abstractmethod
    def dump(self) -> dict[str, Any]:
        """Everything kept, as JSON, for `load` in a later process."""

    @abstractmethod
    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what `dump` wrote."""

    def control_routes(self) -> Sequence[BaseRoute]:
        """Further switches of this service, below ``/services/{name}`` on the control port."""
        return ()
