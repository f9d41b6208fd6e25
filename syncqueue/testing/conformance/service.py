"""What the conformance suite has to know of a service: one subclass of `ServiceUnderTest` for each.

The suite works through models, `save()`, a queue, the real handler and real HTTP; it judges by what a person sees at
the remote end and by the remote end's own log, never by what the handler says.
"""

from __future__ import annotations

import json
from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from syncqueue.models import Destination
from syncqueue.testing.sandbox.client import RunningSandbox
from syncqueue.testing.sandbox.service import Service
from syncqueue.testing.sandbox.threads import running

Kind = Literal["create", "edit", "delete"]
Answer = str | dict[str, Any]  # a mode of the sandbox, with its parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What a person sees of one object."""

    id: str
    text: str  # of several parts: their texts with a space between
    is_private: bool = False  # not everybody sees it
    pictures: tuple[str, ...] = ()  # by their names in `syncqueue.testing.conformance.pictures`: "leaf"


class ServiceUnderTest(ABC):
    """One service with its stand-in. A new handler writes a subclass, and a `Conformance` with it.

    Where the stand-in is a `JsonService`, four names and what the service is like are enough.
    """

    name: ClassVar[str]  # as in HANDLERS and in the sandbox
    handler: ClassVar[str] = ""  # the handler's class, by its path: "shelf_handler.ShelfHandler"
    stand_in: ClassVar[Callable[[], Service] | None] = None  # makes the sandbox's service; else write `start`
    address: ClassVar[str] = ""
    other_address: ClassVar[str] = ""  # a second place of the same credential; "" where there is none
    other_spelling: ClassVar[str] = ""  # of the first address, with {url} or {host} in it; "" where there is one alone
    trace_kinds: ClassVar[frozenset[str]] = frozenset()  # of parts that are no copies

    # What the service is like: a case that it is not like is shown as such and not run
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
    can_be_read: ClassVar[bool] = False  # it can be asked what is there: the handler has `read`
    tells_content: ClassVar[bool] = False  # and what that shows
    lists_copies: ClassVar[bool] = False  # and what else is there: the handler has `read_all`
    takes_media: ClassVar[bool] = False  # pictures are shown with the text
    # That a create has not arrived is known at the next attempt. False: it may be on its way for some minutes.
    proves_absence: ClassVar[bool] = True
    has_other_place: ClassVar[bool] = False  # set by itself: `other_address` or `make_other_destination`
    # What an answer says counts, beside its status. False: whoever answers 200 has done it, whatever else is said.
    reads_answers: ClassVar[bool] = True
    # What the sandbox calls the request that does it, where a job begins with others
    methods: ClassVar[Mapping[Kind, str]] = {}
    # Answers of the sandbox that mean so
    permanent: ClassVar[Answer] = {"mode": "error", "status": 400}
    refused_credential: ClassVar[Answer] = "unauthorized"
    limited: ClassVar[Answer] = {"mode": "limited", "retry_after": 1}
    long_text: ClassVar[str] = "A long story that goes on and on. " * 400  # beyond the service's limit, if it has one
    # How long the suite waits until a copy is right. Only a handler that is wrong, or a busy machine, takes so long.
    patience_seconds: ClassVar[float] = 60.0

    def __init_subclass__(cls) -> None:
        """See `has_other_place`."""
        super().__init_subclass__()
        cls.has_other_place = (
            bool(cls.other_address) or cls.make_other_destination is not ServiceUnderTest.make_other_destination
        )

    def __init__(self, sandbox: RunningSandbox) -> None:
        """The sandbox is empty and up."""
        self.sandbox = sandbox

    @classmethod
    def start(cls) -> AbstractContextManager[RunningSandbox]:
        """Start the stand-in and always end it: once for all tests of a run, which empty it. The default: `stand_in`.

        Classes that share a `start` of their own and have no `stand_in` share what it has started.
        """
        if cls.stand_in is None:
            raise NotImplementedError(f"{cls.__name__} must name its stand_in, or define start().")
        return running(cls.stand_in())

    @property
    def url(self) -> str:
        """Where the sandbox's service is: "http://127.0.0.1:8021"."""
        return self.sandbox.urls[self.name]

    def settings(self, url: str) -> dict[str, Any]:
        """The service's entry in HANDLERS, for a service at `url`. The default: the handler's class."""
        return {"CLASS": self.handler} if self.handler else {}

    @property
    def secret(self) -> Mapping[str, str]:
        """A credential the sandbox knows."""
        return {}

    @property
    def options(self) -> Mapping[str, Any]:
        """Options of the destination."""
        return {}

    def at(self, url: str, address: str = "") -> str:
        """What a destination has as its address where the service is at `url`; `address`: not the first."""
        return address or self.address

    def copies(self, address: str | None = None) -> Sequence[Copy]:
        """What a person sees at an address (default: the first), one for each object, oldest first.

        The default: the things of a `JsonService` whose place is the address, each a copy; "is_private" and "pictures"
        of their fields count. Join the things that show one object.
        """
        place = self.address if address is None else address
        things = self.sandbox.state()["services"][self.name]["things"]
        return [
            Copy(
                id=thing["id"],
                text=thing["text"],
                is_private=bool(thing["fields"].get("is_private")),
                pictures=tuple(thing["fields"].get("pictures", ())),
            )
            for thing in things
            if thing["place"] == place
        ]

    def kind_of(self, entry: Mapping[str, Any]) -> Kind | None:
        """What a request in the sandbox's log has done. The default: its method is called so."""
        kinds: Mapping[str, Kind] = {"create": "create", "edit": "edit", "delete": "delete"}
        return kinds.get(entry["method"])

    def remove_by_hand(self, copy: Copy) -> None:
        """Somebody takes a copy away at the service."""
        self.sandbox.call(f"/services/{self.name}/things/{copy.id}/remove", {})

    def change_by_hand(self, copy: Copy, text: str) -> None:
        """Somebody makes a copy show another text at the service (`tells_content`)."""
        self.sandbox.call(f"/services/{self.name}/things/{copy.id}/change", {"text": text})

    def add_by_hand(self, text: str) -> None:
        """A copy appears that no record knows, as one whose record was lost (`lists_copies`)."""
        raise NotImplementedError(f"{type(self).__name__} says lists_copies = True and must define add_by_hand().")

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
