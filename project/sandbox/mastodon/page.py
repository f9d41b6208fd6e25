"""Accounts as their readers see them: threads with pictures; and the same as JSON for judges."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import jinja2
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from .asking import Ask
from .options import Options
from .results import media_url, time_text
from .store import Account, Media, Status, Store
from .text import as_html

STATUSES_SHOWN_COUNT = 100  # of each account, the last ones
_PICTURE_PATH = re.compile(r"/media/(\d{1,19})/original\.[a-z]+")
_STATUS_PATH = re.compile(r"/@(\w+)/(\d{1,19})")
_STATUS_PAGE = jinja2.Environment(autoescape=True).from_string(
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>@{{ status.account }}</title>{% if spoiler %}<p><b>{{ spoiler }}</b></p>{% endif %}{{ content }}"
    '{% for url, text in images %}<p><img src="{{ url }}" alt="{{ text }}" width="320"></p>{% endfor %}'
)
_PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'; img-src 'self'", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class StatusView:
    """A status ready for the template."""

    status: Status
    html: Markup
    media: list[Media]
    depth: int  # in its thread, from 0


@dataclass(frozen=True, slots=True)
class AccountView:
    account: Account
    views: list[StatusView]
    count: int

    @property
    def hidden_count(self) -> int:
        return self.count - len(self.views)


def account_views(store: Store, accounts: list[Account]) -> list[AccountView]:
    """All accounts with their last statuses, oldest first, each thread together."""
    return [_account_view(store, account) for account in accounts]


def _account_view(store: Store, account: Account) -> AccountView:
    statuses = store.of_account(account.name)
    replies: dict[int | None, list[Status]] = {}
    for status in statuses:
        parent = store.parent(status)
        is_own = parent is not None and parent.account == status.account
        replies.setdefault(parent.id if parent and is_own else None, []).append(status)
    threaded = [_view(store, status, depth) for status, depth in _threads(replies)]
    return AccountView(account, threaded[-STATUSES_SHOWN_COUNT:], len(statuses))


def _threads(replies: dict[int | None, list[Status]]) -> list[tuple[Status, int]]:
    """Every status followed by its replies, with its depth; a thread may be longer than Python's call stack."""
    found: list[tuple[Status, int]] = []
    waiting = [(status, 0) for status in reversed(replies.get(None, []))]
    while waiting:
        status, depth = waiting.pop()
        found.append((status, depth))
        waiting += [(reply, depth + 1) for reply in reversed(replies.get(status.id, []))]
    return found


def _view(store: Store, status: Status, depth: int) -> StatusView:
    return StatusView(status, as_html(status.content.text, "#"), store.attached(status), depth)


def state_of(store: Store, accounts: list[Account], options: Options) -> dict[str, Any]:
    """What was posted, deleted statuses too, as JSON."""
    shown = []
    for account in accounts:
        statuses = [_seen(store, status) for status in store.statuses.values() if status.account == account.name]
        shown.append({"id": str(account.id), "username": account.name, "statuses": statuses})
    loose = [media.facts() for media in store.media.values() if media.status_id is None]
    return {"accounts": shown, "unattached_media": loose, "options": asdict(options)}


def _seen(store: Store, status: Status) -> dict[str, Any]:
    content, parent = status.content, store.parent(status)
    return {
        "id": str(status.id),
        "text": content.text,
        "spoiler_text": content.spoiler_text,
        "visibility": status.visibility,
        "language": content.language,
        "sensitive": content.sensitive,
        "in_reply_to_id": str(parent.id) if parent else None,
        "media": [media.facts() for media in store.attached(status)],
        "created_at": time_text(status.created_at),
        "edited_at": time_text(status.edited_at),
        "edit_count": len(status.earlier),
        "deleted": status.is_deleted,
        "shown_to_all": status.shown_to_all,
    }


def picture(store: Store, path: str) -> Response | None:
    """The picture behind a path of the server's port. None: there is none."""
    match = _PICTURE_PATH.fullmatch(path)
    media = store.media.get(int(match[1])) if match else None
    return picture_answer(media) if media and media.data and media.is_ready else None


def picture_answer(media: Media) -> Response:
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=3600"}
    return Response(media.data, media_type=media.picture.mime_type, headers=headers)


def status_page(ask: Ask, path: str) -> Response | None:
    """The public page of a status. None: there is none for everybody."""
    match = _STATUS_PATH.fullmatch(path)
    status = ask.store.statuses.get(int(match[2])) if match else None
    if status is None or status.is_deleted or not status.is_open:
        return None
    images = [(media_url(ask, media), media.description or "") for media in ask.store.attached(status)]
    content = as_html(status.content.text, ask.base_url)
    html = _STATUS_PAGE.render(status=status, spoiler=status.content.spoiler_text, content=content, images=images)
    return HTMLResponse(html, headers=_PAGE_HEADERS)
