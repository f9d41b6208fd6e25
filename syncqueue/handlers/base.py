"""What a handler is: the two classes to subclass, and the values they are given.

A handler makes one attempt and says what came of it, by returning a `SyncResult` or by raising one of the errors
of `syncqueue.core.errors`. It never retries, sleeps or queues by itself. Delivery is at least once, because losing
is worse than running twice: what a handler does should be harmless when it is done again.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Literal
from urllib.parse import SplitResult

from django.utils.functional import Promise

from syncqueue.core.errors import ConfigurationError
from syncqueue.core.result import SyncResult
from syncqueue.core.task import ClaimedTask
from syncqueue.handlers.media import Media
from syncqueue.handlers.options import Option
from syncqueue.outbound.connect import CONNECT_TIMEOUT_SECONDS, Outbound
from syncqueue.outbound.urls import read_url

CONNECT_SHARE = 0.25  # of an attempt: connecting, a diagnosis and an answer stay below the whole
# Of a text that is brought out by a web process, whose threads answer people: a sixth of a second of work at worst.
WEB_CHARACTERS = 16_000

# The kind of a part that stands for something sent and not answered: a handler stores it before the request.
TRACE = "sent"

DocumentFormat = Literal["plain", "markdown"]
JobStep = Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The content of an object, as its ModelSync describes it, the same for every service."""

    text: str
    format: DocumentFormat = "plain"
    tags: tuple[str, ...] = ()  # without the leading #
    is_private: bool = False
    url: str = ""  # the object's own page, absolute
    title: str = ""
    media: tuple[str | Media, ...] = ()  # pictures and other files; a text is the absolute URL of one
    fields: Mapping[str, Any] = field(default_factory=dict)  # for a search index: ModelSync.search_fields declares them
    field_types: Mapping[str, str] = field(default_factory=dict)  # of `fields`; filled from ModelSync.search_fields

    def __post_init__(self) -> None:
        """Take lazy texts as texts, and refuse what no handler could use, naming the field; raises `ValueError`."""
        for name in ("text", "title", "url"):
            value = _plain(getattr(self, name))
            if value is None and name != "text":
                value = ""
            if not isinstance(value, str):
                raise ValueError(f"Document.{name}: expected a text, got {type(value).__name__}.")
            object.__setattr__(self, name, value)
        if self.format not in ("plain", "markdown"):
            raise ValueError(f"Document.format: expected 'plain' or 'markdown', got {self.format!r}.")
        if not isinstance(self.is_private, bool):
            raise ValueError(f"Document.is_private: expected True or False, got {self.is_private!r}.")
        object.__setattr__(self, "tags", _items("tags", self.tags, str, "texts"))
        object.__setattr__(self, "media", _items("media", self.media, (str, Media), "texts or Media"))
        if not isinstance(self.fields, Mapping) or not all(isinstance(key, str) for key in self.fields):
            raise ValueError(f"Document.fields: expected a dict with names as keys, got {self.fields!r}.")
        object.__setattr__(self, "fields", {key: _plain(value) for key, value in self.fields.items()})


def _plain(value: Any) -> Any:
    """A lazy text (gettext_lazy, reverse_lazy) as the text that it is now; anything else as it is."""
    return str(value) if isinstance(value, Promise) else value


def _items(name: str, value: Any, types: type | tuple[type, ...], expected: str) -> tuple[Any, ...]:
    if not isinstance(value, str) and isinstance(value, Iterable):
        found = tuple(_plain(item) for item in value)  # once: a generator would be empty afterwards
        if all(isinstance(item, types) for item in found):
            return found
        value = found
    raise ValueError(f"Document.{name}: expected a tuple of {expected}, got {value!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotePart:
    """One thing that is out there at a service because of an object."""

    kind: str  # the handler's own word: "text", "document", "status"
    id: str  # the service's id of it
    url: str = ""  # where a person can see it
    address: str = ""  # where it was posted: ids mean nothing at another address
    # The service's own unchanging name of that place, whatever its spelling: a chat's number, an account's id and host.
    # "" where it is not known.
    identity: str = ""

    def __post_init__(self) -> None:
        """Take numbers as texts, and None as "": what is out there must be stored, whatever a service calls it."""
        for name in ("kind", "id", "url", "address", "identity"):
            value: Any = getattr(self, name)
            if not isinstance(value, str) or "\x00" in value or not value.isprintable():
                object.__setattr__(self, name, _storable(value))


def _storable(value: Any) -> str:
    """A value as a text that every database takes: neither NUL nor half of a surrogate pair."""
    text = "" if value is None else str(value)
    return text.replace("\x00", "").encode(errors="replace").decode()


class CopyState(StrEnum):
    """What a handler sees where an object's copy should be."""

    SAME = "same"  # it shows the document
    OTHER = "other"  # it shows something else, or is seen by other people
    THERE = "there"  # it is there; the service does not tell what it shows
    GONE = "gone"  # it is not there, or a part of it is not


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPage:
    """A page of a service's own list of what is at a place."""

    parts: Sequence[RemotePart] = ()
    after: str = ""  # where the next page begins; "" at the end of the list


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewPart:
    """One thing that a document would come to at a service: a message, a status, a row, an event."""

    kind: str  # as of a RemotePart
    text: str  # what people read; of a file its caption
    length: int | None = None  # of the text, as the service counts; None: it has no limit
    limit: int | None = None
    is_cut: bool = False  # the text does not hold all of the document's
    file_name: str = ""
    file_text: str = ""  # what the file holds
    pictures: tuple[str, ...] = ()  # the URLs of those that are attached
    drawn_count: int = 0  # pictures that are made of the text
    fields: Mapping[str, Any] = field(default_factory=dict)  # what else is sent: {"visibility": "unlisted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A destination as a handler sees it."""

    id: int  # primary key of the Destination
    name: str  # for people
    address: str  # the channel, account or table
    options: Mapping[str, Any] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict, repr=False)  # never logged, never shown
    is_users: bool = False  # a user has brought it, whom the site need not trust


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceChoice:
    """A place that a credential can post to, offered when a destination is set up."""

    address: str  # as a destination holds it
    title: str  # for people


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerConfig:
    """What the settings say for one service, as its handler is given it."""

    service: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)  # HANDLERS[service]["OPTIONS"]
    force_ipv4: bool = False
    attempt_timeout_seconds: float = 20.0
    allowed_private_hosts: tuple[str, ...] = ()
    hold_unknown: bool = False  # ON_UNKNOWN_OUTCOME is "hold": nothing that may be there already is sent once more

    def outbound(self, *, public_only: bool) -> Outbound:
        """How the service's handler may connect. `public_only`: users name its hosts."""
        return Outbound(
            force_ipv4=self.force_ipv4,
            public_only=public_only,
            allowed_private_hosts=self.allowed_private_hosts,
            connect_timeout_seconds=min(CONNECT_TIMEOUT_SECONDS, self.attempt_timeout_seconds * CONNECT_SHARE),
        )

    def base_url(self, option: str, default: str) -> SplitResult:
        """The URL in an option, without a slash at its end. Raises `ConfigurationError`."""
        try:
            url = read_url(str(self.options.get(option) or default).rstrip("/"))
        except ValueError:
            url = None
        if url is None or url.query or url.fragment:
            # The value itself is not shown: a URL may hold a password.
            raise ConfigurationError(
                f"SYNCQUEUE['HANDLERS'][{self.service!r}]['OPTIONS'][{option!r}]: "
                "expected None or a URL such as 'http://127.0.0.1:8021'."
            )
        return url


Checkpoint = Callable[[Sequence[RemotePart]], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """Other records of which something may be at a place that no record knows.

    For each its part of the kind that was asked for, None where it has none.
    """

    sending: tuple[RemotePart | None, ...] = ()  # those that are being sent right now
    lost: tuple[RemotePart | None, ...] = ()  # those that may have left something there


class OtherRecords:
    """What the records of other objects say. This one, for jobs that belong to no record: nothing."""

    async def newest_parts(self) -> Sequence[RemotePart]:
        """The parts of the newest records of the same destination that are synced: a sample, not all."""
        return ()

    async def known_ids(self, ids: Collection[str], identity: str) -> frozenset[str]:
        """Those of `ids` that a part of any other record of the service has, unless it is known to be elsewhere."""
        return frozenset()

    async def unsettled(self, kind: str, identity: str) -> Unsettled:
        """The other records of the service that are being sent to a place, or may have left something there."""
        return Unsettled()


class DocumentJob:
    """One create, update or delete at one destination.

    `step` says which. `source` ("notes.note") and `object_pk` ("42") name the object, and never change; `key` is both,
    "notes.note:42". `document` is the content wanted (for a delete: an empty one); `parts` is what is out there now;
    `idempotency_key` stays the same over all attempts until the part it was made for is stored;
    `uncertain` is true when an earlier attempt may have created something whose id was never learned: its answer was
    lost, or, where the handler names a `lost_part`, was an error that may be a proxy's. `others` tells what other
    records know. A handler sets `twin_possible` where a second copy may be out there that nobody can find: when the
    object is not wanted any more, a person is told.
    """

    __slots__ = (
        "_store", "document", "idempotency_key", "object_pk", "others", "parts", "place", "source", "step",
        "twin_possible", "uncertain",
    )  # fmt: skip

    def __init__(
        self,
        *,
        place: Place,
        document: Document,
        parts: Sequence[RemotePart],
        idempotency_key: str,
        uncertain: bool,
        store: Checkpoint,
        step: JobStep = "create",
        source: str = "",
        object_pk: str = "",
        others: OtherRecords | None = None,
    ) -> None:
        """`store` writes the parts to the record and returns the next idempotency key; it raises `LeaseLost`."""
        self.place = place
        self.document = document
        self.parts = tuple(parts)
        self.idempotency_key = idempotency_key
        self.uncertain = uncertain
        self.step = step
        self.source = source
        self.object_pk = object_pk
        self.others = others or OtherRecords()
        self.twin_possible = False
        self._store = store

    @property
    def key(self) -> str:
        """The object among all of the site's: "notes.note:42"."""
        return f"{self.source}:{self.object_pk}"

    async def checkpoint(self, parts: Sequence[RemotePart]) -> None:
        """Store what is out there now, so that a crash continues from here instead of starting again.

        To be awaited after each remote call of a job of several. Raises `LeaseLost` when another attempt has taken
        over meanwhile: let it pass, and make no further call.
        """
        self.idempotency_key = await self._store(parts)
        self.parts = tuple(parts)
        self.uncertain = False


class SyncHandler(ABC):
    """Talks to one service, for tasks of any kind. One instance lives on one event loop and may keep connections."""

    # How many tasks are done in one call, where the settings say nothing: more than one needs `process_many`, or
    # `apply_many` where records are synced.
    batch_size: ClassVar[int] = 1
    # An attempt that is given less time loses answers that are still to come; 0: any time will do. A system check
    # compares it with PROCESSING["ATTEMPT_TIMEOUT_SECONDS"].
    least_attempt_seconds: ClassVar[float] = 0.0

    def __init__(self, config: HandlerConfig) -> None:
        """Keep the configuration; connections are made when first used, on the loop that uses them."""
        self.config = config

    @abstractmethod
    def process(self, task: ClaimedTask) -> Awaitable[SyncResult | None] | SyncResult | None:
        """Do one task. `async def`, or a plain `def`, which runs in a thread; None means success."""

    def process_many(
        self, tasks: Sequence[ClaimedTask]
    ) -> Awaitable[Sequence[SyncResult | None]] | Sequence[SyncResult | None]:
        """Do up to BATCH_SIZE tasks in one call; return a result for each, in the same order. Optional.

        `async def`, or a plain `def`, which runs in a thread. What it raises counts for every one of the tasks.
        """
        raise NotImplementedError(f"{type(self).__name__} does one task at a time.")

    async def aclose(self) -> None:
        """Let go of connections; called once on the loop that used them."""
        return None


class DocumentHandler(SyncHandler):
    """Keeps copies of documents at a service: subclass this to sync registered models.

    `create` and `update` return all the parts that are out there afterwards; `delete` leaves none. Each may be called
    again for something it has already done.
    """

    # A posting service takes objects created from a destination's start on; an index takes all objects.
    posts: ClassVar[bool] = True
    # The kind of an adopted part, when nothing else is known of it.
    default_kind: ClassVar[str] = "text"
    # False: what a destination posts to depends on its credential (an account), so that two with one address may be two
    # places. `identify` tells then.
    address_names_place: ClassVar[bool] = True
    # False: everybody sees whatever is there. Private documents are never brought out, and a copy of a document that
    # was made private is deleted, whatever the destination's rule says.
    takes_private: ClassVar[bool] = True
    # The names of a destination's secrets with their labels, e.g. {"token": _("Bot token")}.
    secret_fields: ClassVar[Mapping[str, Any]] = {}
    # The options of a destination by name: the admin has an input for each, and others are refused. Without any, the
    # form takes JSON, and `clean` alone judges it.
    option_fields: ClassVar[Mapping[str, Option]] = {}
    # Between two calls of `read` or `read_all`, so that the service's limits leave room for what is sent meanwhile.
    read_pause_seconds: ClassVar[float] = 0.0

    def process(self, task: ClaimedTask) -> SyncResult:
        """Refuse: tasks of this handler carry a record and are reconciled instead."""
        return SyncResult.failure(f"{type(self).__name__} syncs records; the task {task.task.id} names none.")

    @abstractmethod
    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        """Bring the document out where nothing is yet; return its parts."""

    @abstractmethod
    async def update(self, job: DocumentJob) -> Sequence[RemotePart]:
        """Make what is out there (`job.parts`) show the document; return the parts as they are then."""

    @abstractmethod
    async def delete(self, job: DocumentJob) -> None:
        """Take `job.parts` away; something already gone is done."""

    async def apply_many(self, jobs: Sequence[DocumentJob]) -> Sequence[Sequence[RemotePart] | Exception]:
        """Do up to BATCH_SIZE jobs in few calls, all at one destination (`jobs[0].place`). Optional.

        Creates, updates and deletes come mixed; `job.step` says which. No two are about one object, so their order
        does not matter. Return for each job, in the same order, what `create`, `update` or `delete` would: the parts
        that are out there afterwards (none after a delete), or the exception that this job alone ends with. Never let
        one bad document fail the others. What is raised instead counts for every one of the jobs: the service is
        away, limits, or refuses the credential. A job that is alone goes to `create`, `update` or `delete`.
        """
        raise NotImplementedError(f"{type(self).__name__} does one job at a time.")

    @abstractmethod
    async def check(self, place: Place) -> str:
        """Try address and credential without posting; return one sentence on what was found, or raise."""

    @abstractmethod
    def endpoint(self, place: Place) -> str:
        """The "host:port" this destination is reached at; one breaker guards each."""

    def clean(self, address: str, options: Mapping[str, Any], secret: Mapping[str, str]) -> None:
        """Check the form of a destination before it is saved; raises `ValueError` with a sentence for people."""
        return None

    async def places(self, secret: Mapping[str, str]) -> Sequence[PlaceChoice]:
        """The places that a credential can post to, as far as the service tells; raises `HandlerError`.

        A handler that writes this one gets a button in the forms of its destinations.
        """
        return ()

    async def identify(self, place: Place) -> str:
        """The service's own unchanging name of a place, as `RemotePart.identity` holds it; raises `HandlerError`.

        Two spellings of one place have one identity: "@news" and the number of that chat. It may ask the service, and
        is not called in a web request. "", the default: the address itself is the identity.
        """
        return ""

    async def count(self, place: Place) -> int | None:
        """Return how many copies are at a place, where the service tells it cheaply; raises `HandlerError`.

        doctor compares it with the records that say that they are synced there. None, the default: it is not known.
        The number may include what others have put there. It is not called in a web request.
        """
        return None

    def is_small(self, document: Document, place: Place) -> bool:
        """Return whether bringing a document out is little work. What is more is left to a worker.

        The default: its text has at most 16,000 characters. A web process asks before `create` and `update`.
        """
        return len(document.text) <= WEB_CHARACTERS

    async def read(self, jobs: Sequence[DocumentJob]) -> Sequence[CopyState | Exception]:
        """Look at the copies of up to `batch_size` jobs, all at one destination, and change nothing. Optional.

        `job.parts` is what the record says is there. `job.step` is "update" where `job.document` is wanted, and
        "delete" where nothing is: then only whether something is there matters. Return for each job, in the same
        order, what is there, or the exception that says why this one cannot be told. What is raised instead counts
        for all of them: `syncqueue verify` waits for a service that limits, and stops where it is away.

        A handler without this method cannot be asked, and `verify` says so.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot look at copies.")

    async def read_all(self, place: Place, after: str) -> CopyPage | None:
        """Return a page of all that is at a place, so that copies are found which no record knows. Optional.

        `after` is that of the page before, "" for the first. Leave out what others put there, where the service tells
        it apart, and what may still be under way. None, the default: the service does not list what is there.
        """
        return None

    async def preview(self, document: Document, place: Place) -> Sequence[PreviewPart]:
        """Return what `create` would bring out, made by the same functions; raises `HandlerError` where it would.

        Nothing is sent. It is called in web requests, and given 5 seconds. The default: one part with the whole text.
        """
        return [PreviewPart(kind=self.default_kind, text=document.text)]

    def is_public(self, document: Document, place: Place, part: RemotePart) -> bool:
        """Return whether everybody may see a part of a document's copy, so that its link may be shown to readers.

        The default: those of documents that are not private.
        """
        return not document.is_private

    def was_made(self, place: Place) -> bool:
        """Return whether the place was not there and had to be made since this was asked last; forget it then.

        Where records say that copies are at a place that had to be made, these copies are gone, and people are told.
        False, the default: this handler makes no places.
        """
        return False

    def lost_part(self, place: Place, source: str, object_pk: str) -> RemotePart | None:
        """The part that a create may have left whose end nobody knows, where it can be taken away all the same.

        Its id is of our choosing, or `delete` learns it by `job.idempotency_key`. When the object is not wanted any
        more, `delete` is given this part, though nobody knows whether it is there. None, the default: the service
        gives the ids, and what was never learned cannot be taken away.
        """
        return None

    async def trace(self, job: DocumentJob) -> RemotePart | None:
        """The part that stands for what `create(job)` is about to send, of the kind `TRACE`; raises `HandlerError`.

        It is stored with the send mark, and given to `create` as the job's only part. An attempt that is cut off leaves
        it, so that the next one is an `update` or a `delete` with this part, whatever became of the object. None, the
        default: a create leaves no trace.
        """
        return None

    def credential(self, place: Place) -> str:
        """A name for the credential that does not betray it: equal for destinations that share one."""
        text = json.dumps(sorted(place.secret.items()))
        return hashlib.sha256(f"syncqueue:{text}".encode()).hexdigest()[:16]

    def fingerprint(self, document: Document, place: Place) -> str:
        """A hash over all that decides what is sent: equal means that nothing needs to be sent."""
        text = json.dumps(
            [
                document.text, document.format, document.tags, document.is_private, document.url, document.title,
                [item.as_hashed() if isinstance(item, Media) else item for item in document.media],
                document.fields, place.options,
            ],
            sort_keys=True,
            default=str,
        )  # fmt: skip
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
