"""The base classes of handlers, and the values that handlers receive and return.

A handler makes one attempt and reports its outcome by returning a `SyncResult` or by raising one of the exceptions of
`syncqueue.core.errors`. It never retries, sleeps or queues by itself. Delivery is at least once, because losing a task
is worse than running it twice: the work of a handler should be harmless when it is repeated.
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

CONNECT_SHARE = 0.25  # share of an attempt for connecting, so that a diagnosis and a response fit into the rest
# Maximum text length for web processes, whose threads serve requests: at worst a sixth of a second of rendering.
WEB_CHARACTERS = 16_000

# The kind of a part that represents a request without a response yet; it is stored before the request.
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
    media: tuple[str | Media, ...] = ()  # pictures and other files; a str is an absolute URL
    fields: Mapping[str, Any] = field(default_factory=dict)  # for a search index: ModelSync.search_fields declares them
    field_types: Mapping[str, str] = field(default_factory=dict)  # of `fields`; filled from ModelSync.search_fields

    def __post_init__(self) -> None:
        """Evaluate lazy texts and validate the fields; raises `ValueError`, which names the field."""
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
    """Evaluate a lazy text (gettext_lazy, reverse_lazy); return other values unchanged."""
    return str(value) if isinstance(value, Promise) else value


def _items(name: str, value: Any, types: type | tuple[type, ...], expected: str) -> tuple[Any, ...]:
    if not isinstance(value, str) and isinstance(value, Iterable):
        found = tuple(_plain(item) for item in value)  # iterate once: a generator would be empty afterwards
        if all(isinstance(item, types) for item in found):
            return found
        value = found
    raise ValueError(f"Document.{name}: expected a tuple of {expected}, got {value!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotePart:
    """One thing that exists at a service because of an object: a message, a status, a row."""

    kind: str  # chosen by the handler: "text", "document", "status"
    id: str  # its id at the service
    url: str = ""  # where a person can see it
    address: str = ""  # the address to which it was posted; ids are valid at this address only
    # The service's permanent id of that place, which does not depend on the spelling of the address: the id of a chat,
    # or id and host of an account. "": unknown.
    identity: str = ""

    def __post_init__(self) -> None:
        """Convert numbers to text and None to "", because the part must be storable whatever the service returned."""
        for name in ("kind", "id", "url", "address", "identity"):
            value: Any = getattr(self, name)
            if not isinstance(value, str) or "\x00" in value or not value.isprintable():
                object.__setattr__(self, name, _storable(value))


def _storable(value: Any) -> str:
    """Convert a value to text that every database accepts: without NUL and without lone surrogates."""
    text = "" if value is None else str(value)
    return text.replace("\x00", "").encode(errors="replace").decode()


class CopyState(StrEnum):
    """The state of an object's copy at a service, as `DocumentHandler.read` finds it."""

    SAME = "same"  # it exists and shows the document
    OTHER = "other"  # it exists, but its content or visibility differs
    THERE = "there"  # it exists; the service does not return its content
    GONE = "gone"  # it does not exist, or a part of it does not


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPage:
    """A page of the list of all copies at a place, as `DocumentHandler.read_all` returns it."""

    parts: Sequence[RemotePart] = ()
    after: str = ""  # the argument `after` for the next page; "" at the end of the list


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewPart:
    """One thing that would be created at a service for a document: a message, a status, a row, an event."""

    kind: str  # as in RemotePart
    text: str  # the text that people read; the caption of a file
    length: int | None = None  # length of the text as the service counts it; None: there is no limit
    limit: int | None = None  # maximum length
    is_cut: bool = False  # whether the text is only a part of the document's text
    file_name: str = ""  # name of an attached text file
    file_text: str = ""  # content of that file
    pictures: tuple[str, ...] = ()  # URLs of attached pictures
    drawn_count: int = 0  # number of pictures into which the text is drawn
    fields: Mapping[str, Any] = field(default_factory=dict)  # other values that are sent: {"visibility": "unlisted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A destination in the form that handlers receive."""

    id: int  # primary key of the Destination
    name: str  # for people
    address: str  # the channel, account or table
    options: Mapping[str, Any] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict, repr=False)  # must not be logged or shown
    is_users: bool = False  # it belongs to a user, whom the site need not trust


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceChoice:
    """A place that a credential can post to, offered when a destination is created."""

    address: str  # in the form of a destination's address
    title: str  # for people


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerConfig:
    """The settings of one service, in the form that its handler receives."""

    service: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)  # HANDLERS[service]["OPTIONS"]
    force_ipv4: bool = False
    attempt_timeout_seconds: float = 20.0
    allowed_private_hosts: tuple[str, ...] = ()
    hold_unknown: bool = False  # ON_UNKNOWN_OUTCOME is "hold": do not send again what may exist already

    def outbound(self, *, public_only: bool) -> Outbound:
        """Return the connection rules of the handler. `public_only`: True if users name its hosts."""
        return Outbound(
            force_ipv4=self.force_ipv4,
            public_only=public_only,
            allowed_private_hosts=self.allowed_private_hosts,
            connect_timeout_seconds=min(CONNECT_TIMEOUT_SECONDS, self.attempt_timeout_seconds * CONNECT_SHARE),
        )

    def base_url(self, option: str, default: str) -> SplitResult:
        """Return the URL in an option, without a trailing slash. Raises `ConfigurationError`."""
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
    """Other records that may have a copy at a place which no record has as a part.

    Each record is represented by its part of the requested kind, or None if it has none.
    """

    sending: tuple[RemotePart | None, ...] = ()  # records that are being sent now
    lost: tuple[RemotePart | None, ...] = ()  # records that may have left a copy after a lost response


class OtherRecords:
    """Access to the records of other objects. This base class, for jobs without a record, has none."""

    async def newest_parts(self, since: float | None = None) -> Sequence[RemotePart]:
        """Return the parts of the newest synced records of the same destination: a sample, not all.

        `since`: with those of the records that were synced first after this time, in seconds since 1970.
        """
        return ()

    async def known_ids(self, ids: Collection[str], identity: str) -> frozenset[str]:
        """Return those of `ids` that belong to parts of other records, except parts known to be at another place."""
        return frozenset()

    async def unsettled(self, kind: str, identity: str) -> Unsettled:
        """Return the other records of the service that are being sent to a place or may have left a copy there."""
        return Unsettled()


class DocumentJob:
    """One create, update or delete at one destination.

    `step` is "create", "update" or "delete". `source` ("notes.note") and `object_pk` ("42") identify the object and
    never change; `key` is both, "notes.note:42". `document` is the wanted content (empty for a delete). `parts` are the
    parts that exist now. `idempotency_key` stays the same over all attempts until the part for which it was generated
    is stored. `uncertain` is True if an earlier attempt may have created a part whose id is unknown: its response was
    lost or, for handlers with a `lost_part`, was an error that may come from a proxy. `others` gives access to other
    records. A handler sets `twin_possible` if a second copy may exist that it cannot find; when the object is not
    wanted any more, a person is asked to look for that copy.
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
        """The object's id within the site: "notes.note:42"."""
        return f"{self.source}:{self.object_pk}"

    async def checkpoint(self, parts: Sequence[RemotePart]) -> None:
        """Store the parts that exist now, so that the next attempt after a crash continues from here.

        Await it after each remote call of a job that makes several. Raises `LeaseLost` if another attempt has taken
        over: do not catch it, and make no further call.
        """
        self.idempotency_key = await self._store(parts)
        self.parts = tuple(parts)
        self.uncertain = False


class SyncHandler(ABC):
    """Talks to one service, for tasks of any kind. One instance lives on one event loop and may keep connections."""

    # Maximum tasks per call, if the settings have no BATCH_SIZE. More than one needs `process_many`, or `apply_many` in
    # a DocumentHandler.
    batch_size: ClassVar[int] = 1
    # Minimum attempt timeout: with less time, responses would be lost that are still to come. A system check compares
    # it with PROCESSING["ATTEMPT_TIMEOUT_SECONDS"]. 0: no minimum.
    least_attempt_seconds: ClassVar[float] = 0.0

    def __init__(self, config: HandlerConfig) -> None:
        """Store the configuration. Open connections at first use, on the loop that uses them."""
        self.config = config

    @abstractmethod
    def process(self, task: ClaimedTask) -> Awaitable[SyncResult | None] | SyncResult | None:
        """Do one task; None means success. Write it as `async def`, or as `def`, which then runs in a thread."""

    def process_many(
        self, tasks: Sequence[ClaimedTask]
    ) -> Awaitable[Sequence[SyncResult | None]] | Sequence[SyncResult | None]:
        """Do up to BATCH_SIZE tasks in one call; return a result for each, in the same order. Optional.

        Write it as `async def`, or as `def`, which then runs in a thread. An exception applies to all of the tasks.
        """
        raise NotImplementedError(f"{type(self).__name__} does one task at a time.")

    async def aclose(self) -> None:
        """Close the connections; called once, on the loop that used them."""
        return None


class DocumentHandler(SyncHandler):
    """Keeps copies of documents at a service: subclass this to sync registered models.

    `create` and `update` return all parts that exist afterwards; after `delete` there are none. Each of them may be
    called again for work that is already done.
    """

    # True: a posting service, which accepts objects created since a destination's start. False: an index, which accepts
    # all objects.
    posts: ClassVar[bool] = True
    # The kind of an adopted part, if nothing else is known about it.
    default_kind: ClassVar[str] = "text"
    # False: the place depends on the credential (an account), so two destinations with the same address may be two
    # places. Then `identify` must tell them apart.
    address_names_place: ClassVar[bool] = True
    # False: everybody can see every copy. Private documents are never sent, and the copy of a document that was made
    # private is deleted, whatever the destination's rule says.
    takes_private: ClassVar[bool] = True
    # The names of a destination's secrets with their labels, such as {"token": _("Bot token")}.
    secret_fields: ClassVar[Mapping[str, Any]] = {}
    # The options of a destination by name: the admin has an input for each, and other options are rejected. If empty,
    # the form accepts JSON, and only `clean` validates it.
    option_fields: ClassVar[Mapping[str, Option]] = {}
    # Pause between two calls of `read` or `read_all`, so that the service's rate limits leave room for sending.
    read_pause_seconds: ClassVar[float] = 0.0

    def process(self, task: ClaimedTask) -> SyncResult:
        """Return a failure: tasks of this handler must name a record."""
        return SyncResult.failure(f"{type(self).__name__} syncs records; the task {task.task.id} names none.")

    @abstractmethod
    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        """Create a copy of `job.document`; return its parts."""

    @abstractmethod
    async def update(self, job: DocumentJob) -> Sequence[RemotePart]:
        """Change the existing copy (`job.parts`) so that it shows `job.document`; return its parts afterwards."""

    @abstractmethod
    async def delete(self, job: DocumentJob) -> None:
        """Delete `job.parts`; a part that does not exist any more counts as deleted."""

    async def apply_many(self, jobs: Sequence[DocumentJob]) -> Sequence[Sequence[RemotePart] | Exception]:
        """Do up to BATCH_SIZE jobs in few calls, all at one destination (`jobs[0].place`). Optional.

        The jobs are a mix of creates, updates and deletes (`job.step`). No two of them are about the same object, so
        their order does not matter. Return for each job, in the same order, the parts that exist afterwards (none after
        a delete), or the exception of this job only. One bad document must not fail the other jobs. A raised exception
        applies to all jobs: the service is unavailable, rate-limits, or refuses the credential. A single job goes to
        `create`, `update` or `delete` instead.
        """
        raise NotImplementedError(f"{type(self).__name__} does one job at a time.")

    @abstractmethod
    async def check(self, place: Place) -> str:
        """Check address and credential without posting; return a sentence about the result, or raise."""

    @abstractmethod
    def endpoint(self, place: Place) -> str:
        """Return the "host:port" of the server that this destination uses; each has its own circuit breaker."""

    def clean(self, address: str, options: Mapping[str, Any], secret: Mapping[str, str]) -> None:
        """Validate a destination before it is saved; raises `ValueError` with a sentence for people."""
        return None

    async def places(self, secret: Mapping[str, str]) -> Sequence[PlaceChoice]:
        """Return the places that a credential can post to, as far as the service lists them; raises `HandlerError`.

        A handler that implements this method gets a button in the forms of its destinations.
        """
        return ()

    async def identify(self, place: Place) -> str:
        """Return the service's permanent id of a place, see `RemotePart.identity`; raises `HandlerError`.

        All spellings of a place have the same identity: "@news" and the id of that chat. The method may call the
        service; it is not called in a web request. "", the default: the address itself is the identity.
        """
        return ""

    async def count(self, place: Place) -> int | None:
        """Return the number of copies at a place, if the service returns it cheaply; raises `HandlerError`.

        `doctor` compares it with the number of synced records. None, the default: unknown. The number may include
        entries of others. The method is not called in a web request.
        """
        return None

    def is_small(self, document: Document, place: Place) -> bool:
        """Return whether sending a document is little work; a web process leaves other documents to a worker.

        The default: its text has at most 16,000 characters. A web process calls it before `create` and `update`.
        """
        return len(document.text) <= WEB_CHARACTERS

    async def read(self, jobs: Sequence[DocumentJob]) -> Sequence[CopyState | Exception]:
        """Read the copies of up to `batch_size` jobs, all at one destination, without changing them. Optional.

        `job.parts` are the parts that the record has. `job.step` is "update" if `job.document` is wanted, and "delete"
        if nothing is wanted: then only the existence of the copy matters. Return for each job, in the same order, the
        state of the copy, or an exception that says why it cannot be read. A raised exception applies to all jobs:
        `syncqueue verify` waits while the service rate-limits, and stops if it is unavailable.

        The copies of a handler without this method cannot be verified, and `verify` says so.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot look at copies.")

    async def read_all(self, place: Place, after: str) -> CopyPage | None:
        """Return a page of all copies at a place, so that copies are found that no record has. Optional.

        `after` is the one of the previous page, "" for the first page. Leave out entries of others, if the service can
        tell them apart, and copies that are possibly still being sent. None, the default: the service has no list.
        """
        return None

    async def preview(self, document: Document, place: Place) -> Sequence[PreviewPart]:
        """Return what `create` would send, rendered by the same functions; raises the same `HandlerError`s.

        Nothing is sent. It is called in web requests, with a limit of 5 seconds. The default: one part with the text.
        """
        return [PreviewPart(kind=self.default_kind, text=document.text)]

    def is_public(self, document: Document, place: Place, part: RemotePart) -> bool:
        """Return whether everybody can see a part of a document's copy, so that its link may be shown to readers.

        The default: True if the document is not private.
        """
        return not document.is_private

    def was_made(self, place: Place) -> bool:
        """Return whether the place did not exist and was created since the last call; reset this state.

        If records have copies at a place that had to be created, these copies are gone, and a warning is shown. False,
        the default: this handler creates no places.
        """
        return False

    def lost_part(self, place: Place, source: str, object_pk: str) -> RemotePart | None:
        """Return the part that an interrupted create may have left, if `delete` can delete it without knowing more.

        Either the handler chooses its id, or `delete` finds it by `job.idempotency_key`. If the object is not wanted
        any more, `delete` receives this part although it may not exist. None, the default: the service assigns the ids,
        so a part whose id is unknown cannot be deleted.
        """
        return None

    async def trace(self, job: DocumentJob) -> RemotePart | None:
        """Return a part of the kind `TRACE` that represents what `create(job)` is about to send; raises `HandlerError`.

        It is stored with the send mark, and `create` receives it as the only part of the job. After an attempt that was
        cut off, the next one is an `update` or a `delete` with this part, also if the object has changed or was deleted
        meanwhile. None, the default: a create leaves no trace.
        """
        return None

    def credential(self, place: Place) -> str:
        """Return a hash that identifies the credential; it is equal for destinations that share one."""
        text = json.dumps(sorted(place.secret.items()))
        return hashlib.sha256(f"syncqueue:{text}".encode()).hexdigest()[:16]

    def fingerprint(self, document: Document, place: Place) -> str:
        """Return a hash over everything that determines what is sent; if it is unchanged, nothing is sent."""
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
