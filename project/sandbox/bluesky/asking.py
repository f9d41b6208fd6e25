"""What a call is given, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.responses import Response

from .errors import XrpcError
from .options import Options
from .sessions import Sessions
from .store import Account, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request."""

    store: Store
    sessions: Sessions
    options: Options
    accounts: Sequence[Account]
    token: str
    params: Mapping[str, Any]
    content: bytes
    content_type: str

    def named(self, name: str) -> Account | None:
        """An account by handle or DID."""
        return next((one for one in self.accounts if name.lower() in (one.handle, one.did)), None)

    def of(self, did: str) -> Account:
        return next(one for one in self.accounts if one.did == did)

    def me(self) -> Account:
        """Whose access token it is. Raises `XrpcError`."""
        return self.of(self.sessions.check(self.token).did)

    def my_repo(self) -> Account:
        """The account that `repo` names, if it is the token's own. Raises `XrpcError`."""
        me = self.me()
        if self.named(str(self.params.get("repo", ""))) is not me:
            raise XrpcError(401, "AuthMissing", "Authentication Required")
        return me


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An answer."""

    result: dict[str, Any] = field(default_factory=dict)
    response: Response | None = None  # instead of JSON
    is_stored: bool = False  # it has changed what is there
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A method of the API."""

    verb: Literal["GET", "POST"]
    answer: Callable[[Ask], Done]
