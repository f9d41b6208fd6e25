"""The API over HTTP: ``/api/v1/...`` and ``/api/v2/...``, and what people follow links to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute

from syncqueue.testing.sandbox import Call, Mode, Outcome, Service

from .. import TEMPLATES
from . import oauth
from .asking import Ask, Done
from .budgets import Budget, Budgets
from .control import Control
from .errors import ApiError, refusal, unauthorized
from .oauth import OAuth
from .options import Options
from .page import account_views, picture, state_of, status_page
from .params import Params, read_params
from .routes import Found, find
from .store import NAMES, Account, Store

DEFAULT_TOKENS = ("sandbox-token-of-the-notes-account", "sandbox-token-of-the-archive-account")
_WITHOUT_TOKEN = "nobody"


@dataclass(frozen=True, slots=True)
class _Asked:
    found: Found
    ask: Ask

    @property
    def who(self) -> str:
        return self.ask.account.name if self.ask.account else _WITHOUT_TOKEN


class MastodonService(Service):
    """One server; each token opens an account of its own."""

    name = "mastodon"
    title = "Mastodon"
    template = "mastodon.html"
    template_folder = TEMPLATES

    def __init__(self, tokens: Sequence[str]) -> None:
        names = [*NAMES, *(f"account{number}" for number in range(len(NAMES) + 1, len(tokens) + 1))]
        self._accounts = {token: Account(n, names[n - 1]) for n, token in enumerate(tokens, start=1)}
        self._all = list(self._accounts.values())
        self._store = Store()
        self._options = Options()
        self._budgets = Budgets()
        self._oauth = OAuth(self._all)

    async def read_call(self, request: Request) -> Call:
        found = find(request.method, request.url.path)
        name = found.name if found else f"{request.method} ?"
        try:
            params = await read_params(request)
        except ApiError as error:
            return Call(method=name, refused=self._refused(error))
        if self._oauth.takes(request):  # without the parameters: codes and secrets are among them
            asked = oauth.Asked(request.method, request.url.path, params)
            return Call(method=f"{request.method} {request.url.path.removeprefix('/api/v1')}", arguments=asked)
        if found is None:
            return Call(method=name, params=params.for_log(), refused=self._not_api(request))
        return self._call(request, found, params)

    def _call(self, request: Request, found: Found, params: Params) -> Call:
        token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        account = self._accounts.get(token) or self._named(self._oauth.account_name(token))
        logged = {**({"id": str(found.id)} if found.id else {}), **params.for_log()}
        if account is None and (token or not found.is_public):
            return Call(method=found.name, params=logged, refused=self._refused(unauthorized()))
        ask = self._ask(request, found, params, account)
        if ask.idempotency_key:
            logged["Idempotency-Key"] = ask.idempotency_key
        return Call(
            method=found.name,
            chat=f"@{account.name}" if account else None,
            params=logged,
            arguments=_Asked(found, ask),
            is_post=found.name == "POST /statuses",
        )

    def _named(self, name: str | None) -> Account | None:
        return next((account for account in self._all if account.name == name), None)

    def _ask(self, request: Request, found: Found | None, params: Params, account: Account | None) -> Ask:
        return Ask(
            store=self._store,
            options=self._options,
            accounts=self._all,
            base_url=str(request.base_url).rstrip("/"),
            account=account,
            id=found.id if found else 0,
            params=params,
            idempotency_key=request.headers.get("idempotency-key", ""),
        )

    def perform(self, call: Call) -> Outcome:
        if isinstance(call.arguments, oauth.Asked):
            return Outcome(response=self._oauth.answer(call.arguments))
        asked: _Asked = call.arguments
        is_within = self._budgets.spend(asked.who, call.method, self._options)
        budget = self._budgets.tightest(asked.who, call.method, self._options)
        if not is_within:
            return self._refused(_too_many(), budget)
        try:
            done = asked.found.call(asked.ask)
        except ApiError as error:
            return self._refused(error, budget)
        return self._done(done, budget)

    def refuse(self, mode: Mode, call: Call) -> Outcome | None:
        if isinstance(call.arguments, oauth.Asked):
            is_error = mode.name == "error"
            return Outcome(response=_server_error(mode.params["status"], mode.params["html"])) if is_error else None
        asked: _Asked = call.arguments
        budget = self._budgets.tightest(asked.who, call.method, self._options)
        if mode.name == "error":
            return Outcome(response=self._with(_server_error(mode.params["status"], mode.params["html"]), budget))
        if mode.name == "limited":
            return self._refused(_too_many(), self._budgets.used_up(budget.limit, mode.params["retry_after"]))
        if asked.ask.account is None:
            return None  # what is said to everybody is said all the same
        if mode.name == "broken":
            return self._refused(ApiError(403, "Your login is currently disabled"), budget)
        return self._refused(unauthorized(), budget)

    def _done(self, done: Done, budget: Budget) -> Outcome:
        response = self._with(JSONResponse(done.result, status_code=done.status), budget)
        return Outcome(response=response, stored=done.stored_id is not None, message_id=done.stored_id)

    def _refused(self, error: ApiError, budget: Budget | None = None) -> Outcome:
        return Outcome(response=self._with(refusal(error, self._options.ways), budget))

    def _with(self, response: Response, budget: Budget | None) -> Response:
        budget = budget or self._budgets.tightest(_WITHOUT_TOKEN, "", self._options)
        response.headers.update(budget.headers(self._options.ways.resets))
        return response

    def _not_api(self, request: Request) -> Outcome:
        """What a link in an answer leads to: a picture or a status for people."""
        shown = picture(self._store, request.url.path) or status_page(
            self._ask(request, None, Params(), None), request.url.path
        )
        return Outcome(response=shown) if shown else self._refused(ApiError(404, "Not Found"))

    def chat_key(self, given: object) -> int | str:
        return "@" + str(given).lstrip("@").lower()

    def state(self) -> dict[str, Any]:
        return state_of(self._store, self._all, self._options)

    def reset(self) -> None:
        self._store.reset()
        self._oauth.reset()
        self._options = Options()
        self._budgets = Budgets()

    def page(self) -> dict[str, Any]:
        return {"accounts": account_views(self._store, self._all), "options": self._options, "names": {}}

    def dump(self) -> dict[str, Any]:
        return {**self._store.dump(), "oauth": self._oauth.dump()}

    def load(self, dumped: dict[str, Any]) -> None:
        self._store.load(dumped)
        if "oauth" in dumped:
            self._oauth.load(dumped["oauth"])

    def control_routes(self) -> Sequence[BaseRoute]:
        return Control(self._store, self._set_options, self._oauth).routes()

    def _set_options(self, given: dict[str, Any]) -> Options:
        self._options = self._options.changed(given)
        return self._options


def _too_many() -> ApiError:
    return ApiError(429, "Too many requests")


def _server_error(status: int, is_html: bool) -> Response:
    """As the server fails (JSON), or as a proxy before it does (a page of HTML)."""
    if is_html:
        return HTMLResponse("<html><body><h1>Something is wrong</h1></body></html>", status_code=status)
    return JSONResponse({"error": "Internal Server Error"}, status_code=status)
