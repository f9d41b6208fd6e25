"""What a request asks for, read from its path and body."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request

from syncqueue.testing.sandbox import Call

from .errors import Refusal, check_encoding
from .writes import table_name

WRITE_PATHS = ("insert", "replace", "update", "delete")
LOGGED_CHARS = 500  # of a batch or statement


async def read_call(request: Request) -> Call:
    """Read a request whole. Raises `Refusal` for one that is none."""
    name = request.url.path.strip("/").removeprefix("json/")
    text = (await request.body()).decode("utf-8", "replace")
    if request.method != "POST" or name not in (*WRITE_PATHS, "bulk", "search", "sql"):
        raise Refusal(404, f"unsupported endpoint '{request.url.path}'")
    if name == "sql":
        return _sql(request, text)
    if name == "bulk":
        return Call(method=name, params={"body": text[:LOGGED_CHARS]}, arguments=text)
    return _json(name, text)


def _json(name: str, text: str) -> Call:
    try:
        body = json.loads(text)
    except ValueError as error:
        # Bad JSON is as permanent as can be, and yet a search answers it with 500.
        status = 500 if name == "search" else 400
        raise Refusal(status, {"type": "parse_exception", "reason": "bad JSON"}) from error
    if not isinstance(body, dict):
        raise Refusal(400, {"type": "parse_exception", "reason": "expected an object"})
    check_encoding(body, text)
    return Call(method=name, chat=table_name(body) or None, params=_logged(body), arguments=body)


def _sql(request: Request, text: str) -> Call:
    """The statement is the whole body, or a form's `query`; raw by either of two parameters."""
    form = parse_qs(text) if text.startswith(("query=", "mode=raw&")) else {}
    statement = form.get("query", [text])[0]
    words = (request.query_params.get("mode"), form.get("mode", [""])[0])
    is_raw = "raw" in words or request.query_params.get("raw_response", "").lower() == "true"
    return Call(method="sql", params={"query": statement[:LOGGED_CHARS]}, arguments=(statement, is_raw))


def _logged(body: dict[str, Any]) -> dict[str, Any]:
    """As sent, with the text of a document for the log's "what"."""
    document = body.get("doc")
    text = document.get("content") if isinstance(document, dict) else None
    return {**body, "text": str(text)[:LOGGED_CHARS]} if text else body
