"""Webhooks for the conformance suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tests.conformance.service import Copy, Kind, ServiceUnderTest

_KINDS: Mapping[str, Kind] = {"created": "create", "updated": "edit", "deleted": "delete"}


class Webhook(ServiceUnderTest):
    """A receiver that keeps objects by their id, and drops events it has had. There is no limit to a text."""

    name: ClassVar[str] = "webhook"
    can_be_read: ClassVar[bool] = False
    tells_content: ClassVar[bool] = False
    lists_copies: ClassVar[bool] = False
    address: ClassVar[str] = "notes"
    other_address: ClassVar[str] = "drafts"
    other_spelling: ClassVar[str] = "HTTP://{host}/notes"
    finds_lost: ClassVar[bool] = True
    takes_lost_away: ClassVar[bool] = True
    has_visibility: ClassVar[bool] = True

    @property
    def url(self) -> str:
        """The receivers."""
        return self.sandbox.webhook_url

    def settings(self, url: str) -> dict[str, Any]:
        """Nothing: a destination names its receiver."""
        return {}

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
