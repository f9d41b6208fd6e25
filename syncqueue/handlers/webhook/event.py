"""The event of a job as JSON, and its id. Pure.

An event has the present state of the object, and `data.id` identifies it permanently; so a receiver that stores by
`data.id` has the right state even if it missed events. A repeated attempt has the same webhook-id and the same body.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.core.serializers.json import DjangoJSONEncoder

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import Document, DocumentJob, RemotePart
from syncqueue.handlers.media import Media

KIND = "object"  # the receiver has confirmed it
# A "created" was sent and its response lost. The part's id is the idempotency key of that event.
DOUBTFUL = "doubtful"

Word = Literal["created", "updated", "deleted"]

# A text up to this length is encoded and hashed in less time than a thread needs to start.
SHORT_CHARACTERS = 10_000
_SIMPLE = (int, float, type(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event, ready to be signed and sent."""

    id: str  # the header webhook-id
    body: bytes  # JSON

    @classmethod
    def ping(cls, token: str) -> Event:
        """Return a test event; its id contains `token`, which the receiver must return."""
        return cls(id=_event_id(token), body=_json({"type": "ping", "data": {"challenge": token}}))


def event_of(job: DocumentJob) -> Event:
    """Return the event of a job; raises `PermanentError` for fields that are not JSON."""
    word = _word(job)
    data = {"id": job.key, "source": job.source, "object_pk": job.object_pk}
    if word != "deleted":
        data |= content(job.document)
    body = _json(_event(job, word, data))
    # The id depends on the content too: the same key with other content is another event, not a
    # repetition of the first. Signed URLs differ at each attempt and do not count as other content.
    compared = _json(_event(job, word, data | _unsigned(job))) if _has_signed(job) else body
    return Event(id=_event_id(_key(job), word, compared.decode()), body=body)


def is_short(document: Document) -> bool:
    """Return whether the event of a document is encoded in a fraction of a millisecond.

    Not with media, whose URLs a storage may have to sign, and not with values whose size is not seen at once.
    """
    texts = [document.text, document.title, document.url, *document.tags, *document.fields]
    for value in document.fields.values():
        if isinstance(value, str):
            texts.append(value)
        elif not isinstance(value, _SIMPLE):
            return False
    return not document.media and len(texts) <= SHORT_CHARACTERS and sum(map(len, texts)) <= SHORT_CHARACTERS


def confirmed(job: DocumentJob) -> RemotePart:
    """Return the part that exists after a receiver has accepted the event."""
    return RemotePart(kind=KIND, id=job.key, address=job.place.address)


def doubtful(job: DocumentJob) -> RemotePart:
    """Return the part that may exist, so that a later deletion of the object is sent too."""
    return RemotePart(kind=DOUBTFUL, id=_key(job), address=job.place.address)


def _word(job: DocumentJob) -> Word:
    if job.step == "delete":
        return "deleted"
    return "updated" if any(part.kind != DOUBTFUL for part in job.parts) else "created"


def _key(job: DocumentJob) -> str:
    return next((part.id for part in job.parts if part.kind == DOUBTFUL), job.idempotency_key)


def content(document: Document) -> dict[str, Any]:
    """Return the data of an event for a document."""
    return {
        "text": document.text,
        "format": document.format,
        "title": document.title,
        "tags": list(document.tags),
        "is_private": document.is_private,
        "url": document.url,
        "media": [_medium(item) if isinstance(item, Media) else item for item in document.media],
        "fields": dict(document.fields),
    }


def _medium(media: Media) -> dict[str, str]:
    """Return a medium for a receiver. A file of the site has no URL unless the site gives one."""
    return {"url": media.url, "name": media.name, "alt": media.alt, "kind": media.kind}


def _event(job: DocumentJob, word: Word, data: dict[str, Any]) -> dict[str, Any]:
    return {"type": f"{job.source}.{word}", "data": data}


def _unsigned(job: DocumentJob) -> dict[str, Any]:
    return {
        "media": [_medium(one) | {"url": one.identity} if isinstance(one, Media) else one for one in job.document.media]
    }


def _has_signed(job: DocumentJob) -> bool:
    return job.step != "delete" and any(isinstance(one, Media) and one.is_signed for one in job.document.media)


def _json(value: dict[str, Any]) -> bytes:
    # As ASCII: a lone surrogate, which a text may contain, cannot be encoded as UTF-8.
    try:
        return json.dumps(value, cls=DjangoJSONEncoder, allow_nan=False, sort_keys=True).encode()
    except (TypeError, ValueError) as error:
        raise PermanentError(f"document() has fields that are no JSON: {error}") from error


def as_received(document: Document) -> dict[str, Any]:
    """Return the data that a receiver gets for a document; raises `PermanentError` for fields that are not JSON."""
    found: dict[str, Any] = json.loads(_json(content(document)))
    return found


def _event_id(*parts: str) -> str:
    return "evt_" + hashlib.sha256(_joined(parts)).hexdigest()[:40]


def _joined(parts: Sequence[str]) -> bytes:
    return json.dumps(list(parts)).encode()
