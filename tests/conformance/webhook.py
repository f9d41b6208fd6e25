"""Webhooks for the conformance suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from syncqueue.testing.conformance import Copy, Kind
from tests.conformance.sandboxed import SandboxedService

_KINDS: Mapping[str, Kind] = {"created": "create", "updated": "edit", "deleted": "delete"}


class Webhook(SandboxedService):
    """A receiver that keeps objects by their id, and drops events it has had. There is no limit to a text."""

    name: ClassVar[str] = "webhook"
    takes_media: ClassVar[bool] = True
    reads_answers: ClassVar[bool] = False
    address: ClassVar[str] = "notes"
    other_address: ClassVar[str] = "drafts"
    other_spelling: ClassVar[str] = "HTTP://{host}/notes"
    finds_lost: ClassVar[bool] = True
    takes_lost_away: ClassVar[bool] = True
    has_visibility: ClassVar[bool] = True

    def site_settings(self) -> dict[str, Any]:
        """The sandbox is on this machine."""
        return {"ALLOWED_PRIVATE_HOSTS": ["127.0.0.1", "localhost"]}

    @property
    def secret(self) -> Mapping[str, str]:
        """What the sandbox checks signatures with."""
        return {"secret": self.sandbox.webhook_secret}

    def at(self, url: str, address: str = "") -> str:
        """A path of the receivers' host."""
        return f"{url}/{address or self.address}"

    def copies(self, address: str | None = None) -> Sequence[Copy]:
        """Objects, as the last event told of each."""
        return [
            Copy(
                id=one["id"],
                text=one["data"]["text"],
                is_private=one["data"]["is_private"],
                pictures=tuple(media["name"].partition(".")[0] for media in one["data"]["media"]),
            )
            for one in self.sandbox.received(address or self.address)
        ]

    def kind_of(self, entry: Mapping[str, Any]) -> Kind | None:
        """By the last word of the type."""
        return _KINDS.get(entry["method"])

    def remove_by_hand(self, copy: Copy) -> None:
        """Somebody deletes it in the receiver's own pages."""
        self.sandbox.remove_received(self.address, copy.id)
