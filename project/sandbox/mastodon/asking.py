"""What a call of the API knows, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .errors import unauthorized
from .options import Options
from .params import Params
from .store import Account, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request to the API, with the server it came to."""

    store: Store
    options: Options
    accounts: list[Account]
    base_url: str  # as the client called it; links in answers begin with it
    account: Account | None = None  # None: without a token
    id: int = 0  # the one in the path
    params: Params = field(default_factory=Params)
    idempotency_key: str = ""

    @property
    def owner(self) -> Account:
        """The account whose token was sent. Raises `ApiError` 401 without one."""
        if self.account is None:
            raise unauthorized()
        return self.account

    def named(self, name: str) -> Account:
        return next(account for account in self.accounts if account.name == name)


@dataclass(frozen=True, slots=True)
class Done:
    """What a call answers, and the id of what it posted, edited, uploaded or deleted (None: nothing changed)."""

    result: Any
    stored_id: int | None = None
    status: int = 200
