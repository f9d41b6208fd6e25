"""The page, rendered on the server. Its script only fetches the page again and replaces the changed parts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from syncqueue.testing.sandbox.modes import KINDS
from syncqueue.testing.sandbox.request_log import Entry
from syncqueue.testing.sandbox.same_origin import PAGE_HEADERS
from syncqueue.testing.sandbox.sandbox import Sandbox

TEMPLATES = Path(__file__).parent / "templates"
LOG_SHOWN_COUNT = 40
PARAM_LABELS = {
    "delay_seconds": "delay, s",
    "retry_after": "retry after, s",
    "per_chat_per_minute": "per minute",
    "per_chat_per_second": "per second",
}


class Page:
    """Renders the current state of the sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        folders = {stand.service.template_folder for stand in sandbox.stands.values()}
        loader = jinja2.FileSystemLoader([TEMPLATES, *(folder for folder in folders if folder)])
        self._environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
        self._environment.filters["clock"] = clock
        self._environment.filters["bytes_size"] = bytes_size

    def answer(self, request: Request) -> Response:
        """Return the page, or 304 if the caller already has it."""
        text = self._environment.get_template("page.html").render(self._values())
        tag = '"' + hashlib.sha256(text.encode()).hexdigest()[:32] + '"'
        headers = {**PAGE_HEADERS, "ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return HTMLResponse(text, headers=headers)

    def _values(self) -> dict[str, Any]:
        stands = list(self._sandbox.stands.values())
        entries = self._sandbox.log.latest(LOG_SHOWN_COUNT)
        return {
            "kinds": [kind for kind in KINDS.values() if kind.is_on_page],
            "param_labels": PARAM_LABELS,
            "stands": stands,
            "pages": {stand.service.name: stand.service.page() for stand in stands},
            "entries": [(entry, what_was_sent(entry.params)) for entry in entries],
            "answer_word": answer_word,
        }


def clock(at: str | int) -> str:
    """Return the local time of day of an ISO string or epoch seconds."""
    moment = datetime.fromisoformat(at).astimezone() if isinstance(at, str) else datetime.fromtimestamp(at).astimezone()
    return moment.strftime("%H:%M:%S")


def bytes_size(count: int) -> str:
    """Return a size in words: 12 -> "12 B", 3400 -> "3.3 KB"."""
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.1f} MB"


def what_was_sent(params: Mapping[str, Any]) -> str:
    """Return the parameter that best describes the request to a reader."""
    for name in ("text", "caption", "document", "photo", "message_id", "query", "body"):
        if params.get(name):
            return f"#{params[name]}" if name == "message_id" else str(params[name])[:200]
    return ""


def answer_word(entry: Entry) -> tuple[str, str]:
    """Return how a request ended, as a word and a tone."""
    if entry.open:
        return "open", "slow"
    if not entry.answered:
        return "no answer", "bad"
    return "answered", "good" if (entry.status or 0) < 400 else "slow"
