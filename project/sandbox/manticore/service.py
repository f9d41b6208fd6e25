"""Manticore's HTTP API on one port: ``/sql``, ``/search``, ``/bulk`` and the writes of one row."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from syncqueue.testing.sandbox import Call, Mode, Outcome, Service

from .. import TEMPLATES
from . import requests
from .bulk import bulk
from .control import Control
from .errors import Refusal, write_refused
from .page import table_views
from .searching import search
from .sql import as_raw, carry_out, is_select
from .tables import Tables
from .writes import WRITES

_INFINITE = "\x01infinite\x01"


class ManticoreService(Service):
    """Tables by name."""

    name = "manticore"
    title = "Manticore Search"
    template = "manticore.html"
    template_folder = TEMPLATES

    def __init__(self) -> None:
        self._tables = Tables()

    async def read_call(self, request: Request) -> Call:
        try:
            return await requests.read_call(request)
        except Refusal as refusal:
            return Call(method="?", refused=_refused(refusal))

    def perform(self, call: Call) -> Outcome:
        try:
            match call.method:
                case "sql":
                    return self._sql(*call.arguments)
                case "bulk":
                    return self._bulk(call.arguments)
                case "search":
                    return Outcome(response=_json(search(self._tables, call.arguments)))
            written = WRITES[call.method](self._tables, call.arguments)
        except Refusal as refusal:
            return _refused(refusal)
        return Outcome(response=_json(written.answer), stored=written.changed, message_id=written.row_id)

    def _sql(self, statement: str, is_raw: bool) -> Outcome:
        if not is_raw and not is_select(statement):
            raise Refusal(500, "only SELECT queries are supported; use mode=raw")
        done = carry_out(self._tables, statement)
        stored = done.changed is not None
        if is_raw:
            return Outcome(response=_json(as_raw(done)), stored=stored)
        hits = [{"_id": row.get("id", 0), "_score": 1, "_source": row} for row in done.rows]
        return Outcome(response=_json({"took": 0, "timed_out": False, "hits": {"total": len(hits), "hits": hits}}))

    def _bulk(self, text: str) -> Outcome:
        done = bulk(self._tables, text)
        row_id = done.row_ids[-1] if done.row_ids else None
        response = _json(done.answer, done.status)
        return Outcome(response=response, stored=row_id is not None, message_id=row_id, closes=done.status >= 400)

    def refuse(self, mode: Mode, call: Call) -> Outcome | None:
        """Manticore itself limits nobody and knows no bots: these answers are those of a proxy before it."""
        if mode.name == "error" and mode.params["html"]:
            page = "<html><body><h1>Something is wrong</h1></body></html>"
            return Outcome(response=HTMLResponse(page, status_code=mode.params["status"]), closes=True)
        if mode.name == "error" and 400 <= mode.params["status"] < 500:
            # What names the document. A refusal that passes is a switch of its own (see `Options`).
            return _refused(write_refused(str(call.chat or ""), "row 1, column 1: refused", mode.params["status"]))
        if mode.name == "error":
            return _refused(Refusal(mode.params["status"], "internal error"))
        if mode.name == "limited":
            response = _json({"error": "too many requests"}, 429)
            response.headers["Retry-After"] = str(mode.params["retry_after"])
            return Outcome(response=response, closes=True)
        return _refused(Refusal(403 if mode.name == "broken" else 401, "access denied"))

    def chat_key(self, given: object) -> int | str:
        return str(given)

    def state(self) -> dict[str, Any]:
        return {
            "tables": [
                {
                    "name": table.name,
                    "columns": table.columns,
                    "options": table.options,
                    "documents": [{"id": row_id, **row} for row_id, row in table.rows.items()],
                }
                for table in self._tables.by_name.values()
            ]
        }

    def reset(self) -> None:
        self._tables.reset()

    def page(self) -> dict[str, Any]:
        return {"tables": table_views(self._tables), "options": self._tables.options, "names": {}}

    def control_routes(self) -> Sequence[BaseRoute]:
        return Control(self._tables).routes()

    def dump(self) -> dict[str, Any]:
        return self._tables.dump()

    def load(self, dumped: dict[str, Any]) -> None:
        self._tables.load(dumped)


def _json(body: Any, status: int = 200) -> Response:
    text = json.dumps(_named(body), ensure_ascii=False).replace(json.dumps(_INFINITE), "inf")
    return Response(text, status_code=status, media_type="application/json; charset=UTF-8")


def _named(body: Any) -> Any:
    """With a mark where a number is infinite: the real server writes `inf` there, which is no JSON."""
    match body:
        case dict():
            return {name: _named(value) for name, value in body.items()}
        case list():
            return [_named(value) for value in body]
        case float() if math.isinf(body):
            return _INFINITE
    return body


def _refused(refusal: Refusal) -> Outcome:
    """An error, after which the connection is closed although no header says so."""
    return Outcome(response=_json(refusal.as_json(), refusal.status), closes=True)
