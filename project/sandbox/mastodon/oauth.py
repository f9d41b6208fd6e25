"""Applications and how people let them in: OAuth with PKCE, as strict as the real server.

https://docs.joinmastodon.org/spec/oauth/ and https://docs.joinmastodon.org/methods/oauth/.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from .params import Params
from .store import Account

CODE_SECONDS = 600.0
SCOPES = frozenset({"read", "write", "read:accounts", "read:statuses", "write:statuses", "write:media", "profile"})
REGISTER, AUTHORIZE, TOKEN = "/api/v1/apps", "/oauth/authorize", "/oauth/token"
_METHODS = {REGISTER: ("POST",), AUTHORIZE: ("GET", "POST"), TOKEN: ("POST",)}
_PAGE = jinja2.Environment(autoescape=True).from_string(
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>Authorize {{ app.name }}</title><h1>Authorize {{ app.name }}</h1><p>It may: {{ asked.scope }}</p>"
    '<form method="post" action="/oauth/authorize">'
    "{% for name, value in fields %}"
    '<input type="hidden" name="{{ name }}" value="{{ value }}">{% endfor %}'
    "{% for account in accounts %}"
    '<button name="account" value="{{ account.name }}">Authorize as @{{ account.name }}</button> {% endfor %}'
    '<button name="account" value="">Deny</button></form>'
)
# A form's answer leads to the application, which browsers would refuse under a form-action of "self".
_PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class App:
    """A registered application."""

    name: str
    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]
    scopes: str


@dataclass(frozen=True, slots=True)
class _Code:
    client_id: str
    account: str
    redirect_uri: str
    scope: str
    challenge: str
    until: float  # epoch seconds


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the flow."""

    method: str
    path: str
    params: Params


class OAuth:
    """All applications of the server, and what they were given."""

    def __init__(self, accounts: list[Account]) -> None:
        self._accounts = accounts
        self._apps: dict[str, App] = {}
        self._codes: dict[str, _Code] = {}
        self._tokens: dict[str, str] = {}  # token -> account

    def takes(self, request: Request) -> bool:
        """Whether a request belongs to the flow."""
        return request.method in _METHODS.get(request.url.path, ())

    def account_name(self, token: str) -> str | None:
        """The name of the account that a token was issued for."""
        return self._tokens.get(token)

    def revoke_all(self) -> None:
        """Forget all tokens, as when a person takes the permission back."""
        self._tokens.clear()

    def forget_apps(self) -> None:
        """Forget all applications, as when a server cleans up."""
        self._apps.clear()

    def answer(self, asked: Asked) -> Response:
        if asked.path == REGISTER:
            return self._register(asked.params)
        if asked.path == TOKEN:
            return self._issue(asked.params)
        return self._ask(asked) if asked.method == "GET" else self._decide(asked)

    def _register(self, params: Params) -> Response:
        uris = tuple(params.text("redirect_uris").split()) or tuple(map(str, params.listed("redirect_uris")))
        scopes = params.text("scopes") or "read"
        name = params.text("client_name")
        if not name or not uris or not all(urlsplit(uri).scheme for uri in uris) or set(scopes.split()) - SCOPES:
            return JSONResponse({"error": "Validation failed"}, status_code=422)
        app = App(name, secrets.token_urlsafe(32), secrets.token_urlsafe(32), uris, scopes)
        self._apps[app.client_id] = app
        found = {"id": str(len(self._apps)), "name": name, "scopes": scopes.split(), "redirect_uris": list(uris)}
        return JSONResponse({**found, "client_id": app.client_id, "client_secret": app.client_secret})

    def _known(self, params: Params) -> App | None:
        """The application that asks, where all of its question is in order: else nobody is sent anywhere."""
        app = self._apps.get(params.text("client_id"))
        if app is None or params.text("redirect_uri") not in app.redirect_uris:
            return None
        wanted = set((params.text("scope") or "read").split())
        is_plain = params.text("code_challenge") and params.text("code_challenge_method") != "S256"
        is_right = params.text("response_type") == "code" and wanted <= set(app.scopes.split()) and not is_plain
        return app if is_right else None

    def _ask(self, asked: Asked) -> Response:
        app = self._known(asked.params)
        if app is None:
            return HTMLResponse("<!doctype html><title>Error</title><p>Invalid request.</p>", status_code=400)
        fields = [(name, asked.params.text(name)) for name in _CARRIED]
        shown = _PAGE.render(
            app=app, asked={"scope": asked.params.text("scope")}, fields=fields, accounts=self._accounts
        )
        return HTMLResponse(shown, headers=_PAGE_HEADERS)

    def _decide(self, asked: Asked) -> Response:
        params, app = asked.params, self._known(asked.params)
        names = {account.name for account in self._accounts}
        if app is None or params.text("account") not in {*names, ""}:
            return HTMLResponse("<!doctype html><title>Error</title><p>Invalid request.</p>", status_code=400)
        answer = {"state": params.text("state")} if params.text("state") else {}
        if params.text("account"):
            code = secrets.token_urlsafe(32)
            self._codes[code] = _Code(
                client_id=app.client_id,
                account=params.text("account"),
                redirect_uri=params.text("redirect_uri"),
                scope=params.text("scope"),
                challenge=params.text("code_challenge"),
                until=time.time() + CODE_SECONDS,
            )
            answer["code"] = code
        else:
            answer |= {"error": "access_denied", "error_description": "The resource owner denied the request."}
        return RedirectResponse(f"{params.text('redirect_uri')}?{urlencode(answer)}", status_code=302)

    def _issue(self, params: Params) -> Response:
        app = self._apps.get(params.text("client_id"))
        if app is None or not secrets.compare_digest(app.client_secret, params.text("client_secret")):
            return _refuse(401, "invalid_client", "Client authentication failed")
        if params.text("grant_type") != "authorization_code":
            return _refuse(400, "unsupported_grant_type", "The authorization grant type is not supported")
        code = self._codes.pop(params.text("code"), None)  # good for once
        is_right = (
            code is not None
            and code.client_id == app.client_id
            and code.redirect_uri == params.text("redirect_uri")
            and code.until > time.time()
            and (not code.challenge or code.challenge == _challenge(params.text("code_verifier")))
        )
        if code is None or not is_right:
            return _refuse(400, "invalid_grant", "The provided authorization grant is invalid")
        token = secrets.token_urlsafe(32)
        self._tokens[token] = code.account
        found = {"access_token": token, "token_type": "Bearer", "scope": code.scope, "created_at": int(time.time())}
        return JSONResponse(found)

    def reset(self) -> None:
        self._apps.clear()
        self._codes.clear()
        self._tokens.clear()

    def dump(self) -> dict[str, Any]:
        return {"apps": [asdict(app) for app in self._apps.values()], "tokens": dict(self._tokens)}

    def load(self, dumped: dict[str, Any]) -> None:
        apps = [App(**{**one, "redirect_uris": tuple(one["redirect_uris"])}) for one in dumped["apps"]]
        self._apps = {app.client_id: app for app in apps}
        self._tokens = dict(dumped["tokens"])


_CARRIED = (
    "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method",
)  # fmt: skip


def _refuse(status: int, error: str, text: str) -> Response:
    return JSONResponse({"error": error, "error_description": text}, status_code=status)


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
