"""What the conformance suite has to know of a service: one subclass of `ServiceUnderTest` for each.

The suite works through models, `save()`, Redis, the real handler and real HTTP; it judges by what a person sees at the
remote end and by the remote end's own log, never by what the handler says.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

from project.sandbox.pictures.album import painted
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination

PICTURES = ("leaf", "sea", "sunset", "night", "sand")
Kind = Literal["create", "edit", "delete"]
Answer = str | dict[str, Any]  # a mode of the sandbox, with its parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What a person sees of one object."""

    id: str
    text: str
    is_private: bool = False  # not everybody sees it
    pictures: tuple[str, ...] = ()  # by their names in project/sandbox/pictures: "leaf"


class ServiceUnderTest(ABC):
    """One service with its sandbox. A new handler writes a subclass and adds it to `services.py`."""

    name: ClassVar[str]  # as in HANDLERS and in the sandbox
    address: ClassVar[str] = ""
    other_address: ClassVar[str] = ""  # a second place of the same credential; "" where there is none
    other_spelling: ClassVar[str] = ""  # of the first address, with {url} or {host} in it; "" where there is one alone
    trace_kinds: ClassVar[frozenset[str]] = frozenset()  # of parts that are no copies
    # What the service is like
    edits: ClassVar[bool] = True  # a change of text is an edit, and not taken away and made again
    takes_private: ClassVar[bool] = True  # private objects are kept there, where the destination's rule takes them
    has_visibility: ClassVar[bool] = False  # private objects are kept there, for fewer people to see
    # A create whose answer was lost is recognised when it is made again: an idempotency key, an id of our own, a look
    # at what is there. False: it may be there twice, and ON_UNKNOWN_OUTCOME decides.
    finds_lost: ClassVar[bool] = False
    # One whose making was cut off can be taken away unseen (`lost_part`): its id is of our choosing, or the service
    # tells it to who repeats the idempotency key.
    takes_lost_away: ClassVar[bool] = False
    keeps_a_trace: ClassVar[bool] = False  # what a create may have left is found by a part that is stored before it
    can_be_read: ClassVar[bool] = True  # it can be asked what is there
    tells_content: ClassVar[bool] = True  # and what that shows
    lists_copies: ClassVar[bool] = True  # and what else is there
    takes_media: ClassVar[bool] = True  # pictures are shown with the text
    # That a create has not arrived is known at the next attempt. False: it may be on its way for some minutes.
    proves_absence: ClassVar[bool] = True
    # What the sandbox calls the request that does it, where a job begins with others
    methods: ClassVar[Mapping[Kind, str]] = {}
    # Answers of the sandbox that mean so
    permanent: ClassVar[Answer] = {"mode": "error", "status": 400}
    refused_credential: ClassVar[Answer] = "unauthorized"
    limited: ClassVar[Answer] = {"mode": "limited", "retry_after": 1}
    long_text: ClassVar[str] = "A long story that goes on and on. " * 400  # beyond the service's limit, if it has one

    def __init__(self, sandbox: RunningSandbox) -> None:
        """The sandbox is empty and up."""
        self.sandbox = sandbox

    @property
    @abstractmethod
    def url(self) -> str:
        """Where the sandbox's service is: "http://127.0.0.1:8021"."""

    @abstractmethod
    def settings(self, url: str) -> dict[str, Any]:
        """The service's entry in HANDLERS, for a service at `url`."""

    @property
    @abstractmethod
    def secret(self) -> Mapping[str, str]:
        """A credential the sandbox knows."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Options of the destination."""
        return {}

    @abstractmethod
    def copies(self, address: str | None = None) -> Sequence[Copy]:
        """What a person sees at an address (default: the first), one for each object, oldest first."""

    @abstractmethod
    def kind_of(self, entry: Mapping[str, Any]) -> Kind | None:
        """What a request in the sandbox's log has done."""

    @abstractmethod
    def remove_by_hand(self, copy: Copy) -> None:
        """Somebody takes a copy away at the service."""

    def change_by_hand(self, copy: Copy, text: str) -> None:
        """Somebody makes a copy show another text at the service (`tells_content`)."""
        raise NotImplementedError

    def add_by_hand(self, text: str) -> None:
        """A copy appears that no record knows, as one whose record was lost (`lists_copies`)."""
        raise NotImplementedError

    def at(self, url: str, address: str = "") -> str:
        """What a destination has as its address where the service is at `url`; `address`: not the first."""
        return address or self.address

    def shows(self, copy: Copy, text: str) -> bool:
        """Whether a person who reads the copy has read the whole text."""
        return copy.text.strip() == text.strip()

    def site_settings(self) -> dict[str, Any]:
        """Further keys of SYNCQUEUE."""
        return {}

    # The same for all

    def make_destination(self, **values: Any) -> Destination:
        """A destination for all notes of the site."""
        given = {"name": self.name, "service": self.name, "address": self.at(self.url), "options": dict(self.options)}
        row = Destination(**{**given, **values})
        row.secret = dict(self.secret)
        row.save()
        return row

    def make_other_destination(self, **values: Any) -> Destination:
        """A second one, at another place."""
        return self.make_destination(**{"name": "other", "address": self.at(self.url, self.other_address), **values})

    def other_copies(self) -> Sequence[Copy]:
        """What a person sees at that place."""
        return self.copies(self.other_address)

    def declared(self) -> dict[str, Any]:
        """The same as an entry of the setting DESTINATIONS."""
        return {
            "SERVICE": self.name,
            "ADDRESS": self.at(self.url),
            "OPTIONS": dict(self.options),
            "SECRET": dict(self.secret),
        }

    def texts(self, address: str | None = None) -> list[str]:
        """What a person reads."""
        return [copy.text.strip() for copy in self.copies(address)]

    def set_mode(self, answer: Answer) -> None:
        """From now on requests are answered so."""
        mode = answer if isinstance(answer, dict) else {"mode": answer}
        self.sandbox.set_mode(self.name, **mode)

    def answer_next(self, *answers: Answer, kind: Kind = "create") -> None:
        """The next requests are answered so, one each; where the service also asks questions, the next of `kind`."""
        method = self.methods.get(kind)
        narrowed = [{**({"mode": one} if isinstance(one, str) else one), "method": method} for one in answers]
        self.sandbox.plan_answers(self.name, *(narrowed if method else answers))

    def requests(self) -> list[Mapping[str, Any]]:
        """Every request the service has had, by its own log."""
        return [entry for entry in self.sandbox.log() if entry["service"] == self.name]

    def count(self, kind: Kind) -> int:
        """How many requests have made, changed or taken away something."""
        return sum(entry["stored"] and self.kind_of(entry) == kind for entry in self.requests())

    def __repr__(self) -> str:
        """Without the secret."""
        return f"{self.name} with {json.dumps(dict(self.options))}"


def pictures_by_content(files: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The names of pictures that a service of the sandbox has kept; what is none of them is called "?"."""
    return tuple(_names().get(str(file["sha256"]), "?") for file in files)


@cache
def _names() -> Mapping[str, str]:
    return {hashlib.sha256(painted(name)).hexdigest(): name for name in PICTURES}
