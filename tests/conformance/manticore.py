"""Manticore Search for the conformance suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import manticoresearch

from syncqueue.testing.conformance import Copy, Kind
from tests.conformance.sandboxed import SandboxedService


class Manticore(SandboxedService):
    """A table. There is no limit to a text."""

    name: ClassVar[str] = "manticore"
    can_be_read: ClassVar[bool] = True
    tells_content: ClassVar[bool] = True
    lists_copies: ClassVar[bool] = True
    address: ClassVar[str] = "notes"
    other_address: ClassVar[str] = "drafts"
    finds_lost: ClassVar[bool] = True
    takes_lost_away: ClassVar[bool] = True
    has_visibility: ClassVar[bool] = True
    # The first row of a table is preceded by the statements that make it.
    methods: ClassVar[Mapping[Kind, str]] = {"create": "replace", "edit": "replace", "delete": "delete"}

    def settings(self, url: str) -> dict[str, Any]:
        """The server's address."""
        return {"OPTIONS": {"URL": url}}

    @property
    def secret(self) -> Mapping[str, str]:
        """A token; the sandbox takes any."""
        return {"token": "a-token-of-the-suite"}

    def copies(self, address: str | None = None) -> Sequence[Copy]:
        """The rows, if there is a table."""
        try:
            rows = self.sandbox.documents(address or self.address)
        except LookupError:
            return []
        return [Copy(id=str(row["id"]), text=row["content"], is_private=bool(row["is_private"])) for row in rows]

    def kind_of(self, entry: Mapping[str, Any]) -> Kind | None:
        """A row is written in the same way the first time and later, so this alone tells what was taken away."""
        return "delete" if entry["method"] == "delete" else None

    def count(self, kind: Kind) -> int:
        """A replaced row is an edit where one was there before."""
        if kind == "delete":
            return super().count(kind)
        kinds: list[Kind] = []
        there: set[tuple[Any, Any]] = set()
        for entry in self.requests():
            row = (entry["params"].get("table"), entry["params"].get("id"))
            if entry["method"] == "replace" and entry["stored"]:
                kinds.append("edit" if row in there else "create")
                there.add(row)
            elif entry["method"] == "delete":
                there.discard(row)
        return kinds.count(kind)

    def remove_by_hand(self, copy: Copy) -> None:
        """Somebody deletes the row, by the same API."""
        with self._api() as client:
            request = manticoresearch.DeleteDocumentRequest(table=self.address, id=int(copy.id))
            manticoresearch.IndexApi(client).delete(request, _request_timeout=5.0)

    def change_by_hand(self, copy: Copy, text: str) -> None:
        """Somebody writes another row in its place."""
        self._replace(int(copy.id), text)

    def add_by_hand(self, text: str) -> None:
        """Somebody writes a row."""
        self._replace(77, text)

    def _replace(self, row_id: int, text: str) -> None:
        with self._api() as client:
            request = manticoresearch.InsertDocumentRequest(table=self.address, id=row_id, doc={"content": text})
            manticoresearch.IndexApi(client).replace(request, _request_timeout=5.0)

    def _api(self) -> manticoresearch.ApiClient:
        return manticoresearch.ApiClient(manticoresearch.Configuration(host=self.url))
