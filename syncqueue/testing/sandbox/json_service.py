"""A stand-in for an API of JSON over HTTP: each call is a method of a few lines; this module does the rest."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from syncqueue.testing.sandbox.modes import Mode
from syncqueue.testing.sandbox.service import Call, Outcome, Service

HTML = "<html><body><h1>Something is wrong</h1></body></html>"


@dataclass(slots=True, kw_only=True)
class Thing:
    """One thing that the service stores: a message, a text, a row."""

    id: str
    place: str  # the channel, shelf or table that contains it
    text: str  # the text that people read
    fields: dict[str, Any] = field(default_factory=dict)  # other data that a visitor sees: {"is_private": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A parsed request."""

    path: Mapping[str, str]  # the values of the names in braces
    query: Mapping[str, str]
    headers: Mapping[str, str]  # with names in lower case
    body: Any  # the parsed JSON; a body that is not JSON as text


def answer(status: int = 200, body: Any = None, *, stored: bool = False, headers: Any = None) -> Outcome:
    """Return a response. `stored`: the request created, changed or deleted something; `body` None: an empty body."""
    response = Response(status_code=status, headers=headers) if body is None else JSONResponse(body, status, headers)
    return Outcome(response=response, stored=stored)


class JsonService(Service):
    """A service with an API of JSON over HTTP. Its data is in `things`, by id.

    `calls` names the method of each call: `{"POST /shelves/{place}/texts": "create"}`. A method receives an `Asked` and
    returns an `answer`; the log and the modes use the method's name for the request. The conformance suite reads from
    the names "create", "edit" and "delete" what a request has done.
    """

    calls: ClassVar[Mapping[str, str]]
    # Names in braces, in a query or in a body whose values are credentials: they are not logged.
    secrets: ClassVar[Collection[str]] = ("token",)
    # The status codes of refusing modes; "error" has its own status.
    refusals: ClassVar[Mapping[str, int]] = {"limited": 429, "broken": 403, "unauthorized": 401}

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self._last_id = 0
        self._routes = [(*_pattern(path), method) for path, method in self.calls.items()]

    def keep(self, place: str, text: str, thing_id: str = "", **fields: Any) -> Thing:
        """Store a new thing, by default with the next number as its id."""
        if not thing_id:
            self._last_id += 1
        thing = Thing(id=thing_id or str(self._last_id), place=place, text=text, fields=fields)
        self.things[thing.id] = thing
        return thing

    # Services may override these

    def check(self, asked: Asked) -> Outcome | None:
        """Return the refusal of a request with a wrong credential; None: the credential is correct."""
        return None

    def refusal(self, mode: Mode, status: int) -> Outcome:
        """Return the response of a refusing mode; the default: `{"error": "limited"}`, and Retry-After with a 429."""
        headers = {"Retry-After": str(mode.params["retry_after"])} if mode.name == "limited" else None
        return answer(status, {"error": mode.params.get("description") or mode.name}, headers=headers)

    # Called by the engine

    async def read_call(self, request: Request) -> Call:
        asked_path = request.url.path
        body = _parsed(await request.body())
        for verb, pattern, method in self._routes:
            if verb == request.method and (found := pattern.fullmatch(asked_path)):
                query, headers = dict(request.query_params), dict(request.headers)
                return self._call(method, Asked(path=found.groupdict(), query=query, headers=headers, body=body))
        return Call(method="?", params={"path": asked_path}, refused=answer(404, {"error": "there is no such call"}))

    def _call(self, method: str, asked: Asked) -> Call:
        given = {**asked.path, **asked.query, **(asked.body if isinstance(asked.body, dict) else {"body": asked.body})}
        return Call(
            method=method,
            chat=asked.path.get("place"),
            params={name: value for name, value in given.items() if name not in self.secrets},
            arguments=asked,
            is_post=method == "create",
            refused=self.check(asked),
        )

    def perform(self, call: Call) -> Outcome:
        outcome: Outcome = getattr(self, call.method)(call.arguments)
        return outcome

    def refuse(self, mode: Mode, call: Call) -> Outcome | None:
        status = self.refusals[mode.name] if mode.name in self.refusals else mode.params["status"]
        if mode.params.get("html"):
            return Outcome(response=HTMLResponse(HTML, status_code=status))
        return self.refusal(mode, status)

    def state(self) -> dict[str, Any]:
        return {"things": [asdict(thing) for thing in self.things.values()]}

    def page(self) -> dict[str, Any]:
        return {"things": list(self.things.values()), "names": {}}

    def reset(self) -> None:
        self.things.clear()

    def dump(self) -> dict[str, Any]:
        return {**self.state(), "last_id": self._last_id}

    def load(self, dumped: dict[str, Any]) -> None:
        self.things = {one["id"]: Thing(**one) for one in dumped["things"]}
        self._last_id = dumped["last_id"]

    def control_routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/things/{id:path}/remove", self._remove, methods=["POST"]),
            Route("/things/{id:path}/change", self._change, methods=["POST"]),
        ]

    async def _remove(self, request: Request) -> Response:
        """Delete a thing, as a person would."""
        del self.things[self._thing(request).id]
        return JSONResponse({"removed": True})

    async def _change(self, request: Request) -> Response:
        """Change the text of a thing, as a person would."""
        self._thing(request).text = str((await request.json())["text"])
        return JSONResponse({"changed": True})

    def _thing(self, request: Request) -> Thing:
        try:
            return self.things[request.path_params["id"]]
        except KeyError as error:
            raise HTTPException(404, "There is no such thing.") from error


def _pattern(call: str) -> tuple[str, re.Pattern[str]]:
    """Return the verb of "POST /shelves/{place}" and the pattern of its paths."""
    verb, _, path = call.partition(" ")
    pieces = re.split(r"\{(\w+)\}", path)
    pattern = "".join(f"(?P<{one}>[^/]+)" if at % 2 else re.escape(one) for at, one in enumerate(pieces))
    return verb, re.compile(pattern)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body else {}
    except ValueError:
        return body.decode(errors="replace")
