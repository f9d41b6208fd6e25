"""One account: its session, and the records and files of its repository."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncqueue import DestinationBroken, PermanentError, RemotePart, Unavailable
from syncqueue.handlers.bluesky.answers import Gone, SessionOver
from syncqueue.handlers.bluesky.client import BlueskyClient, Request
from syncqueue.handlers.bluesky.options import account_name
from syncqueue.handlers.public import HandlerError, Place, Session, SharedSessions

POST = "post"  # the kind of its remote parts
COLLECTION = "app.bsky.feed.post"
PAGE_COUNT = 100  # maximum posts per page of the list

# A token that expires within this time is renewed first; an attempt takes less.
_MARGIN_SECONDS = 180.0
_USUAL_SECONDS = 90 * 60.0  # lifetime of a token without an expiry time; real ones have two hours
_DID = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]{1,200}")
_RKEY = re.compile(r"[A-Za-z0-9._:~-]{1,512}")

Record = Mapping[str, Any]  # as stored in the repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An existing record."""

    rkey: str
    cid: str
    value: Record


class Account:
    """An account as a destination describes it, for one job."""

    def __init__(self, client: BlueskyClient, sessions: SharedSessions, place: Place) -> None:
        """Start the job's time; raises `DestinationBroken` for an unusable destination."""
        self.client = client
        self.place = place
        self.ends_at = client.job_ends_at()
        self._sessions = sessions
        try:
            self._name = account_name(place.address)
            self._server = client.server(place)
        except ValueError:
            raise DestinationBroken("The address is no account, such as name.bsky.social.") from None
        if not place.secret.get("password"):
            raise DestinationBroken("The destination has no app password: enter one from the account's settings.")

    async def did(self) -> str:
        """Return the account's permanent id."""
        return (await self._session())["did"]

    async def describe(self) -> str:
        """Return the account's handle at the server; raises `DestinationBroken` if it may not post."""
        found = await self._ask("com.atproto.server.getSession")
        if found.get("active") is False:
            raise DestinationBroken("The account is deactivated. Activate it in its settings.")
        return str(found.get("handle") or self._name)

    async def put(self, rkey: str, record: Record) -> str:
        """Create a record at an unused key; returns its CID, also if this exact record exists already.

        Raises `Taken` if another record exists there.
        """
        body = {"repo": await self.did(), "collection": COLLECTION, "rkey": rkey, "record": record, "swapRecord": None}
        found = await self._do("com.atproto.repo.putRecord", body)
        if not str(found.get("uri", "")).endswith(f"/{rkey}") or not isinstance(found.get("cid"), str):
            raise _odd()
        cid: str = found["cid"]
        return cid

    async def get(self, rkey: str) -> Stored:
        """Return the present record; raises `Gone`."""
        if not _RKEY.fullmatch(rkey):
            raise Gone("There is no such record.")
        params = {"repo": await self.did(), "collection": COLLECTION, "rkey": rkey}
        found = _stored(await self._ask("com.atproto.repo.getRecord", params))
        if found is None or found.rkey != rkey:
            raise _odd()
        return found

    async def delete(self, rkey: str) -> None:
        """Delete a record, or find that it is gone."""
        body = {"repo": await self.did(), "collection": COLLECTION, "rkey": rkey}
        try:
            await self._do("com.atproto.repo.deleteRecord", body)
        except Gone:
            return

    async def page(self, after: str) -> tuple[list[Stored], str]:
        """Return a page of the account's posts, newest first, and the cursor of the next page: "" at the end."""
        params = {"repo": await self.did(), "collection": COLLECTION, "limit": str(PAGE_COUNT)}
        found = await self._ask("com.atproto.repo.listRecords", params | ({"cursor": after} if after else {}))
        rows = found.get("records")
        if not isinstance(rows, list):
            raise _odd()
        cursor = found.get("cursor")
        return [one for one in map(_stored, rows) if one is not None], cursor if isinstance(cursor, str) else ""

    async def upload(self, content: bytes, content_type: str) -> Record:
        """Upload a file; returns its reference for a record, which is always the same for the same file."""
        request = Request(name="com.atproto.repo.uploadBlob", content=content, content_type=content_type)
        found = (await self._call(request)).get("blob")
        if not isinstance(found, dict) or not isinstance(found.get("ref"), dict):
            raise _odd()
        return found

    async def resolve(self, handle: str) -> str | None:
        """Return the DID of another account; None if there is no such account, or if that is unknown now."""
        try:
            found = await self._ask("com.atproto.identity.resolveHandle", {"handle": handle})
        except (PermanentError, Unavailable):
            return None  # the text stays, without a link
        did = found.get("did")
        return did if isinstance(did, str) and _DID.fullmatch(did) else None

    async def rkey_of(self, part: RemotePart) -> str:
        """Return the key of an existing post. Raises `PermanentError` for a post of another account."""
        match = re.fullmatch(r"at://([^/]+)/[^/]+/([^/]+)", part.id)
        if match and match[1].startswith("did:") and match[1] != await self.did():
            raise PermanentError(f"It was posted by another account: remove it by hand ({part.url or part.id}).")
        return part.id.rstrip("/").rpartition("/")[2]

    async def part(self, rkey: str) -> RemotePart:
        """Return a post as a remote part."""
        did = await self.did()
        return RemotePart(
            kind=POST,
            id=f"at://{did}/{COLLECTION}/{rkey}",
            url=f"{self.client.web_url}/profile/{did}/post/{rkey}",
            address=self.place.address,
            identity=did,
        )

    async def reference(self, stored: Stored) -> dict[str, str]:
        """Return the reference to a post for a reply."""
        return {"uri": f"at://{await self.did()}/{COLLECTION}/{stored.rkey}", "cid": stored.cid}

    # Requests

    async def _ask(self, name: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        return await self._call(Request(name=name, is_query=True, params=params))

    async def _do(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self._call(Request(name=name, json=body))

    async def _call(self, request: Request) -> dict[str, Any]:
        """Send a request as the account; if its token is not accepted any more, again with a new one."""
        session = await self._session()
        try:
            return await self._send(request, session["access"])
        except SessionOver:
            session = await self._session(refused=session["access"])
            return await self._send(request, session["access"])

    async def _send(self, request: Request, token: str) -> dict[str, Any]:
        return await self.client.call(self._server, request, token=token, ends_at=self.ends_at)

    # The session

    async def _session(self, refused: str = "") -> Session:
        def is_good(session: Session) -> bool:
            access = session.get("access", "")
            until = float(session.get("until") or 0)
            return access not in ("", refused) and until > time.time() + _MARGIN_SECONDS

        wait_seconds = max(self.ends_at - time.monotonic() - 1.0, 0.0)
        return await self._sessions.current(
            self.place,
            is_good=is_good,
            renew=self._renew,
            wait_seconds=min(wait_seconds, self.client.attempt_seconds / 2),
        )

    async def _renew(self, stored: Session) -> Session:
        """Return a new session: with the refresh token, and with the password only if that is refused."""
        if refresh := stored.get("refresh"):
            request = Request(name="com.atproto.server.refreshSession")
            try:
                return self._opened(await self._send(request, refresh))
            except (SessionOver, PermanentError, DestinationBroken):
                pass  # it has expired, or was revoked
        return await self._log_in()

    async def _log_in(self) -> Session:
        body = {"identifier": self._name, "password": self.place.secret["password"]}
        request = Request(name="com.atproto.server.createSession", json=body, may_repeat=False)  # logins are counted
        try:
            return self._opened(await self._send(request, ""))
        except (SessionOver, PermanentError) as error:
            raise DestinationBroken(str(error)) from error

    def _opened(self, answer: Mapping[str, Any]) -> Session:
        did, access, refresh = (answer.get(name) for name in ("did", "accessJwt", "refreshJwt"))
        if not (isinstance(did, str) and _DID.fullmatch(did) and isinstance(access, str) and isinstance(refresh, str)):
            raise _odd()
        if answer.get("active") is False:
            raise DestinationBroken("The account is deactivated. Activate it in its settings.")
        if self._name.startswith("did:") and self._name != did:
            raise DestinationBroken("The server has opened another account than the one of this address.")
        return {"did": did, "access": access, "refresh": refresh, "until": str(_ends_at(access))}


def _ends_at(token: str) -> float:
    """Return when a token expires, in seconds since 1970. It is only parsed: the server verifies it."""
    try:
        middle = token.split(".")[1]
        content = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        return float(content["exp"])
    except (IndexError, KeyError, TypeError, ValueError):
        return time.time() + _USUAL_SECONDS


def _stored(row: Any) -> Stored | None:
    """Parse a record of a response; None for anything else."""
    if not isinstance(row, dict):
        return None
    uri, cid, value = row.get("uri"), row.get("cid"), row.get("value")
    if not (isinstance(uri, str) and isinstance(cid, str) and isinstance(value, dict)):
        return None
    return Stored(rkey=uri.rpartition("/")[2], cid=cid, value=value)


def _odd() -> HandlerError:
    return Unavailable("The server answers with something that is no AT Protocol.")
