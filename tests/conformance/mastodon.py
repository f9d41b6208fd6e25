"""Mastodon for the conformance suite, and the servers that speak its API and are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination
from syncqueue.testing.conformance import Answer, Copy, Kind, pictures_by_content
from tests.conformance.sandboxed import SandboxedService

_KINDS: Mapping[str, Kind] = {
    "POST /statuses": "create",
    "PUT /statuses": "edit",
    "DELETE /statuses": "delete",
}


class Mastodon(SandboxedService):
    """An account. What is too long is a thread."""

    name: ClassVar[str] = "mastodon"
    can_be_read: ClassVar[bool] = True
    tells_content: ClassVar[bool] = True
    lists_copies: ClassVar[bool] = True
    takes_media: ClassVar[bool] = True
    flavour: ClassVar[str] = "mastodon"  # of the sandbox
    other_spelling: ClassVar[str] = "{url}/"
    has_visibility: ClassVar[bool] = True
    finds_lost: ClassVar[bool] = True
    keeps_a_trace: ClassVar[bool] = True
    trace_kinds: ClassVar[frozenset[str]] = frozenset({"sent", "picture"})
    takes_lost_away: ClassVar[bool] = True
    methods: ClassVar[Mapping[Kind, str]] = {kind: method for method, kind in _KINDS.items()}
    permanent: ClassVar[Answer] = {"mode": "error", "status": 422}
    long_text: ClassVar[str] = "A long story that goes on and on. " * 40  # three statuses

    def __init__(self, sandbox: RunningSandbox) -> None:
        """The sandbox is empty and up."""
        super().__init__(sandbox)
        # Deletions are what the suite does most; what their limit comes to is tested elsewhere.
        sandbox.set_options(self.name, flavour=self.flavour, delete_limit=300)

    def site_settings(self) -> dict[str, Any]:
        """The sandbox is on this machine."""
        return {"ALLOWED_PRIVATE_HOSTS": ["127.0.0.1", "localhost"]}

    @property
    def secret(self) -> Mapping[str, str]:
        """The sandbox's first account."""
        return {"access_token": self.sandbox.mastodon_token}

    def at(self, url: str, address: str = "") -> str:
        """The instance itself is the address."""
        return url

    def make_other_destination(self, **values: Any) -> Destination:
        """The sandbox's second account."""
        row = self.make_destination(**{"name": "other", **values})
        row.secret = {"access_token": self.sandbox.mastodon_second_token}
        row.save()
        return row

    def other_copies(self) -> Sequence[Copy]:
        """Of the second account."""
        return self._threads("@archive")

    def copies(self, address: str | None = None) -> Sequence[Copy]:
        """Of the first account."""
        return self._threads("@notes")

    def _threads(self, account: str) -> Sequence[Copy]:
        """Threads, each as one text."""
        found: dict[str, Copy] = {}  # by the id of each status of the thread
        for status in self.sandbox.statuses(account):
            first = found.get(status["in_reply_to_id"] or "")
            thread = Copy(
                id=first.id if first else status["id"],
                text=f"{first.text} {status['text']}" if first else status["text"],
                is_private=status["visibility"] in ("private", "direct"),
                pictures=(*(first.pictures if first else ()), *pictures_by_content(status["media"])),
            )
            found = {number: thread if copy.id == thread.id else copy for number, copy in found.items()}
            found[status["id"]] = thread
        return list({copy.id: copy for copy in found.values()}.values())

    def shows(self, copy: Copy, text: str) -> bool:
        """A thread's statuses end where a reader pauses, so the white space there is not looked at."""
        return super().shows(copy, text) or (len(text) > 500 and copy.text.split() == text.split())

    def kind_of(self, entry: Mapping[str, Any]) -> Kind | None:
        """By method and path."""
        return _KINDS.get(entry["method"])

    def remove_by_hand(self, copy: Copy) -> None:
        """Its author deletes it, in another program."""
        self.sandbox.remove_status(copy.id)

    def change_by_hand(self, copy: Copy, text: str) -> None:
        """Its author edits it, in another program."""
        self.sandbox.change_status(copy.id, text=text)

    def add_by_hand(self, text: str) -> None:
        """Half an hour ago, by the site itself; and another one by a person's phone, which is no copy."""
        self.sandbox.post_status(f"{text} by hand", application="A phone", age_seconds=1800)
        self.sandbox.post_status(text, age_seconds=1800)


class GoToSocial(Mastodon):
    """It refuses an edit that changes nothing, keeps no idempotency keys, and counts code points."""

    flavour: ClassVar[str] = "gotosocial"
    takes_lost_away: ClassVar[bool] = (
        False  # of a process that was killed before it could store what it was about to do
    )


class Takahe(GoToSocial):
    """An edit makes a status public there, private ones are not in the account's list, and errors are pages."""

    flavour: ClassVar[str] = "takahe"
    lists_copies: ClassVar[bool] = False


class OtherServer(GoToSocial):
    """The worst of all, says nothing of what it is, and has neither sources nor a history of edits."""

    flavour: ClassVar[str] = "other"
    lists_copies: ClassVar[bool] = False

    def __init__(self, sandbox: RunningSandbox) -> None:
        """The sandbox is such a server."""
        super().__init__(sandbox)
        sandbox.set_options(self.name, history=False)
