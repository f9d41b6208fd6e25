"""The control port: the page, the modes, and the API for tests. Forms redirect to the page, JSON gets JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from syncqueue.testing.sandbox.modes import BadMode
from syncqueue.testing.sandbox.page import Page
from syncqueue.testing.sandbox.same_origin import SameOriginOnly
from syncqueue.testing.sandbox.sandbox import Sandbox

HERE = Path(__file__).parent


def control_app(sandbox: Sandbox, host: str) -> Starlette:
    """Return the ASGI app of the control port; `host`: the allowed host name, besides IP addresses."""
    return Starlette(
        routes=_Control(sandbox).routes(),
        middleware=[Middleware(SameOriginOnly, host=host)],
        exception_handlers={BadMode: _bad_request, HTTPException: _http_error},
    )


class _Control:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._page = Page(sandbox)

    def routes(self) -> list[BaseRoute]:
        own = [
            Mount(f"/services/{name}", routes=stand.service.control_routes())
            for name, stand in self._sandbox.stands.items()
        ]
        return [
            Route("/", self.page),
            Route("/state.json", self.state),
            Route("/log.json", self.log),
            Route("/reset", self.reset, methods=["POST"]),
            Route("/services/{name}/mode", self.mode, methods=["POST"]),
            Route("/services/{name}/plan", self.plan, methods=["POST"]),
            *own,
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ]

    async def page(self, request: Request) -> Response:
        return self._page.answer(request)

    async def state(self, request: Request) -> Response:
        return JSONResponse(self._sandbox.state())

    async def log(self, request: Request) -> Response:
        after = request.query_params.get("after", "0")
        if not after.isdecimal():
            raise HTTPException(400, "after must be the number of a log entry.")
        return JSONResponse(self._sandbox.log.after(int(after)))

    async def reset(self, request: Request) -> Response:
        await self._sandbox.reset()
        return _done(request, {"reset": True})

    async def mode(self, request: Request) -> Response:
        name, given = self._service_name(request), await _given(request)
        if not isinstance(given, dict):
            raise BadMode('Send an object such as {"mode": "slow", "delay_seconds": 2}.')
        mode = await self._sandbox.turn(name, *_mode_and_params(given))
        return _done(request, mode.as_json())

    async def plan(self, request: Request) -> Response:
        name, given = self._service_name(request), await _given(request)
        if not isinstance(given, list):
            raise BadMode('Send a list such as ["hang", {"mode": "limited", "retry_after": 2}].')
        answers = [_mode_and_params(item if isinstance(item, dict) else {"mode": item}) for item in given]
        if any(mode_name == "down" for mode_name, _ in answers):
            raise BadMode("'down' closes the port and cannot be planned for one request: set it as the mode.")
        return JSONResponse([mode.as_json() for mode in self._sandbox.plan(name, answers)])

    def _service_name(self, request: Request) -> str:
        name = str(request.path_params["name"])
        if name not in self._sandbox.stands:
            raise HTTPException(404, f"There is no service {name!r}. Known: {', '.join(self._sandbox.stands)}.")
        return name


def _mode_and_params(given: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return mode and parameters; parameters may be next to "mode" (as a form sends them) or in "params"."""
    beside = {key: value for key, value in given.items() if key not in {"mode", "params"}}
    return str(given.get("mode")), {**beside, **given.get("params", {})}


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/json")


async def _given(request: Request) -> Any:
    if not _is_json(request):
        return dict(await request.form())
    try:
        return json.loads(await request.body())
    except ValueError as error:
        raise HTTPException(400, "The body is not JSON.") from error


def _done(request: Request, answer: dict[str, Any]) -> Response:
    return JSONResponse(answer) if _is_json(request) else RedirectResponse("/", status_code=303)


async def _bad_request(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=400)


async def _http_error(request: Request, error: Exception) -> Response:
    status, text = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    return JSONResponse({"error": text}, status_code=status)
