"""The accounts with their posts and files."""

from __future__ import annotations

import base64
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from .errors import XrpcError
from .ids import blob_cid, record_cid

COLLECTION = "app.bsky.feed.post"
KEPT_BLOB_BYTES = 64 * 1024 * 1024  # of all files together; the oldest that no post shows are forgotten


@dataclass(frozen=True, slots=True)
class Account:
    """One account, which one app password opens."""

    did: str
    handle: str
    password: str

    @property
    def name(self) -> str:
        return self.handle.partition(".")[0]


@dataclass(slots=True, kw_only=True)
class Post:
    """One record. Readers go on seeing the first version."""

    did: str
    rkey: str
    record: dict[str, Any]
    seen: dict[str, Any]  # what readers see
    is_deleted: bool = False
    put_count: int = 1  # how often it has changed, the first time too

    @property
    def uri(self) -> str:
        return f"at://{self.did}/{COLLECTION}/{self.rkey}"

    @property
    def cid(self) -> str:
        return record_cid(self.record)


@dataclass(slots=True, kw_only=True)
class Blob:
    """A file that was uploaded."""

    did: str
    cid: str
    mime_type: str
    content: bytes
    at: float = field(default_factory=time.time)

    def as_json(self) -> dict[str, Any]:
        return {"$type": "blob", "ref": {"$link": self.cid}, "mimeType": self.mime_type, "size": len(self.content)}


class Store:
    """Everything the server keeps."""

    def __init__(self) -> None:
        self.posts: list[Post] = []  # deleted ones too, in the order in which they were made
        self.blobs: dict[tuple[str, str], Blob] = {}

    def find(self, did: str, rkey: str) -> Post | None:
        return next((one for one in self.posts if (one.did, one.rkey) == (did, rkey) and not one.is_deleted), None)

    def there(self, rkey: str) -> Post | None:
        """A post that is there, of any account."""
        return next((one for one in self.posts if one.rkey == rkey and not one.is_deleted), None)

    def change(self, post: Post, text: str) -> None:
        """Its author edits it, in another program. Readers go on seeing the first text."""
        post.record = {**post.record, "text": text}

    def of_account(self, did: str) -> list[Post]:
        """The posts that are there, by their keys."""
        return sorted((one for one in self.posts if one.did == did and not one.is_deleted), key=lambda one: one.rkey)

    def put(self, did: str, rkey: str, record: dict[str, Any]) -> Post:
        """Make or change a post. Raises `XrpcError` for files that are not there."""
        for cid in blobs_of(record):
            if (did, cid) not in self.blobs:
                raise XrpcError(400, "BlobNotFound", f"Could not find blob: {cid}")
        post = self.find(did, rkey)
        if post is None:
            post = Post(did=did, rkey=rkey, record=record, seen=record)
            self.posts.append(post)
        else:
            post.record = record
            post.put_count += 1
        self._forget_unused(did)
        return post

    def delete(self, post: Post) -> None:
        post.is_deleted = True
        self._forget(post.did, blobs_of(post.record))

    def add_blob(self, did: str, mime_type: str, content: bytes) -> Blob:
        """Keep an upload; the same bytes are the same file."""
        blob = Blob(did=did, cid=blob_cid(content), mime_type=mime_type, content=content)
        return self.blobs.setdefault((did, blob.cid), blob)

    def images_of(self, post: Post) -> list[tuple[Blob, str]]:
        """The pictures that readers see, with their descriptions."""
        shown = post.seen.get("embed", {}).get("images", [])
        found = ((self.blobs.get((post.did, one["image"]["ref"]["$link"])), one["alt"]) for one in shown)
        return [(blob, alt) for blob, alt in found if blob is not None]

    def reset(self) -> None:
        self.posts.clear()
        self.blobs.clear()

    def _used(self, did: str) -> set[str]:
        posts = [one for one in self.posts if one.did == did and not one.is_deleted]
        return {cid for one in posts for record in (one.record, one.seen) for cid in blobs_of(record)}

    def _forget(self, did: str, cids: list[str]) -> None:
        """Forget files whose last post is gone."""
        used = self._used(did)
        for cid in cids:
            if cid not in used:
                self.blobs.pop((did, cid), None)

    def _forget_unused(self, did: str) -> None:
        kept, used = sum(len(blob.content) for blob in self.blobs.values()), self._used(did)
        for key, blob in list(self.blobs.items()):
            if kept <= KEPT_BLOB_BYTES:
                return
            if key[0] == did and key[1] not in used:
                kept -= len(blob.content)
                del self.blobs[key]

    def dump(self) -> dict[str, Any]:
        """Everything, as JSON for `load`."""
        blobs = [{**asdict(blob), "content": base64.b64encode(blob.content).decode()} for blob in self.blobs.values()]
        return {"posts": [asdict(post) for post in self.posts], "blobs": blobs}

    def load(self, dumped: dict[str, Any]) -> None:
        self.posts = [Post(**values) for values in dumped["posts"]]
        found = (Blob(**{**values, "content": base64.b64decode(values["content"])}) for values in dumped["blobs"])
        self.blobs = {(blob.did, blob.cid): blob for blob in found}


def blobs_of(record: dict[str, Any]) -> list[str]:
    """The files that a checked record names."""
    embed = record.get("embed", {})
    found = [one["image"]["ref"]["$link"] for one in embed.get("images", [])]
    thumb = embed.get("external", {}).get("thumb")
    return [*found, thumb["ref"]["$link"]] if thumb else found
