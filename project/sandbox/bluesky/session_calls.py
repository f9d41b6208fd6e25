"""com.atproto.server.*: logins, tokens, and whose they are."""

from __future__ import annotations

from typing import Any

from .asking import Ask, Done, Known
from .errors import XrpcError, invalid, wrong_password
from .store import Account


def create(ask: Ask) -> Done:
    """A wrong password counts as a login too."""
    name, password = ask.params.get("identifier"), ask.params.get("password")
    if not isinstance(name, str) or not isinstance(password, str):
        raise invalid("Input/identifier must be a string")
    account = ask.named(name)
    if account is None:
        raise wrong_password()
    ask.sessions.note_login(account.did, ask.options)
    if password != account.password:
        raise wrong_password()
    access, refresh = ask.sessions.open(account.did, ask.options)
    return Done(result=_about(account) | {"accessJwt": access, "refreshJwt": refresh})


def renew(ask: Ask) -> Done:
    did, access, following = ask.sessions.refresh(ask.token, ask.options)
    return Done(result=_about(ask.of(did)) | {"accessJwt": access, "refreshJwt": following})


def end(ask: Ask) -> Done:
    ask.sessions.check(ask.token, is_refresh=True)
    ask.sessions.close(ask.token)
    return Done()


def show(ask: Ask) -> Done:
    return Done(result=_about(ask.me()))


def describe(ask: Ask) -> Done:
    return Done(result={"did": "did:web:localhost", "availableUserDomains": [".test"], "inviteCodeRequired": False})


def resolve(ask: Ask) -> Done:
    account = ask.named(str(ask.params.get("handle", "")))
    if account is None:
        raise XrpcError(400, "HandleNotFound", "Unable to resolve handle")
    return Done(result={"did": account.did})


def _about(account: Account) -> dict[str, Any]:
    return {"did": account.did, "handle": account.handle, "active": True}


CALLS = {
    "com.atproto.server.createSession": Known("POST", create),
    "com.atproto.server.refreshSession": Known("POST", renew),
    "com.atproto.server.deleteSession": Known("POST", end),
    "com.atproto.server.getSession": Known("GET", show),
    "com.atproto.server.describeServer": Known("GET", describe),
    "com.atproto.identity.resolveHandle": Known("GET", resolve),
}
