"""OAuth with PKCE: a person allows this site to post as an account, on the pages of the instance.

https://docs.joinmastodon.org/spec/oauth/. All calls block, end within a given time, and reach public hosts
only. No message quotes what was sent or returned.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from django.utils.translation import gettext as _

from syncqueue.core.errors import DestinationBroken, HandlerError, PermanentError, Unavailable
from syncqueue.handlers.mastodon.options import TOKEN
from syncqueue.outbound.connect import Outbound, find_forbidden
from syncqueue.outbound.requests_adapter import OutboundSession
from syncqueue.outbound.urllib3_pool import TimeCap
from syncqueue.outbound.urls import server_url

# The scopes that the handler needs; see docs/howto/mastodon.md.
SCOPES = ("read:accounts", "read:statuses", "write:statuses", "write:media")
USER_AGENT = "django-syncqueue"
_MOST_BYTES = 64 * 1024  # maximum size of a response
_LONGEST = 2000  # maximum length of an id or secret


class UnknownApp(PermanentError):
    """The instance does not know the application (any more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The registration of this site at an instance."""

    client_id: str
    client_secret: str = field(repr=False)


def instance_address(text: str, may_be_plain: Callable[[str, int], bool]) -> str:
    """Return the instance that a person names: its address or host, or a name such as "@me@mastodon.social".

    Raises `DestinationBroken`. `may_be_plain`: as in `server_url`.
    """
    text = text.strip()
    if "://" not in text:
        text = "https://" + text.rpartition("@")[2].lower()
    try:
        return server_url(text, may_be_plain).geturl()
    except ValueError:
        raise DestinationBroken(_("The address is no instance, such as https://mastodon.social.")) from None


def challenge_of(verifier: str) -> str:
    """Return the PKCE challenge (S256) of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def authorize_url(instance: str, app: App, *, redirect_uri: str, state: str, verifier: str) -> str:
    """Return the URL of the instance's authorization page."""
    query = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(SCOPES),
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    return f"{instance}/oauth/authorize?{urlencode(query)}"


class OAuth:
    """The calls of one instance."""

    def __init__(self, instance: str, outbound: Outbound, *, seconds: float) -> None:
        """`instance`: from `instance_address`. `seconds`: the limit of each call."""
        self._instance = instance
        self._host = urlsplit(instance).netloc
        self._outbound = outbound
        self._seconds = seconds

    def register(self, *, name: str, redirect_uri: str) -> App:
        """Register this site at the instance. Raises `HandlerError`."""
        given = {"client_name": name, "redirect_uris": redirect_uri, "scopes": " ".join(SCOPES)}
        status, answer = self._call("POST", "/api/v1/apps", given)
        found = {key: answer.get(key) for key in ("client_id", "client_secret")}
        if status != 200 or not all(isinstance(one, str) and 0 < len(one) <= _LONGEST for one in found.values()):
            raise self._refusal(status, _("%(host)s does not register applications: is it an instance of Mastodon?"))
        return App(client_id=str(found["client_id"]), client_secret=str(found["client_secret"]))

    def token(self, app: App, *, code: str, verifier: str, redirect_uri: str) -> str:
        """Exchange the code of the redirect for a token. Raises `HandlerError`, including `UnknownApp`."""
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        status, answer = self._call("POST", "/oauth/token", given)
        if answer.get("error") == "invalid_client":
            raise UnknownApp(_("%(host)s no longer knows this site. Connect again.") % {"host": self._host})
        token = answer.get("access_token")
        if status != 200 or not isinstance(token, str) or not TOKEN.fullmatch(token):
            raise self._refusal(status, _("%(host)s no longer accepts this authorization. Connect again."))
        if missing := _missing(answer.get("scope")):
            text = _("%(host)s did not grant all required permissions (%(scopes)s). Connect again.")
            raise PermanentError(text % {"host": self._host, "scopes": ", ".join(missing)})
        return token

    def account(self, token: str) -> str:
        """Return the name of a token's account: "@me@mastodon.social". Raises `HandlerError`."""
        status, answer = self._call("GET", "/api/v1/accounts/verify_credentials", None, token)
        name = answer.get("username")
        if status != 200 or not isinstance(name, str) or not name:
            raise self._refusal(status, _("%(host)s did not return the account. Connect again."))
        return f"@{name}@{self._host}"

    def _refusal(self, status: int, text: str) -> HandlerError:
        if status >= 500 or status == 429:
            return Unavailable(_("%(host)s does not work at the moment. Try again later.") % {"host": self._host})
        return PermanentError(text % {"host": self._host})

    def _call(
        self, method: str, path: str, form: Mapping[str, str] | None, token: str = ""
    ) -> tuple[int, Mapping[str, Any]]:
        """Return the status, and the response if it is a JSON object, otherwise an empty one."""
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        timeout = (self._outbound.connect_timeout_seconds, self._seconds)
        with OutboundSession(self._outbound) as session, TimeCap(self._seconds) as cap:
            try:
                with session.request(
                    method, self._instance + path, data=form, headers=headers, stream=True, timeout=timeout,
                    allow_redirects=False,
                ) as response:  # fmt: skip
                    content = _read(response)
            except OSError as error:  # the base class of all exceptions of requests
                raise self._lost(error) from None
            if cap.is_over:  # a connection that was shut down may look like the end of the body
                raise self._lost(TimeoutError())
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            answer = {}
        return response.status_code, answer if isinstance(answer, dict) else {}

    def _lost(self, error: OSError) -> HandlerError:
        if (forbidden := find_forbidden(error)) is not None:
            return DestinationBroken(str(forbidden))
        return Unavailable(_("%(host)s could not be reached. Try again later.") % {"host": self._host})


def _read(response: requests.Response) -> bytes:
    content = bytearray()
    for chunk in response.iter_content(8192):
        content += chunk
        if len(content) > _MOST_BYTES:
            return b""  # too large for any of the expected responses
    return bytes(content)


def _missing(granted: object) -> list[str]:
    """Return the scopes that were not granted; "write" includes "write:media". None in the response: all granted."""
    if not isinstance(granted, str) or not granted:
        return []
    given = set(granted.split())
    return [scope for scope in SCOPES if not {scope, scope.partition(":")[0]} & given]
