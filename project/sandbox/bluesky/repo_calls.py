"""com.atproto.repo.*: records and files."""

from __future__ import annotations

import io
import time
from typing import Any

from PIL import Image
from starlette.responses import Response

from .asking import Ask, Done, Known
from .errors import XrpcError, invalid
from .ids import TID, microseconds_of, tid_of
from .lexicon import check_post
from .store import COLLECTION, Account, Post

MOST_BLOB_BYTES = 5 * 1024 * 1024
MOST_PAGE = 100
RAW = frozenset({"com.atproto.repo.uploadBlob"})  # whose body is a file
POINTS = {
    "com.atproto.repo.createRecord": 3,
    "com.atproto.repo.putRecord": 2,
    "com.atproto.repo.deleteRecord": 1,
}
_ABSENT = object()


def put(ask: Ask) -> Done:
    """Make or change the record of a key.

    The same content again changes nothing, whatever `swapRecord` says: null (there is none yet) or a CID.
    """
    me = ask.my_repo()
    rkey, record = _key(ask), ask.params.get("record")
    _must_be_posts(ask)
    check_post(record, ask.options)
    assert isinstance(record, dict)  # noqa: S101 - checked above
    present = ask.store.find(me.did, rkey)
    if present is not None and present.record == record:
        return Done(result=_named(present))
    swap = ask.params.get("swapRecord", _ABSENT)
    if swap is not _ABSENT and swap != (present.cid if present else None):
        raise XrpcError(400, "InvalidSwap", f"Record was at {present.cid if present else 'null'}")
    post = ask.store.put(me.did, rkey, record)
    return _written(post)


def create(ask: Ask) -> Done:
    """Make a record; at a key that is taken it fails inside."""
    me, record = ask.my_repo(), ask.params.get("record")
    _must_be_posts(ask)
    rkey = _key(ask) if "rkey" in ask.params else tid_of(time.time_ns() // 1000)
    check_post(record, ask.options)
    assert isinstance(record, dict)  # noqa: S101 - checked above
    if ask.store.find(me.did, rkey) is not None:
        raise XrpcError(500, "InternalServerError", "Internal Server Error")
    return _written(ask.store.put(me.did, rkey, record))


def delete(ask: Ask) -> Done:
    """Take a record away; one that is not there is no error."""
    me, rkey = ask.my_repo(), str(ask.params.get("rkey", ""))
    post = ask.store.find(me.did, rkey)
    if post is None:
        return Done()
    swap = ask.params.get("swapRecord")
    if swap is not None and swap != post.cid:
        raise XrpcError(400, "InvalidSwap", f"Record was at {post.cid}")
    ask.store.delete(post)
    return Done(result={"commit": _commit(post)}, is_stored=True, message_id=microseconds_of(post.rkey))


def get(ask: Ask) -> Done:
    account, rkey = _repo(ask), str(ask.params.get("rkey", ""))
    post = ask.store.find(account.did, rkey)
    if post is None:
        where = f"at://{account.did}/{COLLECTION}/{rkey}"
        raise XrpcError(400, "RecordNotFound", f"Could not locate record: {where}")
    return Done(result={"uri": post.uri, "cid": post.cid, "value": post.record})


def show_all(ask: Ask) -> Done:
    """The newest first, as far as keys tell."""
    account, cursor = _repo(ask), str(ask.params.get("cursor", ""))
    text = str(ask.params.get("limit", "50"))
    if not text.isdecimal() or not 1 <= int(text) <= MOST_PAGE:
        raise invalid(f"limit can not be greater than {MOST_PAGE}")
    posts = [one for one in reversed(ask.store.of_account(account.did)) if not cursor or one.rkey < cursor]
    shown = posts[: int(text)]
    result: dict[str, Any] = {"records": [{"uri": one.uri, "cid": one.cid, "value": one.record} for one in shown]}
    return Done(result=result | ({"cursor": shown[-1].rkey} if shown else {}))


def upload(ask: Ask) -> Done:
    me = ask.me()
    if not ask.content_type:
        raise invalid("Request encoding (Content-Type) required but not provided")
    if len(ask.content) > MOST_BLOB_BYTES:
        raise XrpcError(413, "PayloadTooLarge", "request entity too large")
    blob = ask.store.add_blob(me.did, _kind(ask.content) or ask.content_type, ask.content)
    return Done(result={"blob": blob.as_json()})


def blob(ask: Ask) -> Done:
    found = ask.store.blobs.get((str(ask.params.get("did", "")), str(ask.params.get("cid", ""))))
    if found is None:
        raise XrpcError(400, "BlobNotFound", "Blob not found")
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
    return Done(response=Response(found.content, media_type=found.mime_type, headers=headers))


def _kind(content: bytes) -> str:
    try:
        with Image.open(io.BytesIO(content)) as image:
            return Image.MIME.get(str(image.format), "")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return ""


def _repo(ask: Ask) -> Account:
    account = ask.named(str(ask.params.get("repo", "")))
    if account is None:
        raise invalid("Could not find repo")
    return account


def _must_be_posts(ask: Ask) -> None:
    if ask.params.get("collection") != COLLECTION:
        raise invalid("This server keeps posts alone")


def _key(ask: Ask) -> str:
    rkey = ask.params.get("rkey")
    if not isinstance(rkey, str) or not TID.fullmatch(rkey):
        raise invalid("Invalid record key for app.bsky.feed.post: Invalid TID string")
    return rkey


def _written(post: Post) -> Done:
    result = _named(post) | {"commit": _commit(post)}
    return Done(result=result, is_stored=True, message_id=microseconds_of(post.rkey))


def _named(post: Post) -> dict[str, Any]:
    return {"uri": post.uri, "cid": post.cid, "validationStatus": "valid"}


def _commit(post: Post) -> dict[str, Any]:
    return {"cid": post.cid, "rev": tid_of(time.time_ns() // 1000)}


CALLS = {
    "com.atproto.repo.putRecord": Known("POST", put),
    "com.atproto.repo.createRecord": Known("POST", create),
    "com.atproto.repo.deleteRecord": Known("POST", delete),
    "com.atproto.repo.uploadBlob": Known("POST", upload),
    "com.atproto.repo.getRecord": Known("GET", get),
    "com.atproto.repo.listRecords": Known("GET", show_all),
    "com.atproto.sync.getBlob": Known("GET", blob),
}
