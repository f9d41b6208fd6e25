"""Describes a service for the conformance suite: one subclass of `ServiceUnderTest` for each service.

The suite uses models, `save()`, a queue, the real handler and real HTTP. It judges by what a person sees at the remote
end and by the remote end's own log, never by what the handler reports.
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
    """The copy of one object, as a person sees it."""

    id: str
    text: str  # of several parts: their texts, joined with a space
    is_private: bool = False  # not everybody can see it
    pictures: tuple[str, ...] = ()  # names in `syncqueue.testing.conformance.pictures`: "leaf"


class ServiceUnderTest(ABC):
    """One service with its stand-in. For a new handler, write a subclass, and one of `Conformance`.

    If the stand-in is a `JsonService`, four names and the traits of the service are enough.
    """

    name: ClassVar[str]  # as in HANDLERS and in the sandbox
    handler: ClassVar[str] = ""  # the path of the handler's class: "shelf_handler.ShelfHandler"
    stand_in: ClassVar[Callable[[], Service] | None] = None  # creates the sandbox's service; or define `start`
    address: ClassVar[str] = ""
    other_address: ClassVar[str] = ""  # a second place of the same credential; "" if there is none
    other_spelling: ClassVar[str] = ""  # of the first address, with {url} or {host} in it; "" if there is only one
    trace_kinds: ClassVar[frozenset[str]] = frozenset()  # of parts that are not copies

    # Traits of the service: cases that do not match them are skipped
    edits: ClassVar[bool] = True  # a change of text is an edit, not a deletion and a new copy
    takes_private: ClassVar[bool] = True  # private objects are stored there, if the destination's rule accepts them
    has_visibility: ClassVar[bool] = False  # private objects are stored there, visible to fewer people
    # A create whose response was lost is recognised when it is repeated: by an idempotency key, an id of our own, or a
    # search. False: two copies may exist, and ON_UNKNOWN_OUTCOME decides.
    finds_lost: ClassVar[bool] = False
    # The copy of an interrupted create can be deleted unseen (`lost_part`): we choose its id, or the service returns it
    # for a repeated idempotency key.
    takes_lost_away: ClassVar[bool] = False
    keeps_a_trace: ClassVar[bool] = False  # a copy that a create may have left is found by a part stored before it
    can_be_read: ClassVar[bool] = False  # copies can be read: the handler has `read`
    tells_content: ClassVar[bool] = False  # so can their content
    lists_copies: ClassVar[bool] = False  # copies can be listed: the handler has `read_all`
    takes_media: ClassVar[bool] = False  # pictures are shown with the text
    # The next attempt can determine that a create has not arrived. False: it may still arrive for some minutes.
    proves_absence: ClassVar[bool] = True
    has_other_place: ClassVar[bool] = False  # set automatically: `other_address` or `make_other_destination`
    # The content of a response counts, not only its status. False: each 200 is a success, whatever the content.
    reads_answers: ClassVar[bool] = True
    # The sandbox's names of the requests that do the work, if a job begins with other requests
    methods: ClassVar[Mapping[Kind, str]] = {}
    # The sandbox's answers for these errors
    permanent: ClassVar[Answer] = {"mode": "error", "status": 400}
    refused_credential: ClassVar[Answer] = "unauthorized"
    limited: ClassVar[Answer] = {"mode": "limited", "retry_after": 1}
    long_text: ClassVar[str] = "A long story that goes on and on. " * 400  # above the service's limit, if it has one
    # How long the suite waits for a correct copy. Only an incorrect handler or a busy machine takes so long.
    patience_seconds: ClassVar[float] = 60.0

    def __init_subclass__(cls) -> None:
        """Set `has_other_place`."""
        super().__init_subclass__()
        cls.has_other_place = (
            bool(cls.other_address) or cls.make_other_destination is not ServiceUnderTest.make_other_destination
        )

    def __init__(self, sandbox: RunningSandbox) -> None:
        """`sandbox` is empty and up."""
        self.sandbox = sandbox

    @classmethod
    def start(cls) -> AbstractContextManager[RunningSandbox]:
        """Start the stand-in and always stop it, once for all tests of a run, which empty it. The default: `stand_in`.

        Classes that share their own `start` and have no `stand_in` share the stand-in that it started.
        """
        if cls.stand_in is None:
            raise NotImplementedError(f"{cls.__name__} must name its stand_in, or define start().")
        return running(cls.stand_in())

    @property
    def url(self) -> str:
        """The URL of the sandbox's service: "http://127.0.0.1:8021"."""
        return self.sandbox.urls[self.name]

    def settings(self, url: str) -> dict[str, Any]:
        """Return the service's entry in HANDLERS, for a service at `url`. The default: the handler's class."""
        return {"CLASS": self.handler} if self.handler else {}

    @property
    def secret(self) -> Mapping[str, str]:
        """A credential that the sandbox knows."""
        return {}

    @property
    def options(self) -> Mapping[str, Any]:
        """Options of the destination."""
        return {}

    def at(self, url: str, address: str = "") -> str:
        """Return the address of a destination if the service is at `url`; `address`: another than the first."""
        return address or self.address

    def copies(self, address: str | None = None) -> Sequence[Copy]:
        """Return the copies that a person sees at an address (default: the first), one per object, oldest first.

        The default: each thing of a `JsonService` whose place is the address is a copy; of its fields, "is_private" and
        "pictures" are used. If several things show one object, join them.
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
        """Return what a request in the sandbox's log has done. The default: the name of its method."""
        kinds: Mapping[str, Kind] = {"create": "create", "edit": "edit", "delete": "delete"}
        return kinds.get(entry["method"])

    def remove_by_hand(self, copy: Copy) -> None:
        """Delete a copy at the service, as a person would."""
        self.sandbox.call(f"/services/{self.name}/things/{copy.id}/remove", {})

    def change_by_hand(self, copy: Copy, text: str) -> None:
        """Change the text of a copy at the service, as a person would (`tells_content`)."""
        self.sandbox.call(f"/services/{self.name}/things/{copy.id}/change", {"text": text})

    def add_by_hand(self, text: str) -> None:
        """Add a copy that no record knows, such as one whose record was lost (`lists_copies`)."""
        raise NotImplementedError(f"{type(self).__name__} says lists_copies = True and must define add_by_hand().")

    def shows(self, copy: Copy, text: str) -> bool:
        """Return whether a person who reads the copy has read the whole text."""
        return copy.text.strip() == text.strip()

    def site_settings(self) -> dict[str, Any]:
        """Return further keys of SYNCQUEUE."""
        return {}

    # The same for all services

    def make_destination(self, **values: Any) -> Destination:
        """Create a destination for all notes of the site."""
        given = {"name": self.name, "service": self.name, "address": self.at(self.url), "options": dict(self.options)}
        row = Destination(**{**given, **values})
        row.secret = dict(self.secret)
        row.save()
        return row

    def make_other_destination(self, **values: Any) -> Destination:
        """Create a second destination, at another place."""
        return self.make_destination(**{"name": "other", "address": self.at(self.url, self.other_address), **values})

    def other_copies(self) -> Sequence[Copy]:
        """Return the copies that a person sees at that place."""
        return self.copies(self.other_address)

    def declared(self) -> dict[str, Any]:
        """Return the destination as an entry of the setting DESTINATIONS."""
        return {
            "SERVICE": self.name,
            "ADDRESS": self.at(self.url),
            "OPTIONS": dict(self.options),
            "SECRET": dict(self.secret),
        }

    def texts(self, address: str | None = None) -> list[str]:
        """Return the texts that a person reads."""
        return [copy.text.strip() for copy in self.copies(address)]

    def set_mode(self, answer: Answer) -> None:
        """Respond to all further requests in this way."""
        mode = answer if isinstance(answer, dict) else {"mode": answer}
        self.sandbox.set_mode(self.name, **mode)

    def answer_next(self, *answers: Answer, kind: Kind = "create") -> None:
        """Respond to the next requests in these ways, one each; if `methods` has `kind`, to those of that method."""
        method = self.methods.get(kind)
        narrowed = [{**({"mode": one} if isinstance(one, str) else one), "method": method} for one in answers]
        self.sandbox.plan_answers(self.name, *(narrowed if method else answers))

    def requests(self) -> list[Mapping[str, Any]]:
        """Return all requests that the service has received, from its own log."""
        return [entry for entry in self.sandbox.log() if entry["service"] == self.name]

    def count(self, kind: Kind) -> int:
        """Return how many requests of a kind have changed something."""
        return sum(entry["stored"] and self.kind_of(entry) == kind for entry in self.requests())

    def __repr__(self) -> str:
        """Return the name and the options, without the secret."""
        return f"{self.name} with {json.dumps(dict(self.options))}"
