"""The gate to handler classes: all calls of their methods except sending (execution/sending.py does that).

An exception of a handler concerns one service or one destination. It is logged with the service and the class, and
returned as `Refused`. Exceptions of the handler's contract (a `HandlerError`, and the `ValueError` of `clean`) are
returned too, but not logged.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any, TypeVar

from django.utils.functional import Promise

from syncqueue.core.answer import REASON_CHARACTERS, Answer, Asked, Refused, words
from syncqueue.core.errors import ConfigurationError, HandlerError, SyncQueueError
from syncqueue.handlers.base import (
    CopyPage,
    CopyState,
    Document,
    DocumentHandler,
    DocumentJob,
    HandlerConfig,
    Place,
    PlaceChoice,
    PreviewPart,
    RemotePart,
    SyncHandler,
)
from syncqueue.handlers.options import option_problem, secret_problem
from syncqueue.secrets import mask, masked_traceback, redact, scrub

T = TypeVar("T")
H = TypeVar("H", bound=SyncHandler)
logger = logging.getLogger("syncqueue.handlers")

HASH_CHARACTERS = 64  # SyncRecord.content_hash


def construct(kind: type[H], config: HandlerConfig) -> H:
    """Create a handler. Raises `ConfigurationError`, also if the class cannot be instantiated (a missing method)."""
    where = f"SYNCQUEUE['HANDLERS'][{config.service!r}]: {kind.__module__}.{kind.__qualname__}"
    if missing := sorted(kind.__abstractmethods__):
        raise ConfigurationError(f"{where} lacks {', '.join(f'{name}()' for name in missing)}; every handler has them.")
    try:
        return kind(config)
    except ConfigurationError:
        raise
    except Exception as error:  # from the site's own class
        raise ConfigurationError(redact(f"{where} cannot be made: {words(error)}")) from error


def endpoint(handler: DocumentHandler, place: Place) -> Answer[str]:
    """Return the "host:port" of a destination."""
    return _ask(handler, "endpoint()", place.secret, lambda: _endpoint(handler.endpoint(place)))


def _endpoint(found: Any) -> str:
    if not _is_word(found) or not found:
        raise ValueError(f'it returns {found!r}, where a text such as "example.org:443" is expected')
    return str(found)


def _is_word(found: Any) -> bool:
    # It becomes part of a hold's name: with a blank, the lanes of two holds could overlap.
    return isinstance(found, str) and not any(sign.isspace() for sign in found)


def named_host(handler: DocumentHandler, place: Place) -> str:
    """Return the "host:port" of a place that may be invalid; "" if the handler returns none. Logs nothing."""
    try:
        return _endpoint(handler.endpoint(place))
    except Exception:  # from the site's own class; an attempt reports the problem
        return ""


def port_of(endpoint: str) -> tuple[str, int] | None:
    """Return host and port of an endpoint; None if a handler of the site returned something else."""
    host, _colon, port = endpoint.rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isdecimal() and int(port) < 65536 else None


def credential(handler: DocumentHandler, place: Place) -> Answer[str]:
    """Return the hash of a destination's credential; "": destinations share none."""

    def ask() -> str:
        found: Any = handler.credential(place)
        if not _is_word(found):
            raise ValueError("it returns something else than a text without blanks")
        return str(found)

    return _ask(handler, "credential()", place.secret, ask)


def fingerprint(handler: DocumentHandler, document: Document, place: Place) -> Answer[str]:
    """Return the hash of what would be sent; a text that is too long for a record is hashed again."""

    def ask() -> str:
        found = _typed(handler.fingerprint(document, place), str)
        return found if len(found) <= HASH_CHARACTERS else sha256(found.encode(errors="replace")).hexdigest()

    return _ask(handler, "fingerprint()", place.secret, ask)


def is_small(handler: DocumentHandler, document: Document, place: Place) -> bool:
    """Return whether a web process may send a document; if the handler raises, a worker sends it."""
    answer = _ask(handler, "is_small()", place.secret, lambda: handler.is_small(document, place))
    return isinstance(answer, Asked) and answer.value


def lost_part(handler: DocumentHandler, place: Place, source: str, object_pk: str) -> Answer[RemotePart | None]:
    """Return the part that an interrupted create may have left."""

    def ask() -> RemotePart | None:
        found: Any = handler.lost_part(place, source, object_pk)
        return None if found is None else _typed(found, RemotePart)

    return _ask(handler, "lost_part()", place.secret, ask)


def was_made(handler: DocumentHandler, place: Place) -> Answer[bool]:
    """Return whether a place had to be created since the last call."""
    return _ask(handler, "was_made()", place.secret, lambda: bool(handler.was_made(place)))


def clean(
    handler: DocumentHandler, address: str, options: Mapping[str, Any], secret: Mapping[str, str]
) -> Answer[None]:
    """Validate a destination; the reason of a refusal is a sentence for people."""
    problem = option_problem(handler.option_fields, options) or secret_problem(handler.secret_fields, secret)
    if problem:
        return Refused(mask(problem, secret), ValueError(problem))
    return _ask(handler, "clean()", secret, lambda: handler.clean(address, options, secret), contract=ValueError)


async def check(handler: DocumentHandler, place: Place) -> Answer[str]:
    """Check a destination without posting."""
    try:
        found: Any = await handler.check(place)
        return Asked(str(found) if isinstance(found, Promise) else _typed(found, str))
    except Exception as error:  # from the site's own class
        return _refuse(handler, "check()", error, place.secret)


async def places(handler: DocumentHandler, secret: Mapping[str, str]) -> Answer[Sequence[PlaceChoice]]:
    """Return the places that a credential can post to."""
    try:
        return Asked([_typed(one, PlaceChoice) for one in await handler.places(secret)])
    except Exception as error:  # from the site's own class
        return _refuse(handler, "places()", error, secret)


async def count(handler: DocumentHandler, place: Place) -> Answer[int | None]:
    """Return the number of copies at a place, or None."""
    try:
        found: Any = await handler.count(place)
        return Asked(None if found is None else _typed(found, int))
    except Exception as error:  # from the site's own class
        return _refuse(handler, "count()", error, place.secret)


def can_read(handler: SyncHandler) -> bool:
    """Return whether the handler can read copies."""
    return isinstance(handler, DocumentHandler) and type(handler).read is not DocumentHandler.read


async def read(handler: DocumentHandler, jobs: Sequence[DocumentJob]) -> Answer[list[Answer[CopyState]]]:
    """Return the state of each job's copy, or why it cannot be read."""
    secret = jobs[0].place.secret
    try:
        found = await handler.read(jobs)
        if not isinstance(found, Sequence) or len(found) != len(jobs):
            raise TypeError(f"it must return one CopyState for each of the {len(jobs)} jobs")
    except Exception as error:  # from the site's own class
        return _refuse(handler, "read()", error, secret)
    return Asked([_copy_state(handler, one, secret) for one in found])


def _copy_state(handler: DocumentHandler, found: Any, secret: Mapping[str, str]) -> Answer[CopyState]:
    if isinstance(found, CopyState):
        return Asked(found)
    wrong = TypeError(f"it returns a {type(found).__name__}, where a CopyState is expected")
    return _refuse(handler, "read()", found if isinstance(found, Exception) else wrong, secret)


async def read_all(handler: DocumentHandler, place: Place, after: str) -> Answer[CopyPage | None]:
    """Return a page of the copies at a place; None if the service has no list."""
    try:
        page = await handler.read_all(place, after)
        if page is not None and not isinstance(page, CopyPage):
            raise TypeError(f"it returns a {type(page).__name__}, where a CopyPage is expected")
        return Asked(page)
    except Exception as error:  # from the site's own class
        return _refuse(handler, "read_all()", error, place.secret)


async def preview(handler: DocumentHandler, document: Document, place: Place) -> Answer[tuple[PreviewPart, ...]]:
    """Return a preview of a document at a place."""
    try:
        return Asked(tuple(_typed(one, PreviewPart) for one in await handler.preview(document, place)))
    except Exception as error:  # from the site's own class
        return _refuse(handler, "preview()", error, place.secret)


def is_public(handler: DocumentHandler, document: Document, place: Place, part: RemotePart) -> bool:
    """Return whether everybody can see a part; if the handler raises, its link is not shown."""
    answer = _ask(handler, "is_public()", place.secret, lambda: handler.is_public(document, place, part))
    return isinstance(answer, Asked) and answer.value is True


async def identify(handler: DocumentHandler, place: Place) -> Answer[str]:
    """Return the service's permanent id of a place."""
    try:
        return Asked(_typed(await handler.identify(place), str))
    except Exception as error:  # from the site's own class
        return _refuse(handler, "identify()", error, place.secret)


async def trace(handler: DocumentHandler, job: DocumentJob) -> Answer[RemotePart | None]:
    """Return the part that represents what a create is about to send."""
    try:
        return Asked(await handler.trace(job))
    except Exception as error:  # from the site's own class
        return _refuse(handler, "trace()", error, job.place.secret)


async def close(handler: SyncHandler) -> None:
    """Close a handler's connections; exceptions are logged."""
    try:
        await handler.aclose()
    except Exception as error:  # from the site's own class
        _refuse(handler, "aclose()", error, {})


@asynccontextmanager
async def opened(handler: H) -> AsyncIterator[H]:
    """Close a handler at the end of the block."""
    try:
        yield handler
    finally:
        await close(handler)


def _typed(found: Any, kind: type[T]) -> T:
    """Return the value of a handler if it has the type of the contract; else raise `TypeError`."""
    if not isinstance(found, kind):
        raise TypeError(f"it returns a {type(found).__name__}, where a {kind.__name__} is expected")
    return found


def _ask(
    handler: SyncHandler,
    what: str,
    secret: Mapping[str, str],
    call: Callable[[], T],
    *,
    contract: type[Exception] | None = None,
) -> Answer[T]:
    try:
        return Asked(call())
    except Exception as error:  # from the site's own class may raise anything
        if contract is not None and isinstance(error, contract):
            scrub(error, secret)
            return Refused(mask(str(error), secret), error)
        return _refuse(handler, what, error, secret)


def _refuse(handler: SyncHandler, what: str, error: Exception, secret: Mapping[str, str]) -> Refused:
    scrub(error, secret)
    if isinstance(error, SyncQueueError):  # allowed by the contract
        reason = mask(str(error), secret)
        shown_error = error if reason == redact(str(error)) else HandlerError(reason)
        return Refused(reason[:REASON_CHARACTERS], shown_error)
    text = f"{handler.config.service}: {type(handler).__name__}.{what} raised {words(error)}"
    refused = Refused(mask(text, secret)[:REASON_CHARACTERS], error)
    extra = {"service": handler.config.service}
    shown = masked_traceback(error, secret)
    if shown == redact("".join(traceback.format_exception(error))):
        logger.error("%s", refused.reason, exc_info=error, extra=extra)
    else:  # an exception that hides its text from `scrub`
        logger.error("%s\n%s", refused.reason, shown, extra=extra)
        refused = Refused(refused.reason, HandlerError(refused.reason))
    return refused
