"""Further switches of this service on the control port, and its pictures for the page."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from syncqueue.testing.sandbox.service_options import options_route

from .ids import tid_of
from .options import Options
from .sessions import Sessions
from .store import Account, Post, Store


class Control:
    """The routes below ``/services/bluesky``."""

    def __init__(
        self,
        store: Store,
        accounts: list[Account],
        sessions: Callable[[], Sessions],
        set_options: Callable[[dict[str, Any]], Options],
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._sessions = sessions
        self._set_options = set_options

    def routes(self) -> list[BaseRoute]:
        return [
            options_route(self._set_options, '{"access_seconds": 60}'),
            Route("/blobs/{did}/{cid}", self.blob),
            Route("/posts/{rkey}/remove", self.remove, methods=["POST"]),
            Route("/posts/{rkey}/change", self.change, methods=["POST"]),
            Route("/accounts/{name}/post", self.post, methods=["POST"]),
            Route("/sessions/expire", self.expire, methods=["POST"]),
        ]

    async def expire(self, request: Request) -> Response:
        """All access tokens end now; with `{"refresh": true}` the refresh tokens too."""
        given = await request.json()
        self._sessions().expire(refresh_too=bool(given.get("refresh")))
        return JSONResponse({})

    async def post(self, request: Request) -> Response:
        """A post appears on an account: `{"text": "Hello", "clock": 7, "age_seconds": 3600}`.

        `clock`: the last ten bits of its key, which tell one program from another.
        """
        given, name = await request.json(), str(request.path_params["name"])
        account = next((one for one in self._accounts if name in (one.name, one.handle)), None)
        if account is None:
            raise HTTPException(404, "There is no such account.")
        microseconds = time.time_ns() // 1000 - int(float(given.get("age_seconds", 0)) * 1_000_000)
        rkey = tid_of(microseconds, int(given.get("clock", 7)))
        moment = datetime.fromtimestamp(microseconds / 1_000_000, UTC)
        created_at = f"{moment:%Y-%m-%dT%H:%M:%S}.{microseconds % 1_000_000:06d}Z"
        record = {"$type": "app.bsky.feed.post", "text": str(given["text"]), "createdAt": created_at}
        self._store.put(account.did, rkey, record)
        return JSONResponse({"rkey": rkey})

    async def change(self, request: Request) -> Response:
        """Its author edits a post in another program: `{"text": "Hello"}`. Readers go on seeing the first text."""
        post, given = self._there(request), await request.json()
        self._store.change(post, str(given["text"]))
        return JSONResponse({})

    async def remove(self, request: Request) -> Response:
        """Its author takes a post away, in another program."""
        self._store.delete(self._there(request))
        return JSONResponse({})

    def _there(self, request: Request) -> Post:
        post = self._store.there(request.path_params["rkey"])
        if post is None:
            raise HTTPException(404, "There is no such post.")
        return post

    async def blob(self, request: Request) -> Response:
        """A picture for the page, whatever the switch says."""
        blob = self._store.blobs.get((request.path_params["did"], request.path_params["cid"]))
        if blob is None or not blob.mime_type.startswith("image/"):
            raise HTTPException(404, "There is no such picture.")
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=3600"}
        return Response(blob.content, media_type=blob.mime_type, headers=headers)
