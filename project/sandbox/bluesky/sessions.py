"""Logins and tokens."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections import defaultdict, deque
from dataclasses import dataclass

from .errors import XrpcError, expired, too_many
from .options import Options

GRACE_SECONDS = 7200.0  # for which a refresh token may be used again; it gives the same next one
_WINDOWS = (300.0, 86_400.0)


@dataclass(slots=True, kw_only=True)
class Token:
    """One token that was handed out."""

    text: str
    did: str
    is_refresh: bool
    until: float  # epoch seconds
    next: str = ""  # of a refresh token: the one that it was changed for
    used_at: float = 0.0


class Sessions:
    """The tokens of all accounts. They end with the process: a restarted server knows none of them."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._logins: dict[str, deque[float]] = defaultdict(deque)
        self.login_count = self.refresh_count = 0

    def note_login(self, did: str, options: Options) -> float:
        """Count a login, a wrong one too. Raises `XrpcError` 429; returns nothing of use otherwise."""
        now = time.time()
        seen = self._logins[did]
        while seen and seen[0] < now - _WINDOWS[1]:
            seen.popleft()
        for limit, seconds in zip((options.login_limit, options.daily_login_limit), _WINDOWS, strict=True):
            within = [at for at in seen if at > now - seconds]
            if len(within) >= limit:
                raise too_many()
        seen.append(now)
        return now

    def login_wait_seconds(self, did: str, options: Options) -> int:
        """How long an account that has used up its logins waits."""
        now, seen = time.time(), self._logins[did]
        waits = [
            within[-limit] + seconds - now
            for limit, seconds in zip((options.login_limit, options.daily_login_limit), _WINDOWS, strict=True)
            if len(within := [at for at in seen if at > now - seconds]) >= limit
        ]
        return max(int(max(waits, default=0)) + 1, 1)

    def open(self, did: str, options: Options) -> tuple[str, str]:
        """An access and a refresh token."""
        self.login_count += 1
        return self._new(did, options, is_refresh=False).text, self._new(did, options, is_refresh=True).text

    def refresh(self, text: str, options: Options) -> tuple[str, str, str]:
        """DID, access and refresh token. Raises `XrpcError`."""
        token = self.check(text, is_refresh=True)
        now = time.time()
        if token.next and now > token.used_at + GRACE_SECONDS:
            raise expired("Token has been revoked")
        self.refresh_count += 1
        following = self._tokens.get(token.next) or self._new(token.did, options, is_refresh=True)
        token.next, token.used_at = following.text, token.used_at or now
        return token.did, self._new(token.did, options, is_refresh=False).text, following.text

    def check(self, text: str, *, is_refresh: bool = False) -> Token:
        """The token, if it is one of the kind. Raises `XrpcError`."""
        if not text:
            raise XrpcError(401, "AuthMissing", "Authentication Required")
        token = self._tokens.get(text)
        if token is None or token.is_refresh is not is_refresh:
            raise XrpcError(400, "InvalidToken", "Token could not be verified")
        if token.until <= time.time():
            raise expired()
        return token

    def close(self, text: str) -> None:
        """Forget a refresh token."""
        self._tokens.pop(text, None)

    def expire(self, *, refresh_too: bool) -> None:
        """End all access tokens now, or all tokens."""
        for token in self._tokens.values():
            if refresh_too or not token.is_refresh:
                token.until = 0.0

    def reset(self) -> None:
        self.__init__()  # type: ignore[misc]

    def _new(self, did: str, options: Options, *, is_refresh: bool) -> Token:
        until = time.time() + (options.refresh_seconds if is_refresh else options.access_seconds)
        scope = "com.atproto.refresh" if is_refresh else "com.atproto.appPass"
        parts = ({"typ": "refresh+jwt" if is_refresh else "at+jwt", "alg": "HS256"}, {
            "scope": scope, "sub": did, "exp": int(until), "jti": secrets.token_hex(8)
        })  # fmt: skip
        text = ".".join([*(_encoded(json.dumps(part).encode()) for part in parts), _encoded(secrets.token_bytes(32))])
        self._tokens[text] = Token(text=text, did=did, is_refresh=is_refresh, until=until)
        return self._tokens[text]


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
