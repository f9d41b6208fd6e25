"""Further switches of this service on the control port."""

from __future__ import annotations

from dataclasses import asdict

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .errors import Refusal
from .options import BadOption
from .sql import carry_out
from .tables import Tables


class Control:
    """The routes below ``/services/manticore``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/options", self.options, methods=["POST"]),
            Route("/sql", self.sql, methods=["POST"]),
        ]

    async def options(self, request: Request) -> Response:
        """What troubles it has from now on, until the next reset."""
        try:
            given = await request.json()
        except ValueError as error:
            raise HTTPException(400, "The body is not JSON.") from error
        if not isinstance(given, dict):
            raise HTTPException(400, 'Send an object such as {"disk_full": true}.')
        try:
            self._tables.options = self._tables.options.changed(given)
        except BadOption as error:
            raise HTTPException(400, str(error)) from error
        return JSONResponse(asdict(self._tables.options))

    async def sql(self, request: Request) -> Response:
        """Somebody else's statement, which is in no log: a table dropped behind everybody's back."""
        try:
            carry_out(self._tables, str((await request.json())["query"]))
        except (ValueError, TypeError, LookupError) as error:
            raise HTTPException(400, 'Send {"query": "a statement"}.') from error
        except Refusal as refusal:
            raise HTTPException(400, str(refusal.error)) from refusal
        return JSONResponse({})
