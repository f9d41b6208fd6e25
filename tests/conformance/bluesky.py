"""Bluesky for the conformance suite."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar

from project.sandbox.testing import RunningSandbox, running_sandbox
from syncqueue.models import Destination
from syncqueue.testing.conformance import Answer, Copy, Kind, pictures_by_content
from tests.bluesky_server.running import running_bluesky_server
from tests.conformance.sandboxed import SandboxedService

_PUT, _DELETE = "com.atproto.repo.putRecord", "com.atproto.repo.deleteRecord"
_SYNCQUEUE, _PHONE = 718, 7  # the last ten bits of keys that are made by the handler, and by another program


class Bluesky(SandboxedService):
    """An account. What is too long is a thread, and an edited post is a new one."""

    name: ClassVar[str] = "bluesky"
    address: ClassVar[str] = "thenotes.test"
    other_spelling: ClassVar[str] = "@Thenotes.test"
    trace_kinds: ClassVar[frozenset[str]] = frozenset({"sent"})
    edits: ClassVar[bool] = False
    takes_private: ClassVar[bool] = False
    finds_lost: ClassVar[bool] = True
    takes_lost_away: ClassVar[bool] = True
    keeps_a_trace: ClassVar[bool] = True
    can_be_read: ClassVar[bool] = True
    tells_content: ClassVar[bool] = True
    lists_copies: ClassVar[bool] = True
    takes_media: ClassVar[bool] = True
    methods: ClassVar[Mapping[Kind, str]] = {"create": _PUT, "edit": _PUT, "delete": _DELETE}
    permanent: ClassVar[Answer] = {"mode": "error", "status": 400, "method": _PUT}
    long_text: ClassVar[str] = "A long story that goes on and on. " * 40  # five posts

    def __init__(self, sandbox: RunningSandbox) -> None:
        """The sandbox is empty and up."""
        super().__init__(sandbox)
        # Each test has destinations of its own, and so has each a login.
        sandbox.set_options(self.name, login_limit=300)

    def settings(self, url: str) -> dict[str, Any]:
        """The server of destinations that name none."""
        return {"OPTIONS": {"PDS_URL": url}}

    def site_settings(self) -> dict[str, Any]:
        """The sandbox is on this machine."""
        return {"ALLOWED_PRIVATE_HOSTS": ["127.0.0.1", "localhost"]}

    @property
    def secret(self) -> Mapping[str, str]:
        """The first account's."""
        return {"password": self.sandbox.bluesky_account.password}

    def make_other_destination(self, **values: Any) -> Destination:
        """The second account."""
        row = self.make_destination(**{"name": "other", "address": "thearchive.test", **values})
        row.secret = {"password": self.sandbox.bluesky_second_account.password}
        row.save()
        return row

    def other_copies(self) -> Sequence[Copy]:
        """Of the second account."""
        return self._threads("thearchive.test")

    def copies(self, address: str | None = None) -> Sequence[Copy]:
        """Of the first account."""
        return self._threads("thenotes.test")

    def _threads(self, handle: str) -> Sequence[Copy]:
        """Threads, each as one text."""
        found: dict[str, Copy] = {}  # by the key of each post of the thread
        for post in self.sandbox.posts(handle):
            first = found.get(post["parent"] or "")
            thread = Copy(
                id=first.id if first else post["rkey"],
                text=f"{first.text} {post['text']}" if first else post["text"],
                pictures=(*(first.pictures if first else ()), *pictures_by_content(post["media"])),
            )
            found = {key: thread if copy.id == thread.id else copy for key, copy in found.items()}
            found[post["rkey"]] = thread
        return list({copy.id: copy for copy in found.values()}.values())

    def shows(self, copy: Copy, text: str) -> bool:
        """A thread's posts end where a reader pauses, so the white space there is not looked at."""
        return super().shows(copy, text) or (len(text) > 300 and copy.text.split() == text.split())

    def kind_of(self, entry: Mapping[str, Any]) -> Kind | None:
        """By method: an edit is a create and a deletion."""
        kinds: dict[str, Kind] = {_PUT: "create", _DELETE: "delete"}
        return kinds.get(entry["method"])

    def remove_by_hand(self, copy: Copy) -> None:
        """Its author deletes it, in another program."""
        self.sandbox.remove_post(copy.id)

    def change_by_hand(self, copy: Copy, text: str) -> None:
        """Its author edits it, in another program."""
        self.sandbox.change_post(copy.id, text)

    def add_by_hand(self, text: str) -> None:
        """Half an hour ago, by the site itself; and another one by a person's phone, which is no copy."""
        self.sandbox.post_on_bluesky(f"{text} by hand", clock=_PHONE, age_seconds=1800)
        self.sandbox.post_on_bluesky(text, clock=_SYNCQUEUE, age_seconds=1800)


# The folder with the packages of the reference server, and its Node; `make pytest-bluesky` sets them.
PACKAGES, NODE = (os.environ.get(name, "") for name in ("TEST_BLUESKY_PACKAGES", "TEST_BLUESKY_NODE"))


class ReferenceServer(Bluesky):
    """The same on the server that Bluesky itself runs: the sandbox hands all requests on to it."""

    @classmethod
    def start(cls) -> AbstractContextManager[RunningSandbox]:
        """Both, for all tests."""
        return _before_reference_server()


@contextmanager
def _before_reference_server() -> Iterator[RunningSandbox]:
    with (
        running_bluesky_server(NODE, Path(PACKAGES)) as url,
        running_sandbox(["--bluesky-upstream", url]) as sandbox,
    ):
        yield sandbox
