"""The accounts, and what was posted and uploaded to them."""

from __future__ import annotations

import base64
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from .errors import not_found
from .images import Picture

KEPT_IMAGE_BYTES = 32 * 1024 * 1024  # of all uploads together; the oldest pictures are forgotten, not their facts
IDEMPOTENCY_SECONDS = 3600.0
NAMES = ("notes", "archive")
APPLICATION = "A site"  # what every token belongs to


@dataclass(frozen=True, slots=True)
class Account:
    """One account, which one token opens."""

    id: int
    name: str


@dataclass(slots=True, kw_only=True)
class Media:
    """One upload. It belongs to at most one status."""

    id: int
    account: str
    picture: Picture
    description: str | None = None
    polls_left: int = 0  # looks until it is processed
    is_failed: bool = False
    status_id: int | None = None
    data: bytes = b""  # empty: forgotten

    @property
    def is_ready(self) -> bool:
        return self.polls_left == 0 and not self.is_failed

    def facts(self) -> dict[str, Any]:
        """As a visitor sees it."""
        seen = {"id": str(self.id), "description": self.description, **asdict(self.picture)}
        return {**seen, "processed": self.is_ready}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an edit can change of a status."""

    text: str
    spoiler_text: str = ""
    sensitive: bool = False
    language: str = "en"
    media_ids: tuple[int, ...] = ()
    alt_texts: tuple[str | None, ...] = ()  # of the media, in their order


@dataclass(slots=True, kw_only=True)
class Status:
    """One post, with its earlier versions."""

    id: int
    account: str
    content: Content
    visibility: str
    in_reply_to_id: int | None = None
    application: str = APPLICATION  # that it was posted with
    created_at: float = field(default_factory=time.time)  # epoch seconds
    edited_at: float | None = None
    earlier: list[tuple[float, Content]] = field(default_factory=list)  # when each was written
    is_deleted: bool = False
    shown_to_all: list[str] = field(default_factory=list)  # every text that it has shown while everybody saw it

    @property
    def is_open(self) -> bool:
        """Whether everybody sees it."""
        return self.visibility in ("public", "unlisted")

    def note_shown(self) -> None:
        """Keep what everybody sees from now on, for judges."""
        if self.is_open:
            self.shown_to_all.append(self.content.text)


class Store:
    """Everything the server keeps. Ids are rising numbers that hold the time, as the real ones."""

    def __init__(self) -> None:
        self.statuses: dict[int, Status] = {}
        self.media: dict[int, Media] = {}
        self._keys: dict[tuple[str, str], tuple[int, float]] = {}  # (account, Idempotency-Key) -> status, when
        self._last_id = 0

    def next_id(self) -> int:
        self._last_id = max(self._last_id + 1, int(time.time() * 1000) << 16)
        return self._last_id

    def status(self, status_id: int) -> Status:
        """Raises `ApiError` 404 when it is not there (any more)."""
        status = self.statuses.get(status_id)
        if status is None or status.is_deleted:
            raise not_found()
        return status

    def own_status(self, status_id: int, account: Account) -> Status:
        status = self.status(status_id)
        if status.account != account.name:
            raise not_found()
        return status

    def of_account(self, name: str) -> list[Status]:
        """Visible statuses of an account, oldest first."""
        return [status for status in self.statuses.values() if status.account == name and not status.is_deleted]

    def replies(self, status: Status) -> list[Status]:
        return [other for other in self.statuses.values() if self.parent(other) is status and not other.is_deleted]

    def parent(self, status: Status) -> Status | None:
        """The status that this one answers, if it is still there."""
        parent = self.statuses.get(status.in_reply_to_id or 0)
        return None if parent is None or parent.is_deleted else parent

    def attached(self, status: Status) -> list[Media]:
        return [self.media[media_id] for media_id in status.content.media_ids if media_id in self.media]

    def add_media(self, media: Media) -> None:
        """Keep an upload; over the bound, the pictures uploaded first are forgotten."""
        self.media[media.id] = media
        kept = sum(len(other.data) for other in self.media.values())
        for other in self.media.values():
            if kept <= KEPT_IMAGE_BYTES or other is media:
                return
            kept -= len(other.data)
            other.data = b""

    def remember_key(self, account: Account, key: str, status: Status) -> None:
        self._keys[account.name, key] = status.id, time.time()

    def posted_with(self, account: Account, key: str) -> int | None:
        """The id of the status that was posted with this Idempotency-Key in the last hour."""
        status_id, at = self._keys.get((account.name, key), (0, 0.0))
        return status_id if at > time.time() - IDEMPOTENCY_SECONDS else None

    def reset(self) -> None:
        self.statuses.clear()
        self.media.clear()
        self._keys.clear()

    def dump(self) -> dict[str, Any]:
        """Everything, as JSON for `load`."""
        return {
            "last_id": self._last_id,
            "statuses": [asdict(status) for status in self.statuses.values()],
            "media": [
                {**asdict(media), "data": base64.b64encode(media.data).decode()} for media in self.media.values()
            ],
            "keys": [[account, key, *posted] for (account, key), posted in self._keys.items()],
        }

    def load(self, dumped: dict[str, Any]) -> None:
        self._last_id = dumped["last_id"]
        self.statuses = {values["id"]: _status(values) for values in dumped["statuses"]}
        self.media = {values["id"]: _media(values) for values in dumped["media"]}
        self._keys = {(account, key): (status_id, at) for account, key, status_id, at in dumped["keys"]}


def _status(values: dict[str, Any]) -> Status:
    earlier = [(at, _content(content)) for at, content in values["earlier"]]
    return Status(**{**values, "content": _content(values["content"]), "earlier": earlier})


def _content(values: dict[str, Any]) -> Content:
    lists = {name: tuple(values[name]) for name in ("media_ids", "alt_texts")}
    return Content(**{**values, **lists})


def _media(values: dict[str, Any]) -> Media:
    data = base64.b64decode(values["data"])
    return Media(**{**values, "picture": Picture(**values["picture"]), "data": data})
