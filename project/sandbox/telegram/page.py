"""Channels as their readers see them: texts with their formatting as safe HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from .access import can_post
from .channels import SOMEBODY, Channel, Channels, Message
from .entities import Entity, in_order, utf16_length

MESSAGES_SHOWN_COUNT = 100  # of each channel, the last ones
PREVIEW_CHARS = 600  # of a document's text
_TAGS = {
    "bold": "strong",
    "italic": "em",
    "underline": "u",
    "strikethrough": "s",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "expandable_blockquote": "blockquote",
}
_LINKS = {"url", "text_link", "email"}
# What Telegram finds in a text by itself
_FOUND = re.compile(r"(?P<url>https?://[^\s<>\"]+[^\s<>\".,;:!?)\]}'])|(?<![\w&])(?P<hashtag>#\w*[^\W\d]\w*)")


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message ready for the template."""

    message: Message
    text: Markup
    preview: str  # beginning of a document's text
    replied: str  # beginning of the message this one answers


@dataclass(frozen=True, slots=True)
class ChannelView:
    channel: Channel
    views: list[MessageView]
    hidden_count: int

    @property
    def may_post(self) -> bool:
        """Whether the bot may post texts there."""
        return can_post(self.channel)

    def is_foreign(self, message: Message) -> bool:
        """Whether somebody else than a bot has posted it."""
        return message.author == SOMEBODY


def channel_views(channels: Channels) -> list[ChannelView]:
    """All channels with their last messages, oldest first."""
    return [_channel_view(channel) for channel in channels.all]


def formatted(text: str, entities: list[Entity]) -> Markup:
    """A text with its entities as HTML; everything that came from outside is escaped."""
    spans = in_order([*entities, *_found_entities(text, entities)])
    return _Spans(text, spans).render(0, utf16_length(text))


class _Spans:
    """Renders nested spans. One that crosses its neighbour's border is cut there."""

    def __init__(self, text: str, spans: list[Entity]) -> None:
        self._units = text.encode("utf-16-le")
        self._spans = spans
        self._next = 0

    def render(self, start: int, end: int) -> Markup:
        html, at = Markup(), start
        while self._next < len(self._spans) and self._spans[self._next]["offset"] < end:
            span = self._spans[self._next]
            self._next += 1
            first = max(span["offset"], at)
            last = max(min(span["offset"] + span["length"], end), first)
            html += escape(self._slice(at, first)) + _wrapped(span, self._slice(first, last), self.render(first, last))
            at = last
        return html + escape(self._slice(at, end))

    def _slice(self, start: int, end: int) -> str:
        return self._units[2 * start : 2 * end].decode("utf-16-le", "replace")


def _wrapped(span: Entity, text: str, inner: Markup) -> Markup:
    kind = span["type"]
    if kind in _TAGS:
        tag = Markup(_TAGS[kind])  # noqa: S704 - one of ours
        return Markup("<{0}>{1}</{0}>").format(tag, inner)
    if kind in _LINKS and (url := _safe_url(span.get("url") or text)):
        return Markup('<a href="{}" rel="noopener noreferrer nofollow" target="_blank">{}</a>').format(url, inner)
    return Markup('<span class="entity-{}">{}</span>').format(kind, inner)


def _safe_url(url: str) -> str | None:
    return url if urlsplit(url).scheme in {"http", "https", "tg", "mailto"} else None


def _found_entities(text: str, entities: list[Entity]) -> list[Entity]:
    own = [entity for entity in entities if entity["type"] in _LINKS | {"code", "pre", "hashtag"}]
    taken = [(entity["offset"], entity["offset"] + entity["length"]) for entity in own]
    found = []
    for match in _FOUND.finditer(text):
        first = utf16_length(text[: match.start()])
        last = first + utf16_length(match[0])
        if not any(first < end and start < last for start, end in taken):
            found.append({"type": match.lastgroup, "offset": first, "length": last - first})
    return found


def _channel_view(channel: Channel) -> ChannelView:
    shown = list(channel.messages.values())[-MESSAGES_SHOWN_COUNT:]
    return ChannelView(channel, [_view(channel, message) for message in shown], len(channel.messages) - len(shown))


def _view(channel: Channel, message: Message) -> MessageView:
    document = (message.file.text or "") if message.file else ""
    preview = document[:PREVIEW_CHARS] + ("…" if len(document) > PREVIEW_CHARS else "")
    replied = channel.replied_to(message)
    text = formatted(message.text, message.entities)
    return MessageView(message, text, preview, replied.text[:80] if replied else "")
