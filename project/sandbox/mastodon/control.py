"""Further switches of this service on the control port, and its pictures for the page."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from syncqueue.testing.sandbox.service_options import options_route

from .oauth import OAuth
from .options import Options
from .page import picture_answer
from .store import Content, Status, Store


class Control:
    """The routes below ``/services/mastodon``."""

    def __init__(self, store: Store, set_options: Callable[[dict[str, Any]], Options], oauth: OAuth) -> None:
        self._store = store
        self._set_options = set_options
        self._oauth = oauth

    def routes(self) -> list[BaseRoute]:
        return [
            options_route(self._set_options, '{"idempotency": false}'),
            Route("/media/{id:int}", self.media),
            Route("/statuses/{id:int}/remove", self.remove, methods=["POST"]),
            Route("/statuses/{id:int}/change", self.change, methods=["POST"]),
            Route("/accounts/{name}/post", self.post, methods=["POST"]),
            Route("/oauth/revoke", self.revoke, methods=["POST"]),
            Route("/oauth/forget", self.forget, methods=["POST"]),
        ]

    async def revoke(self, request: Request) -> Response:
        """People take back what they allowed applications."""
        self._oauth.revoke_all()
        return JSONResponse({})

    async def forget(self, request: Request) -> Response:
        """The server forgets all applications."""
        self._oauth.forget_apps()
        return JSONResponse({})

    async def post(self, request: Request) -> Response:
        """A status appears on an account: `{"text": "Hello", "application": "A phone", "age_seconds": 3600}`."""
        given = await request.json()
        status = Status(
            id=self._store.next_id(),
            account=request.path_params["name"],
            content=Content(text=str(given["text"])),
            visibility="public",
            created_at=time.time() - float(given.get("age_seconds", 0)),
        )
        status.application = str(given.get("application", status.application))
        self._store.statuses[status.id] = status
        return JSONResponse({"id": str(status.id)})

    async def change(self, request: Request) -> Response:
        """Its author changes a status in another program: `{"text": "Hello", "visibility": "public"}`."""
        status, given = self._there(request), await request.json()
        status.content = replace(status.content, text=str(given.get("text", status.content.text)))
        status.visibility = str(given.get("visibility", status.visibility))
        return JSONResponse({})

    async def remove(self, request: Request) -> Response:
        """Its author takes a status away, in another program."""
        self._there(request).is_deleted = True
        return JSONResponse({})

    def _there(self, request: Request) -> Status:
        status = self._store.statuses.get(request.path_params["id"])
        if status is None or status.is_deleted:
            raise HTTPException(404, "There is no such status.")
        return status

    async def media(self, request: Request) -> Response:
        """A picture for the page, whatever the switch says."""
        media = self._store.media.get(request.path_params["id"])
        if media is None or not media.data:
            raise HTTPException(404, "There is no such picture.")
        return picture_answer(media)
