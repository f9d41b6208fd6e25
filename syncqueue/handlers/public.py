"""What the author of a handler may import beside the names of `syncqueue` itself. Loaded when first used.

- What a handler is given: `HandlerConfig` (its settings), `Place` (a destination), and the kind `TRACE` of the part
  that stands for something sent and not answered.
- Errors: `HandlerError`, the base class of all that a handler raises on purpose; `ConfigurationError` for settings.
- The way out: `http_transport(outbound, limits)` for an `httpx.AsyncClient` with `trust_env=False`. An `Outbound`
  comes from `config.outbound(public_only=True)` and keeps users from naming hosts of the inner network.
  `is_unsent(error)`, `find_forbidden(error)` and `explain_unreachable(...)` say of an exception of httpx whether
  anything was sent, whether the guard has refused the host, and what is wrong with the way there, in a sentence.
- URLs and headers: `read_url`, `endpoint_of`, `host_of`, `port_of`; `wait_seconds(text, now)` for `Retry-After`.
- Blocking work: `HandlerThreads`.
- Media: `media_of(item)` of a document's medium, `content_type(content)` by its first bytes, and `MediaReader`, which
  reads URLs through the guard and files from their storage; it raises `FetchError`.
- Texts: `to_text(markdown, base_url, attached)` with the `Picture` values found, and `READ_CHARACTERS`, the most of a
  text that is read. `draw(text, fonts, page_limit=4)` makes pictures of a text, with `load_fonts(files, TEXT_SIZE)`.
- Sessions: `SharedSessions` keeps a service's tokens for all processes; a `Session` maps names to texts.
- Secrets: `redact(text)` masks known kinds of tokens; `mask(text, secret)` also the values of a secret.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncqueue.core.errors import ConfigurationError as ConfigurationError
    from syncqueue.core.errors import HandlerError as HandlerError
    from syncqueue.handlers.base import TRACE as TRACE
    from syncqueue.handlers.base import HandlerConfig as HandlerConfig
    from syncqueue.handlers.base import Place as Place
    from syncqueue.handlers.bounds import READ_CHARACTERS as READ_CHARACTERS
    from syncqueue.handlers.drawing.fonts import load_fonts as load_fonts
    from syncqueue.handlers.drawing.image import TEXT_SIZE as TEXT_SIZE
    from syncqueue.handlers.drawing.image import draw as draw
    from syncqueue.handlers.markdown import Picture as Picture
    from syncqueue.handlers.markdown import to_text as to_text
    from syncqueue.handlers.media import content_type as content_type
    from syncqueue.handlers.media import media_of as media_of
    from syncqueue.handlers.media_reader import MediaReader as MediaReader
    from syncqueue.handlers.sessions import Session as Session
    from syncqueue.handlers.sessions import SharedSessions as SharedSessions
    from syncqueue.outbound.connect import Outbound as Outbound
    from syncqueue.outbound.connect import find_forbidden as find_forbidden
    from syncqueue.outbound.connect import is_unsent as is_unsent
    from syncqueue.outbound.diagnosis import explain_unreachable as explain_unreachable
    from syncqueue.outbound.requests_adapter import FetchError as FetchError
    from syncqueue.outbound.retry_after import wait_seconds as wait_seconds
    from syncqueue.outbound.threads import HandlerThreads as HandlerThreads
    from syncqueue.outbound.urls import endpoint_of as endpoint_of
    from syncqueue.outbound.urls import host_of as host_of
    from syncqueue.outbound.urls import port_of as port_of
    from syncqueue.outbound.urls import read_url as read_url
    from syncqueue.secrets import mask as mask
    from syncqueue.secrets import redact as redact

# Each public name with its home, and the name it has there.
_HOMES: dict[str, tuple[str, str]] = {
    "ConfigurationError": ("syncqueue.core.errors", "ConfigurationError"),
    "FetchError": ("syncqueue.outbound.requests_adapter", "FetchError"),
    "HandlerConfig": ("syncqueue.handlers.base", "HandlerConfig"),
    "HandlerError": ("syncqueue.core.errors", "HandlerError"),
    "HandlerThreads": ("syncqueue.outbound.threads", "HandlerThreads"),
    "MediaReader": ("syncqueue.handlers.media_reader", "MediaReader"),
    "Outbound": ("syncqueue.outbound.connect", "Outbound"),
    "Picture": ("syncqueue.handlers.markdown", "Picture"),
    "Place": ("syncqueue.handlers.base", "Place"),
    "READ_CHARACTERS": ("syncqueue.handlers.bounds", "READ_CHARACTERS"),
    "Session": ("syncqueue.handlers.sessions", "Session"),
    "SharedSessions": ("syncqueue.handlers.sessions", "SharedSessions"),
    "TEXT_SIZE": ("syncqueue.handlers.drawing.image", "TEXT_SIZE"),
    "TRACE": ("syncqueue.handlers.base", "TRACE"),
    "content_type": ("syncqueue.handlers.media", "content_type"),
    "draw": ("syncqueue.handlers.drawing.image", "draw"),
    "endpoint_of": ("syncqueue.outbound.urls", "endpoint_of"),
    "explain_unreachable": ("syncqueue.outbound.diagnosis", "explain_unreachable"),
    "find_forbidden": ("syncqueue.outbound.connect", "find_forbidden"),
    "host_of": ("syncqueue.outbound.urls", "host_of"),
    "http_transport": ("syncqueue.outbound.httpx_transport", "transport"),
    "is_unsent": ("syncqueue.outbound.connect", "is_unsent"),
    "load_fonts": ("syncqueue.handlers.drawing.fonts", "load_fonts"),
    "mask": ("syncqueue.secrets", "mask"),
    "media_of": ("syncqueue.handlers.media", "media_of"),
    "port_of": ("syncqueue.outbound.urls", "port_of"),
    "read_url": ("syncqueue.outbound.urls", "read_url"),
    "redact": ("syncqueue.secrets", "redact"),
    "to_text": ("syncqueue.handlers.markdown", "to_text"),
    "wait_seconds": ("syncqueue.outbound.retry_after", "wait_seconds"),
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Import a name from where it lives (PEP 562): each handler needs some of the libraries alone."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home, there = _HOMES[name]
    return getattr(import_module(home), there)


def __dir__() -> list[str]:
    """The public names."""
    return [*globals(), *__all__]
