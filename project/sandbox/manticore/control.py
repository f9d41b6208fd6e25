"""Further switches of this service on the control port."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from syncqueue.testing.sandbox.service_options import changed, options_route

from .errors import Refusal
from .options import Options
from .sql import carry_out
from .tables import Tables


class Control:
    """The routes below ``/services/manticore``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def routes(self) -> list[BaseRoute]:
        return [
            options_route(self._change, '{"disk_full": true}'),
            Route("/sql", self.sql, methods=["POST"]),
        ]

    def _change(self, given: dict[str, Any]) -> Options:
        self._tables.options = changed(self._tables.options, given)
        return self._tables.options

    async def sql(self, request: Request) -> Response:
        """Somebody else's statement, which is in no log: a table dropped behind everybody's back."""
        try:
            carry_out(self._tables, str((await request.json())["query"]))
        except (ValueError, TypeError, LookupError) as error:
            raise HTTPException(400, 'Send {"query": "a statement"}.') from error
        except Refusal as refusal:
            raise HTTPException(400, str(refusal.error)) from refusal
        return JSONResponse({})
