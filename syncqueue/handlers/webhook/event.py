"""What is sent: the event of a job as JSON, and its id. Pure.

An event tells what the object is like now, and `data.id` names it for good; so a receiver that stores by `data.id`
ends right whatever it missed. A repeated attempt has the same webhook-id and the same body, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.core.serializers.json import DjangoJSONEncoder

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import DocumentJob, RemotePart
from syncqueue.handlers.media import Media

KIND = "object"  # the receiver has confirmed it
# A "created" was sent and its answer lost. The part's id is the idempotency key that this event was made with.
DOUBTFUL = "doubtful"

Word = Literal["created", "updated", "deleted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event, ready to be signed and sent."""

    id: str  # the header webhook-id
    body: bytes  # JSON

    @classmethod
    def ping(cls, token: str) -> Event:
        """An event about nothing, to try a receiver with; `token` makes its id, and is what is to be answered."""
        return cls(id=_event_id(token), body=_json({"type": "ping", "data": {"challenge": token}}))


def event_of(job: DocumentJob) -> Event:
    """The event that a job comes to; raises `PermanentError` for fields that are no JSON."""
    word = _word(job)
    data = {"id": job.key, "source": job.source, "object_pk": job.object_pk}
    if word != "deleted":
        data |= _content(job)
    body = _json(_event(job, word, data))
    # The content counts too: the same key with other content is another event, which no receiver may take for a
    # repetition of the first. A signed URL is another one at each attempt, and no other content.
    compared = _json(_event(job, word, data | _unsigned(job))) if _has_signed(job) else body
    return Event(id=_event_id(_key(job), word, compared.decode()), body=body)


def confirmed(job: DocumentJob) -> RemotePart:
    """What is out there once a receiver has taken the event."""
    return RemotePart(kind=KIND, id=job.key, address=job.place.address)


def doubtful(job: DocumentJob) -> RemotePart:
    """What may be out there: an object that is deleted next must not leave its copy behind."""
    return RemotePart(kind=DOUBTFUL, id=_key(job), address=job.place.address)


def _word(job: DocumentJob) -> Word:
    if job.step == "delete":
        return "deleted"
    return "updated" if any(part.kind != DOUBTFUL for part in job.parts) else "created"


def _key(job: DocumentJob) -> str:
    return next((part.id for part in job.parts if part.kind == DOUBTFUL), job.idempotency_key)


def _content(job: DocumentJob) -> dict[str, Any]:
    document = job.document
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
    """A medium as a receiver is told of it. A file of the site has no URL but where the site gives one."""
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
    # In ASCII: half a surrogate pair, which a text may hold, has no form in UTF-8.
    try:
        return json.dumps(value, cls=DjangoJSONEncoder, allow_nan=False, sort_keys=True).encode()
    except (TypeError, ValueError) as error:
        raise PermanentError(f"document() has fields that are no JSON: {error}") from error


def _event_id(*parts: str) -> str:
    return "evt_" + hashlib.sha256(_joined(parts)).hexdigest()[:40]


def _joined(parts: Sequence[str]) -> bytes:
    return json.dumps(list(parts)).encode()
