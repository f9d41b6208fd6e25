"""Pictures over HTTP: ``/{name}``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from syncqueue.testing.sandbox import Call, Mode, Outcome, Service

from .. import TEMPLATES
from .album import ANSWERS, SHOWN

_REFUSALS = {"limited": 429, "broken": 403, "unauthorized": 401}


class PicturesService(Service):
    """Has no state; its modes show what a picture host can do to a client."""

    name = "pictures"
    title = "Pictures"
    template = "pictures.html"
    template_folder = TEMPLATES

    async def read_call(self, request: Request) -> Call:
        async for _ in request.stream():
            pass
        name = request.url.path.removeprefix("/")
        known = name if name in ANSWERS else None
        refused = None if known and request.method == "GET" else Outcome(response=_plain(404))
        return Call(method="GET", chat=known, params={"name": name}, refused=refused)

    def perform(self, call: Call) -> Outcome:
        make, _ = ANSWERS[str(call.chat)]
        return Outcome(response=make())

    def refuse(self, mode: Mode, call: Call) -> Outcome | None:
        if mode.name != "error":
            wait = {"Retry-After": str(mode.params["retry_after"])} if mode.name == "limited" else {}
            return Outcome(response=_plain(_REFUSALS[mode.name], wait))
        status = mode.params["status"]
        page = HTMLResponse("<html><body><h1>Something is wrong</h1></body></html>", status_code=status)
        return Outcome(response=page if mode.params["html"] else _plain(status))

    def chat_key(self, given: object) -> int | str:
        return str(given).removeprefix("/")

    def state(self) -> dict[str, Any]:
        return {"pictures": list(ANSWERS)}

    def reset(self) -> None:
        """Nothing is kept."""

    def page(self) -> dict[str, Any]:
        traps = [(name, what) for name, (_, what) in ANSWERS.items() if name not in SHOWN]
        return {"shown": SHOWN, "traps": traps, "names": {}}

    def dump(self) -> dict[str, Any]:
        return {}

    def load(self, dumped: dict[str, Any]) -> None:
        """Nothing is kept."""

    def control_routes(self) -> Sequence[BaseRoute]:
        return [Route("/shown/{name}", self.shown)]

    async def shown(self, request: Request) -> Response:
        """Return a valid picture for the page, whatever the mode."""
        if request.path_params["name"] not in SHOWN:
            raise HTTPException(404, "There is no such picture.")
        return ANSWERS[request.path_params["name"]][0]()


def _plain(status: int, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{status}\n", status_code=status, headers=headers)
