"""Paths of the API and the calls behind them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from . import instance_calls, media_calls, reading_calls, status_calls
from .asking import Ask, Done


@dataclass(frozen=True, slots=True)
class Found:
    """A call, by the name that modes and the log use: method and path without version and ids."""

    name: str
    call: Callable[[Ask], Done]
    id: int
    is_public: bool


_PUBLIC = "public"  # answers without a token, too
_TABLE = (
    ("GET", "/api/v1/instance", instance_calls.instance_v1, _PUBLIC),
    ("GET", "/api/v2/instance", instance_calls.instance_v2, _PUBLIC),
    ("GET", "/api/v1/accounts/verify_credentials", instance_calls.verify_credentials, ""),
    ("GET", "/api/v1/apps/verify_credentials", instance_calls.verify_application, ""),
    ("GET", "/api/v1/accounts/{id}/statuses", reading_calls.show_account_statuses, _PUBLIC),
    ("GET", "/api/v1/timelines/home", reading_calls.show_home, ""),
    ("POST", "/api/v1/statuses", status_calls.post_status, ""),
    ("GET", "/api/v1/statuses", reading_calls.show_statuses, _PUBLIC),
    ("GET", "/api/v1/statuses/{id}", reading_calls.show_status, _PUBLIC),
    ("PUT", "/api/v1/statuses/{id}", status_calls.edit_status, ""),
    ("DELETE", "/api/v1/statuses/{id}", status_calls.delete_status, ""),
    ("GET", "/api/v1/statuses/{id}/source", reading_calls.show_source, ""),
    ("GET", "/api/v1/statuses/{id}/context", reading_calls.show_context, _PUBLIC),
    ("GET", "/api/v1/statuses/{id}/history", reading_calls.show_history, _PUBLIC),
    ("POST", "/api/v2/media", media_calls.upload, ""),
    ("POST", "/api/v1/media", media_calls.upload_at_once, ""),
    ("GET", "/api/v1/media/{id}", media_calls.show_media, ""),
    ("PUT", "/api/v1/media/{id}", media_calls.update_media, ""),
)


def _name(method: str, path: str) -> str:
    return f"{method} {re.sub(r'/api/v[12]|/{id}', '', path)}"


_ROUTES = [
    (method, re.compile(path.replace("{id}", r"(?P<id>\d{1,19})") + "/?"), _name(method, path), call, bool(public))
    for method, path, call, public in _TABLE
]


def find(method: str, path: str) -> Found | None:
    """The call of a request. None: there is none."""
    for known, pattern, name, call, is_public in _ROUTES:
        match = pattern.fullmatch(path) if method == known else None
        if match:
            return Found(name, call, int(match.groupdict().get("id") or 0), is_public)
    return None
