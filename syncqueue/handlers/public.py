"""Names that a handler may import in addition to those of `syncqueue` itself. Loaded at first use.

- What a handler receives: `HandlerConfig` (its settings), `Place` (a destination), and the kind `TRACE` of the part
  that represents a request without a response yet.
- Errors: `HandlerError`, the base class of all that a handler raises deliberately; `ConfigurationError` for settings.
- Connections: `http_transport(outbound, limits)` for an `httpx.AsyncClient` with `trust_env=False`. An `Outbound`
  comes from `config.outbound(public_only=True)` and refuses internal hosts that users name.
  For an exception of httpx, `is_unsent(error)`, `find_forbidden(error)` and `explain_unreachable(...)` return whether
  nothing was sent, whether the guard has refused the host, and a sentence about the problem with the connection.
- URLs, headers, responses: `read_url`, `server_url`, `endpoint_of`, `host_of`, `port_of`; `wait_seconds(text, now)` for
  `Retry-After`; `JsonAnswer`, a response that should be JSON.
- Blocking work: `HandlerThreads`.
- Media: `media_of(item)` of a document's medium, `content_type(content)` by its first bytes, and `MediaReader`, which
  reads URLs over guarded connections and files from their storage, within a byte budget; it raises `FetchError`.
- Documents as posts: `POST_OPTIONS`, the options `over_limit` and `link`, read by `over_limit(place)` (an `OverLimit`)
  and `wants_link(place)`; `attachable(...)`, the media to attach; and the text: `read_text`, `body_of`, `footer_of`,
  `with_footer`, `caption_of`.
- Texts: `tidy`, `hashtag` and `shortened`, which ends with the `ELLIPSIS`; for a text in pieces of type `Atom`,
  `cut_atoms` returns its beginning and `divided` the posts of a thread. `to_text(markdown, base_url, attached)` returns
  the `Picture` values too; `READ_CHARACTERS` is the maximum that is read of a text.
- Texts as pictures: `draw_text(body, pictures, fonts, most_pictures=4)` returns a `DrawnText` for a text of at most
  `DRAWN_CHARACTERS`; `font_files(config)` reads the option FONTS, and `can_draw_chinese(fonts)` returns whether they
  suffice. Lower level: `draw(text, fonts, page_limit=4)`, with `load_fonts(files, TEXT_SIZE)`.
- Sessions: `SharedSessions` stores a service's tokens for all processes; a `Session` maps names to texts.
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
    from syncqueue.handlers.drawing.text import DRAWN_CHARACTERS as DRAWN_CHARACTERS
    from syncqueue.handlers.drawing.text import DrawnText as DrawnText
    from syncqueue.handlers.drawing.text import can_draw_chinese as can_draw_chinese
    from syncqueue.handlers.drawing.text import draw_text as draw_text
    from syncqueue.handlers.drawing.text import font_files as font_files
    from syncqueue.handlers.markdown import Picture as Picture
    from syncqueue.handlers.markdown import to_text as to_text
    from syncqueue.handlers.media import content_type as content_type
    from syncqueue.handlers.media import media_of as media_of
    from syncqueue.handlers.media_reader import MediaReader as MediaReader
    from syncqueue.handlers.posts import POST_OPTIONS as POST_OPTIONS
    from syncqueue.handlers.posts import OverLimit as OverLimit
    from syncqueue.handlers.posts import attachable as attachable
    from syncqueue.handlers.posts import body_of as body_of
    from syncqueue.handlers.posts import caption_of as caption_of
    from syncqueue.handlers.posts import footer_of as footer_of
    from syncqueue.handlers.posts import over_limit as over_limit
    from syncqueue.handlers.posts import read_text as read_text
    from syncqueue.handlers.posts import wants_link as wants_link
    from syncqueue.handlers.posts import with_footer as with_footer
    from syncqueue.handlers.sessions import Session as Session
    from syncqueue.handlers.sessions import SharedSessions as SharedSessions
    from syncqueue.handlers.texts import ELLIPSIS as ELLIPSIS
    from syncqueue.handlers.texts import Atom as Atom
    from syncqueue.handlers.texts import cut_atoms as cut_atoms
    from syncqueue.handlers.texts import divided as divided
    from syncqueue.handlers.texts import hashtag as hashtag
    from syncqueue.handlers.texts import shortened as shortened
    from syncqueue.handlers.texts import tidy as tidy
    from syncqueue.outbound.connect import Outbound as Outbound
    from syncqueue.outbound.connect import find_forbidden as find_forbidden
    from syncqueue.outbound.connect import is_unsent as is_unsent
    from syncqueue.outbound.diagnosis import explain_unreachable as explain_unreachable
    from syncqueue.outbound.json_answer import JsonAnswer as JsonAnswer
    from syncqueue.outbound.requests_adapter import FetchError as FetchError
    from syncqueue.outbound.retry_after import wait_seconds as wait_seconds
    from syncqueue.outbound.threads import HandlerThreads as HandlerThreads
    from syncqueue.outbound.urls import endpoint_of as endpoint_of
    from syncqueue.outbound.urls import host_of as host_of
    from syncqueue.outbound.urls import port_of as port_of
    from syncqueue.outbound.urls import read_url as read_url
    from syncqueue.outbound.urls import server_url as server_url
    from syncqueue.secrets import mask as mask
    from syncqueue.secrets import redact as redact

# Each public name with its module, and its name there.
_HOMES: dict[str, tuple[str, str]] = {
    "Atom": ("syncqueue.handlers.texts", "Atom"),
    "ConfigurationError": ("syncqueue.core.errors", "ConfigurationError"),
    "DRAWN_CHARACTERS": ("syncqueue.handlers.drawing.text", "DRAWN_CHARACTERS"),
    "DrawnText": ("syncqueue.handlers.drawing.text", "DrawnText"),
    "ELLIPSIS": ("syncqueue.handlers.texts", "ELLIPSIS"),
    "FetchError": ("syncqueue.outbound.requests_adapter", "FetchError"),
    "HandlerConfig": ("syncqueue.handlers.base", "HandlerConfig"),
    "HandlerError": ("syncqueue.core.errors", "HandlerError"),
    "HandlerThreads": ("syncqueue.outbound.threads", "HandlerThreads"),
    "JsonAnswer": ("syncqueue.outbound.json_answer", "JsonAnswer"),
    "MediaReader": ("syncqueue.handlers.media_reader", "MediaReader"),
    "Outbound": ("syncqueue.outbound.connect", "Outbound"),
    "OverLimit": ("syncqueue.handlers.posts", "OverLimit"),
    "POST_OPTIONS": ("syncqueue.handlers.posts", "POST_OPTIONS"),
    "Picture": ("syncqueue.handlers.markdown", "Picture"),
    "Place": ("syncqueue.handlers.base", "Place"),
    "READ_CHARACTERS": ("syncqueue.handlers.bounds", "READ_CHARACTERS"),
    "Session": ("syncqueue.handlers.sessions", "Session"),
    "SharedSessions": ("syncqueue.handlers.sessions", "SharedSessions"),
    "TEXT_SIZE": ("syncqueue.handlers.drawing.image", "TEXT_SIZE"),
    "TRACE": ("syncqueue.handlers.base", "TRACE"),
    "attachable": ("syncqueue.handlers.posts", "attachable"),
    "body_of": ("syncqueue.handlers.posts", "body_of"),
    "can_draw_chinese": ("syncqueue.handlers.drawing.text", "can_draw_chinese"),
    "caption_of": ("syncqueue.handlers.posts", "caption_of"),
    "content_type": ("syncqueue.handlers.media", "content_type"),
    "cut_atoms": ("syncqueue.handlers.texts", "cut_atoms"),
    "divided": ("syncqueue.handlers.texts", "divided"),
    "draw": ("syncqueue.handlers.drawing.image", "draw"),
    "draw_text": ("syncqueue.handlers.drawing.text", "draw_text"),
    "endpoint_of": ("syncqueue.outbound.urls", "endpoint_of"),
    "explain_unreachable": ("syncqueue.outbound.diagnosis", "explain_unreachable"),
    "find_forbidden": ("syncqueue.outbound.connect", "find_forbidden"),
    "font_files": ("syncqueue.handlers.drawing.text", "font_files"),
    "footer_of": ("syncqueue.handlers.posts", "footer_of"),
    "hashtag": ("syncqueue.handlers.texts", "hashtag"),
    "host_of": ("syncqueue.outbound.urls", "host_of"),
    "http_transport": ("syncqueue.outbound.httpx_transport", "transport"),
    "is_unsent": ("syncqueue.outbound.connect", "is_unsent"),
    "load_fonts": ("syncqueue.handlers.drawing.fonts", "load_fonts"),
    "mask": ("syncqueue.secrets", "mask"),
    "media_of": ("syncqueue.handlers.media", "media_of"),
    "over_limit": ("syncqueue.handlers.posts", "over_limit"),
    "port_of": ("syncqueue.outbound.urls", "port_of"),
    "read_text": ("syncqueue.handlers.posts", "read_text"),
    "read_url": ("syncqueue.outbound.urls", "read_url"),
    "redact": ("syncqueue.secrets", "redact"),
    "server_url": ("syncqueue.outbound.urls", "server_url"),
    "shortened": ("syncqueue.handlers.texts", "shortened"),
    "tidy": ("syncqueue.handlers.texts", "tidy"),
    "to_text": ("syncqueue.handlers.markdown", "to_text"),
    "wait_seconds": ("syncqueue.outbound.retry_after", "wait_seconds"),
    "wants_link": ("syncqueue.handlers.posts", "wants_link"),
    "with_footer": ("syncqueue.handlers.posts", "with_footer"),
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Import a name from its module (PEP 562): each handler needs only some of the libraries."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home, there = _HOMES[name]
    return getattr(import_module(home), there)


def __dir__() -> list[str]:
    """Return the public names."""
    return [*globals(), *__all__]
