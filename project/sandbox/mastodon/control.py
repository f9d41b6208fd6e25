"""Further switches of this service on the control port, and its pictures for the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..service_options import options_route
from .options import Options
from .page import picture_answer
from .store import Store


class Control:
    """The routes below ``/services/mastodon``."""

    def __init__(self, store: Store, set_options: Callable[[dict[str, Any]], Options]) -> None:
        self._store = store
        self._set_options = set_options

    def routes(self) -> list[BaseRoute]:
        return [
            options_route(self._set_options, '{"idempotency": false}'),
            Route("/media/{id:int}", self.media),
            Route("/statuses/{id:int}/remove", self.remove, methods=["POST"]),
        ]

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
