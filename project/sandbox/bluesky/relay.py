"""The same switches, log and page before a real server: each request is handed on to it, and it alone decides.

It has no readers of its own, so what its repository holds counts as what they see.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.responses import Response
from starlette.routing import BaseRoute

from syncqueue.testing.sandbox import Call, Outcome

from .asking import Ask
from .control import Control
from .ids import microseconds_of
from .page import account_views, state_of
from .repo_calls import CALLS as REPO_CALLS
from .service import DEFAULT_ACCOUNTS, BlueskyService
from .session_calls import CALLS as SESSION_CALLS
from .sessions import Sessions
from .store import COLLECTION, Account, Blob, Post, Store, blobs_of

_SECONDS = 30.0
_CALLS = {**SESSION_CALLS, **REPO_CALLS}
# Of one connection alone.
_OWN_HEADERS = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "vary"})


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        found = json.loads(self.body)
        if self.status != 200:
            raise RuntimeError(f"The server answers {self.status}: {found}")
        return dict(found)


class Upstream:
    """The real server, asked in a plain way: it is on this machine, and answers at once."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc

    def send(self, verb: str, name: str, query: Mapping[str, Any], body: bytes, headers: Mapping[str, str]) -> _Answer:
        connection = HTTPConnection(self._host, timeout=_SECONDS)
        try:
            path = f"/xrpc/{name}" + (f"?{urlencode(query)}" if query else "")
            connection.request(verb, path, body or None, dict(headers))
            response = connection.getresponse()
            return _Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def ask(self, name: str, query: Mapping[str, Any], token: str = "") -> dict[str, Any]:
        return self.send("GET", name, query, b"", _bearer(token)).json()

    def tell(self, name: str, body: Mapping[str, Any], token: str = "") -> dict[str, Any]:
        headers = {"Content-Type": "application/json", **_bearer(token)}
        return self.send("POST", name, {}, json.dumps(body).encode(), headers).json()


class BlueskyRelay(BlueskyService):
    """A real server with the accounts of the stand-in."""

    def __init__(self, url: str) -> None:
        self._upstream = Upstream(url)
        self._store_there = _StoreThere(self._upstream)
        super().__init__([self._store_there.log_in(account) for account in DEFAULT_ACCOUNTS])

    def perform(self, call: Call) -> Outcome:
        ask: Ask = call.arguments
        verb = _CALLS[call.method].verb
        headers = {**_bearer(ask.token), **({"Content-Type": ask.content_type} if ask.content_type else {})}
        query = ask.params if verb == "GET" else {}
        answer = self._upstream.send(verb, call.method, query, ask.content, headers)
        response = Response(answer.body, status_code=answer.status)
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _OWN_HEADERS}
        response.headers.update(kept)
        is_stored = answer.status == 200 and b'"commit"' in answer.body
        number = microseconds_of(str(ask.params["rkey"])) if is_stored and "rkey" in ask.params else None
        return Outcome(response=response, stored=is_stored, message_id=number)

    def state(self) -> dict[str, Any]:
        return state_of(self._store_there.read(), self._accounts, Sessions(), self._options)

    def page(self) -> dict[str, Any]:
        return {"accounts": account_views(self._store_there.read(), self._accounts)}

    def reset(self) -> None:
        super().reset()
        store = self._store_there.read()
        for post in list(store.posts):
            store.delete(post)

    def dump(self) -> dict[str, Any]:
        return {}  # it keeps its own

    def load(self, dumped: dict[str, Any]) -> None:
        """Nothing is loaded."""

    def control_routes(self) -> Sequence[BaseRoute]:
        return Control(self._store_there, self._accounts, Sessions, self._set_options).routes()


class _StoreThere(Store):
    """The posts and files of a real server, read anew each time, and changed as their authors would."""

    def __init__(self, upstream: Upstream) -> None:
        super().__init__()
        self._upstream = upstream
        self._tokens: dict[str, str] = {}  # by DID

    def log_in(self, account: Account) -> Account:
        """The account with its real DID."""
        found = self._upstream.tell(
            "com.atproto.server.createSession", {"identifier": account.handle, "password": account.password}
        )
        self._tokens[found["did"]] = found["accessJwt"]
        return Account(found["did"], account.handle, account.password)

    def read(self) -> Store:
        """What is there now."""
        self.posts = [post for did in self._tokens for post in self._posts_of(did)]
        for post in self.posts:
            for cid in blobs_of(post.record):
                if (post.did, cid) not in self.blobs:
                    self.blobs[post.did, cid] = self._blob(post.did, cid)
        return self

    def find(self, did: str, rkey: str) -> Post | None:
        self.read()
        return super().find(did, rkey)

    def there(self, rkey: str) -> Post | None:
        self.read()
        return super().there(rkey)

    def put(self, did: str, rkey: str, record: dict[str, Any]) -> Post:
        body = {"repo": did, "collection": COLLECTION, "rkey": rkey, "record": record}
        self._upstream.tell("com.atproto.repo.putRecord", body, self._tokens[did])
        return Post(did=did, rkey=rkey, record=record, seen=record)

    def change(self, post: Post, text: str) -> None:
        self.put(post.did, post.rkey, {**post.record, "text": text})

    def delete(self, post: Post) -> None:
        body = {"repo": post.did, "collection": COLLECTION, "rkey": post.rkey}
        self._upstream.tell("com.atproto.repo.deleteRecord", body, self._tokens[post.did])

    def _posts_of(self, did: str) -> list[Post]:
        found: list[Post] = []
        cursor = ""
        while True:
            query = {"repo": did, "collection": COLLECTION, "limit": 100} | ({"cursor": cursor} if cursor else {})
            page = self._upstream.ask("com.atproto.repo.listRecords", query)
            for row in page["records"]:
                record, rkey = row["value"], row["uri"].rpartition("/")[2]
                found.append(Post(did=did, rkey=rkey, record=record, seen=record))
            cursor = page.get("cursor", "")
            if not cursor or not page["records"]:
                return found

    def _blob(self, did: str, cid: str) -> Blob:
        answer = self._upstream.send("GET", "com.atproto.sync.getBlob", {"did": did, "cid": cid}, b"", {})
        kind = {name.lower(): value for name, value in answer.headers.items()}.get("content-type", "")
        return Blob(did=did, cid=cid, mime_type=kind, content=answer.body)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
