"""`verify` over a table, as its server stores values."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections

import syncqueue
from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue.handlers.base import CopyPage, Place
from syncqueue.handlers.manticore import reading
from syncqueue.handlers.manticore.handler import ManticoreHandler
from syncqueue.models import Destination, SyncRecord
from tests.integration.commands.calling import call
from tests.services.manticore.conftest import TOKEN, fill, work
from tests.services.manticore.test_troubles import contents

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("index")]

FIELDS = {
    "rank": "integer", "big": "bigint", "weight": "float", "good": "boolean", "at": "timestamp", "numbers": "multi",
    "about": "json", "word": "string", "nothing": "text",
}  # fmt: skip
VALUES = {
    "rank": 7, "big": -(2**62), "weight": 0.1, "good": True, "at": datetime(2026, 5, 1, tzinfo=UTC),
    "numbers": [3, 1, 3], "about": {"a": [1, {"b": None}]}, "word": "one\n two", "nothing": None,
}  # fmt: skip


def verified() -> dict[str, Any]:
    """What the command says of the one destination."""
    found: dict[str, Any] = call("verify", "--json").data[0]
    return found


@pytest.fixture
def all_types(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Notes have a field of each type. What is returned may be changed."""
    values = dict(VALUES)
    real = NoteSync.document

    def document(self: NoteSync, note: Note) -> syncqueue.Document:
        made = real(self, note)
        return syncqueue.Document(text=made.text, tags=made.tags, fields={**made.fields, **values})

    monkeypatch.setattr(NoteSync, "search_fields", {**NoteSync.search_fields, **FIELDS})
    monkeypatch.setattr(NoteSync, "document", document)
    return values


def test_fields_of_every_type_are_as_they_should_be(writer: User, all_types: dict[str, Any]) -> None:
    fill(writer, "One")
    all_types["nothing"] = "A NUL \0 and half an emoji \ud83d"
    fill(writer, "Two")
    said = verified()
    assert (said["looked"], said["changed"], said["untold"]) == (2, 1, 0)  # the first has no such text yet


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rank", 8), ("big", 2**62), ("weight", 0.2), ("good", False), ("numbers", [1]), ("about", {"a": []}),
        ("word", "two"), ("nothing", "something"), ("at", datetime(2026, 5, 2, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_field_of_any_type_that_differs_is_seen(
    writer: User, all_types: dict[str, Any], name: str, value: object
) -> None:
    fill(writer, "One")
    all_types[name] = value
    assert verified()["changed"] == 1


def test_a_field_that_no_row_has_yet_is_put_there_by_mend(
    writer: User, index: Destination, request: pytest.FixtureRequest, sandbox: RunningSandbox
) -> None:
    fill(writer, "One")
    request.getfixturevalue("all_types")
    assert verified()["changed"] == 1
    call("verify", "--mend")
    work()
    assert verified()["changed"] == 0
    assert sandbox.documents("notes")[0]["rank"] == 7


def test_a_table_of_many_pages_is_read_to_its_end(
    writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE_COUNT", 3)
    fill(writer, *(f"Note {number}" for number in range(7)))
    kept = SyncRecord.objects.order_by("pk").last()
    assert kept is not None
    SyncRecord.objects.exclude(pk=kept.pk).delete()
    said = verified()
    assert (said["looked"], said["unknown"]) == (1, 6)
    assert len({one["id"] for one in said["found"]}) == 6


def test_a_table_that_vanished_is_all_gone_in_a_few_requests(
    writer: User, sandbox: RunningSandbox, index: Destination
) -> None:
    fill(writer, *(f"Note {number}" for number in range(40)))
    sandbox.manticore_sql("DROP TABLE notes")
    before = len(sandbox.log())
    said = verified()
    assert (said["finished"], said["looked"], said["gone"], said["unknown"]) == (True, 40, 40, 0)
    assert len(sandbox.log()) - before < 5
    call("verify", "--mend")
    work()
    assert len(contents(sandbox)) == 40
    assert call("verify").code == 0


def test_rows_of_several_owners_in_one_table_are_known_to_each(
    writer: User, index: Destination, sandbox: RunningSandbox
) -> None:
    fill(writer, "Of the site")
    own = Destination(name="own", service="manticore", address="notes", owner=writer)
    own.secret = {"token": TOKEN}
    own.save()
    assert [one["unknown"] for one in call("verify", "--json").data] == [0, 0]


def test_a_row_that_is_just_being_written_is_not_unknown(writer: User, sandbox: RunningSandbox) -> None:
    fill(writer, "One", "Two")
    # As a moment after the request, before the answer is stored.
    first = SyncRecord.objects.order_by("pk")[0]
    SyncRecord.objects.filter(pk=first.pk).update(state="waiting", parts=[], sending_token="of an attempt")  # noqa: S106
    said = verified()
    assert (said["looked"], said["unknown"]) == (1, 0)
    SyncRecord.objects.filter(pk=first.pk).update(sending_token="")
    assert verified()["unknown"] == 1


class Growing(ManticoreHandler):
    """Others write while the table is listed."""

    async def read_all(self, place: Place, after: str) -> CopyPage:
        if after:
            await asyncio.to_thread(self._write)
        return await super().read_all(place, after)

    def _write(self) -> None:
        if Note.objects.count() < 8:
            Note.objects.create(owner=User.objects.get(username="writer"), text="Meanwhile")
        connections.close_all()


def test_what_is_written_while_the_table_is_listed_is_not_unknown(
    writer: User, settings: Any, monkeypatch: pytest.MonkeyPatch, sandbox: RunningSandbox
) -> None:
    monkeypatch.setattr(reading, "PAGE_COUNT", 3)
    fill(writer, *(f"Note {number}" for number in range(7)))
    handler = {**settings.SYNCQUEUE["HANDLERS"]["manticore"], "CLASS": f"{__name__}.Growing"}
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "HANDLERS": {"manticore": handler}}
    said = verified()
    assert "Meanwhile" in contents(sandbox)
    assert (said["finished"], said["looked"], said["unknown"]) == (True, 7, 0)
