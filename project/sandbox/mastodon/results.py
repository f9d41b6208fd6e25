"""The API's entities as JSON (https://docs.joinmastodon.org/entities/)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from .asking import Ask
from .images import EXTENSIONS
from .store import Account, Content, Media, Status
from .text import as_html, hashtags, rewritten, with_short_mentions, without_tags

_EPOCH = "2026-01-01T00:00:00.000Z"


def time_text(at: float | None) -> str | None:
    """Epoch seconds as the API writes a time."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def account_result(ask: Ask, account: Account) -> dict[str, Any]:
    url = f"{ask.base_url}/@{account.name}"
    posted = ask.store.of_account(account.name)
    names = {"id": str(account.id), "username": account.name, "acct": account.name}
    flags = dict.fromkeys(("locked", "bot", "group", "noindex"), False) | {"discoverable": True, "indexable": True}
    pictures = dict.fromkeys(("avatar", "avatar_static", "header", "header_static"), f"{ask.base_url}/missing.png")
    counts = {"followers_count": 0, "following_count": 0, "statuses_count": len(posted)}
    lasting: dict[str, Any] = {"note": "", "url": url, "uri": url, "created_at": _EPOCH, "emojis": [], "fields": []}
    lasting["last_status_at"] = time_text(posted[-1].created_at)[:10] if posted else None  # type: ignore[index]
    return {**names, "display_name": account.name.title(), **flags, **pictures, **counts, **lasting, "roles": []}


def credential_result(ask: Ask, account: Account) -> dict[str, Any]:
    defaults = {"privacy": "public", "sensitive": False, "language": "en", "note": "", "fields": []}
    role = {"id": "-99", "name": "", "permissions": "0", "color": "", "highlighted": False}
    return {**account_result(ask, account), "source": {**defaults, "follow_requests_count": 0}, "role": role}


def media_url(ask: Ask, media: Media) -> str:
    return f"{ask.base_url}/media/{media.id}/original.{EXTENSIONS[media.picture.mime_type]}"


def media_result(ask: Ask, media: Media) -> dict[str, Any]:
    url = media_url(ask, media) if media.is_ready else None
    width, height = media.picture.width, media.picture.height
    size = {"width": width, "height": height, "size": f"{width}x{height}", "aspect": width / height if height else None}
    urls = {"url": url, "preview_url": url, "remote_url": None, "preview_remote_url": None, "text_url": None}
    meta = {"original": size, "small": size} if media.is_ready else {}
    facts = {"id": str(media.id), "type": media.picture.type, "description": media.description}
    return {**facts, **urls, "meta": meta, "blurhash": None}


def status_url(ask: Ask, status: Status) -> str:
    return f"{ask.base_url}/@{status.account}/{status.id}"


def status_result(ask: Ask, status: Status) -> dict[str, Any]:
    content, parent = status.content, ask.store.parent(status)
    tags = [{"name": name.lower(), "url": f"{ask.base_url}/tags/{name.lower()}"} for name in hashtags(content.text)]
    reply = {
        "in_reply_to_id": str(parent.id) if parent else None,
        "in_reply_to_account_id": str(ask.named(parent.account).id) if parent else None,
    }
    own = dict.fromkeys(("favourited", "reblogged", "muted", "bookmarked", "pinned"), False)
    counts = {"replies_count": len(ask.store.replies(status)), "reblogs_count": 0, "favourites_count": 0}
    ways = ask.options.ways
    return {
        "id": str(status.id),
        "created_at": time_text(status.created_at),
        "edited_at": time_text(status.edited_at) if ask.options.history else None,
        **reply,
        "sensitive": content.sensitive,
        "spoiler_text": without_tags(content.spoiler_text) if ways.rewrites_text else content.spoiler_text,
        "visibility": status.visibility,
        "language": content.language or None,
        "application": {"name": status.application, "website": None} if _is_told(ask, status) else None,
        "uri": f"{ask.base_url}/users/{status.account}/statuses/{status.id}",
        "url": status_url(ask, status),
        **counts,
        "quotes_count": 0,
        **own,
        "content": as_html(_shown(ask, content.text), ask.base_url),
        "filtered": [],
        "reblog": None,
        "account": account_result(ask, ask.named(status.account)),
        "media_attachments": [media_result(ask, media) for media in ask.store.attached(status)],
        "mentions": [],
        "tags": tags,
        "emojis": [],
        "card": None,
        "poll": None,
    }


def _is_told(ask: Ask, status: Status) -> bool:
    """Whether the reader is told what a status was posted with: its author alone."""
    return ask.options.ways.names_application and ask.account is not None and ask.account.name == status.account


def _shown(ask: Ask, text: str) -> str:
    """What the server makes of a text."""
    if ask.options.markdown:
        text = text.replace("*", "")
    if ask.options.ways.rewrites_text:
        return rewritten(text)
    return with_short_mentions(text) if ask.options.ways.shortens_mentions else text


def source_result(status: Status) -> dict[str, Any]:
    content = status.content
    return {"id": str(status.id), "text": content.text, "spoiler_text": content.spoiler_text}


def edit_result(ask: Ask, status: Status, at: float, content: Content) -> dict[str, Any]:
    shown = [ask.store.media[media_id] for media_id in content.media_ids if media_id in ask.store.media]
    return {
        "content": as_html(content.text, ask.base_url),
        "spoiler_text": content.spoiler_text,
        "sensitive": content.sensitive,
        "created_at": time_text(at),
        "account": account_result(ask, ask.named(status.account)),
        "media_attachments": [media_result(ask, media) for media in shown],
        "emojis": [],
    }
