"""Accounts as their readers see them: threads with pictures and cards; and the same as JSON for judges."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import jinja2

from .ids import clock_of, microseconds_of
from .options import Options
from .sessions import Sessions
from .store import Account, Blob, Post, Store

POSTS_SHOWN_COUNT = 100  # of each account, the last ones
_PATH = re.compile(r"/profile/([^/]+)/post/([^/]+)")
_PAGE = jinja2.Environment(autoescape=True).from_string(
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>@{{ handle }}</title><p>{{ text }}</p>"
)


@dataclass(frozen=True, slots=True)
class PostView:
    """A post ready for the template."""

    post: Post
    images: list[tuple[Blob, str]]
    depth: int  # in its thread: 0 or 1

    @property
    def text(self) -> str:
        return str(self.post.seen["text"])

    @property
    def card(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.post.seen.get("embed", {}).get("external")
        return found

    @property
    def at(self) -> int:
        return microseconds_of(self.post.rkey) // 1_000_000

    @property
    def is_edited(self) -> bool:
        return self.post.record != self.post.seen


@dataclass(frozen=True, slots=True)
class AccountView:
    account: Account
    views: list[PostView]
    count: int

    @property
    def hidden_count(self) -> int:
        return self.count - len(self.views)


def account_views(store: Store, accounts: Sequence[Account]) -> list[AccountView]:
    """All accounts with their last posts, oldest first."""
    found = []
    for account in accounts:
        posts = store.of_account(account.did)
        views = [
            PostView(post, store.images_of(post), 1 if "reply" in post.seen else 0)
            for post in posts[-POSTS_SHOWN_COUNT:]
        ]
        found.append(AccountView(account, views, len(posts)))
    return found


def state_of(store: Store, accounts: Sequence[Account], sessions: Sessions, options: Options) -> dict[str, Any]:
    """What was posted, deleted posts too, as JSON."""
    shown = []
    for account in accounts:
        posts = [_seen(store, post) for post in store.posts if post.did == account.did]
        shown.append({"did": account.did, "handle": account.handle, "posts": posts})
    return {
        "accounts": shown,
        "options": asdict(options),
        "login_count": sessions.login_count,
        "refresh_count": sessions.refresh_count,
    }


def _seen(store: Store, post: Post) -> dict[str, Any]:
    reply = post.seen.get("reply")
    pictures = [
        {"alt": alt, "size": len(blob.content), "sha256": hashlib.sha256(blob.content).hexdigest()}
        for blob, alt in store.images_of(post)
    ]
    return {
        "rkey": post.rkey,
        "uri": post.uri,
        "cid": post.cid,
        "text": post.seen["text"],  # what readers see: the first version
        "record": post.record,
        "parent": reply["parent"]["uri"].rpartition("/")[2] if reply else None,
        "root": reply["root"]["uri"].rpartition("/")[2] if reply else None,
        "media": pictures,
        "clock": clock_of(post.rkey),
        "put_count": post.put_count,
        "deleted": post.is_deleted,
    }


def post_page(store: Store, accounts: Sequence[Account], path: str) -> str | None:
    """The page of a post, for people who follow a link to it. None: there is none."""
    match = _PATH.fullmatch(path)
    account = next((one for one in accounts if match and match[1] in (one.did, one.handle)), None)
    post = store.find(account.did, match[2]) if match and account else None
    return _PAGE.render(handle=account.handle, text=post.seen["text"]) if account and post else None
