"""The API over HTTP: ``/xrpc/...``, and the pages of posts that people follow links to."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute

from syncqueue.testing.sandbox import Call, Mode, Outcome, Service

from .. import TEMPLATES
from . import repo_calls, session_calls
from .asking import Ask, Done
from .budgets import Budgets
from .control import Control
from .errors import XrpcError, expired, invalid, taken_down, too_many, wrong_password
from .options import Options
from .page import account_views, post_page, state_of
from .sessions import Sessions
from .store import Account, Store

DEFAULT_ACCOUNTS = (
    Account("did:plc:sandboxnotesaaaaaaaaaaaa", "thenotes.test", "note-note-note-note"),
    Account("did:plc:sandboxarchiveaaaaaaaaaa", "thearchive.test", "arch-arch-arch-arch"),
)
_CALLS = {**session_calls.CALLS, **repo_calls.CALLS}
_OPEN = frozenset({"com.atproto.server.createSession", "com.atproto.server.describeServer",
                   "com.atproto.identity.resolveHandle", "com.atproto.sync.getBlob"})  # fmt: skip


class BlueskyService(Service):
    """One server with two accounts."""

    name = "bluesky"
    title = "Bluesky"
    template = "bluesky.html"
    template_folder = TEMPLATES

    def __init__(self, accounts: Sequence[Account] = DEFAULT_ACCOUNTS) -> None:
        self._accounts = list(accounts)
        self._store = Store()
        self._sessions = Sessions()
        self._options = Options()
        self._budgets = Budgets()

    async def read_call(self, request: Request) -> Call:
        name = request.url.path.removeprefix("/xrpc/")
        call = _CALLS.get(name)
        if call is None:
            return Call(method=name, refused=self._unknown(request, name))
        if request.method != call.verb:
            return Call(method=name, refused=_refused(invalid(f"Incorrect HTTP method ({request.method})")))
        content = await request.body()
        try:
            params = _params(request, content, name)
        except XrpcError as error:
            return Call(method=name, refused=_refused(error))
        ask = Ask(
            store=self._store,
            sessions=self._sessions,
            options=self._options,
            accounts=self._accounts,
            token=request.headers.get("authorization", "").removeprefix("Bearer ").strip(),
            params=params,
            content=content,
            content_type=request.headers.get("content-type", ""),
        )
        account = ask.named(str(params.get("repo") or params.get("identifier") or ""))
        return Call(
            method=name,
            chat=f"@{account.name}" if account else None,
            params=_for_log(name, params, content),
            arguments=ask,
            is_post=name == "com.atproto.repo.putRecord",
        )

    def perform(self, call: Call) -> Outcome:
        ask: Ask = call.arguments
        try:
            self._spend(call, ask)
            done = _CALLS[call.method].answer(ask)
        except XrpcError as error:
            return self._limited(ask, call) if error.status == 429 else _refused(error)
        return _done(done)

    def refuse(self, mode: Mode, call: Call) -> Outcome | None:
        if mode.name == "error":
            return Outcome(response=_server_error(mode.params))
        if mode.name == "limited":
            return Outcome(response=_with_limit(too_many().response(), mode.params["retry_after"]))
        if call.method in _OPEN - {"com.atproto.server.createSession"}:
            return None  # what is said to everybody is said all the same
        if mode.name == "broken":
            return _refused(taken_down())
        if call.method == "com.atproto.server.createSession":
            return _refused(wrong_password())
        is_refresh = call.method == "com.atproto.server.refreshSession"
        return _refused(expired("Token has been revoked") if is_refresh else expired())

    def _spend(self, call: Call, ask: Ask) -> None:
        """Raises `XrpcError` 429."""
        if call.method in repo_calls.POINTS:
            did = self._sessions.check(ask.token).did
            self._budgets.spend(did, repo_calls.POINTS[call.method], self._options.points_per_hour)

    def _limited(self, ask: Ask, call: Call) -> Outcome:
        account = ask.named(str(ask.params.get("identifier", "")))
        if call.method == "com.atproto.server.createSession" and account:
            seconds = self._sessions.login_wait_seconds(account.did, self._options)
        else:
            seconds = self._budgets.wait_seconds()
        return Outcome(response=_with_limit(too_many().response(), seconds))

    def _unknown(self, request: Request, name: str) -> Outcome:
        if name.startswith("app.bsky."):
            return _refused(invalid("No service configured for app.bsky"))  # there is no AppView
        shown = post_page(self._store, self._accounts, request.url.path)
        if shown is not None:
            return Outcome(response=HTMLResponse(shown))
        is_api = request.url.path.startswith("/xrpc/")
        status, error = (501, "MethodNotImplemented") if is_api else (404, "NotFound")
        return _refused(XrpcError(status, error, "Method Not Implemented" if is_api else "Not Found"))

    def chat_key(self, given: object) -> int | str:
        return "@" + str(given).lstrip("@").partition(".")[0].lower()

    def state(self) -> dict[str, Any]:
        return state_of(self._store, self._accounts, self._sessions, self._options)

    def reset(self) -> None:
        self._store.reset()
        self._sessions = Sessions()
        self._options = Options()
        self._budgets = Budgets()

    def page(self) -> dict[str, Any]:
        return {"accounts": account_views(self._store, self._accounts)}

    def dump(self) -> dict[str, Any]:
        return self._store.dump()

    def load(self, dumped: dict[str, Any]) -> None:
        self._store.load(dumped)

    def control_routes(self) -> Sequence[BaseRoute]:
        return Control(self._store, self._accounts, lambda: self._sessions, self._set_options).routes()

    def _set_options(self, given: dict[str, Any]) -> Options:
        self._options = self._options.changed(given)
        return self._options


def _params(request: Request, content: bytes, name: str) -> dict[str, Any]:
    """The query, or the JSON body. Raises `XrpcError` 400."""
    found: dict[str, Any] = dict(request.query_params)
    if request.method != "POST" or name in repo_calls.RAW or not content:
        return found
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise invalid("Unable to parse the request body") from None
    if not isinstance(body, dict):
        raise invalid("Input must be an object")
    return found | body


def _for_log(name: str, params: Mapping[str, Any], content: bytes) -> dict[str, Any]:
    """Neither passwords nor files."""
    if name in repo_calls.RAW:
        return {"size": len(content)}
    shown = {key: value for key, value in params.items() if key not in ("password", "record")}
    record = params.get("record")
    return shown | ({"text": str(record.get("text", "")), "record": record} if isinstance(record, dict) else {})


def _done(done: Done) -> Outcome:
    response = done.response or JSONResponse(done.result)
    return Outcome(response=response, stored=done.is_stored, message_id=done.message_id)


def _refused(error: XrpcError) -> Outcome:
    return Outcome(response=error.response())


def _with_limit(response: Response, seconds: int) -> Response:
    reset = str(int(time.time()) + seconds)
    response.headers.update(
        {"Retry-After": str(seconds), "RateLimit-Limit": "30", "RateLimit-Remaining": "0", "RateLimit-Reset": reset}
    )
    return response


def _server_error(params: Mapping[str, Any]) -> Response:
    """As the server fails (JSON), or as a proxy before it does (a page of HTML)."""
    status = params["status"]
    if params["html"]:
        return HTMLResponse("<html><body><h1>Something is wrong</h1></body></html>", status_code=status)
    name, words = ("InternalServerError", "Internal Server Error") if status >= 500 else ("InvalidRequest", "Refused")
    return JSONResponse({"error": name, "message": params["description"] or words}, status_code=status)
