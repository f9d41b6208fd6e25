"""Further switches of this service on the control port, and its pictures for the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .options import BadOption, Options
from .page import picture_answer
from .store import Store


class Control:
    """The routes below ``/services/mastodon``."""

    def __init__(self, store: Store, set_options: Callable[[dict[str, Any]], Options]) -> None:
        self._store = store
        self._set_options = set_options

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/options", self.options, methods=["POST"]),
            Route("/media/{id:int}", self.media),
            Route("/statuses/{id:int}/remove", self.remove, methods=["POST"]),
        ]

    async def options(self, request: Request) -> Response:
        """What kind of server it is from now on, until the next reset."""
        try:
            given = await request.json()
        except ValueError as error:
            raise HTTPException(400, "The body is not JSON.") from error
        if not isinstance(given, dict):
            raise HTTPException(400, 'Send an object such as {"idempotency": false}.')
        try:
            return JSONResponse(asdict(self._set_options(given)))
        except BadOption as error:
            raise HTTPException(400, str(error)) from error

    async def remove(self, request: Request) -> Response:
        """Its author takes a status away, in another program."""
        status = self._store.statuses.get(request.path_params["id"])
        if status is None or status.is_deleted:
            raise HTTPException(404, "There is no such status.")
        status.is_deleted = True
        return JSONResponse({})

    async def media(self, request: Request) -> Response:
        """A picture for the page, whatever the switch says."""
        media = self._store.media.get(request.path_params["id"])
        if media is None or not media.data:
            raise HTTPException(404, "There is no such picture.")
        return picture_answer(media)
