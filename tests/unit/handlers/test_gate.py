"""What a site's handler returns: taken where it can be used, and refused in words where not."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.utils.translation import gettext_lazy

from syncqueue.core.answer import Asked, Refused
from syncqueue.handlers import gate
from syncqueue.handlers.base import Document, DocumentHandler, HandlerConfig, Place, PlaceChoice, RemotePart

PLACE = Place(id=1, name="Shelf", address="left")
PART = RemotePart(kind="copy", id="1")


class Returning(DocumentHandler):
    """Returns what a test says, from every method."""

    answer: Any = None

    def endpoint(self, place: Place) -> str:
        return self._said()

    async def create(self, job: Any) -> Any:
        return self._said()

    async def update(self, job: Any) -> Any:
        return self._said()

    async def delete(self, job: Any) -> None:
        return None

    async def check(self, place: Place) -> str:
        return self._said()

    async def places(self, secret: Any) -> Any:
        return self._said()

    async def count(self, place: Place) -> int | None:
        return self._said()  # type: ignore[no-any-return]

    async def identify(self, place: Place) -> str:
        return self._said()

    def credential(self, place: Place) -> str:
        return self._said()

    def fingerprint(self, document: Document, place: Place) -> str:
        return self._said()

    def lost_part(self, place: Place, source: str, object_pk: str) -> RemotePart | None:
        return self._said()  # type: ignore[no-any-return]

    def _said(self) -> Any:
        return self.answer


ASK: dict[str, Callable[[Returning], Any]] = {
    "endpoint": lambda handler: gate.endpoint(handler, PLACE),
    "credential": lambda handler: gate.credential(handler, PLACE),
    "fingerprint": lambda handler: gate.fingerprint(handler, Document(text="x"), PLACE),
    "lost_part": lambda handler: gate.lost_part(handler, PLACE, "notes.note", "1"),
    "check": lambda handler: gate.check(handler, PLACE),
    "places": lambda handler: gate.places(handler, {}),
    "count": lambda handler: gate.count(handler, PLACE),
    "identify": lambda handler: gate.identify(handler, PLACE),
}


def ask(method: str, answer: Any) -> Any:
    handler = Returning(HandlerConfig(service="shelf"))
    handler.answer = answer
    found = ASK[method](handler)

    async def wait() -> Any:
        return await found

    return asyncio.run(wait()) if inspect.isawaitable(found) else found


@pytest.mark.parametrize(
    ("method", "answer"),
    [("endpoint", "shelf:1"), ("credential", ""), ("fingerprint", "f" * 64), ("lost_part", None), ("lost_part", PART),
     ("check", "It is there."), ("places", [PlaceChoice(address="left", title="Left")]), ("count", None), ("count", 7),
     ("identify", "")],
)  # fmt: skip
def test_what_the_contract_names_is_taken(method: str, answer: Any) -> None:
    assert ask(method, answer) == Asked(answer)


@pytest.mark.parametrize(
    ("method", "answer"),
    [("endpoint", None), ("credential", 7), ("fingerprint", None), ("fingerprint", b"f"), ("lost_part", "1"),
     ("check", None), ("check", 7), ("places", None), ("places", ["left"]), ("count", "seven"), ("identify", None)],
)  # fmt: skip
def test_anything_else_is_refused_by_the_name_of_the_method(method: str, answer: Any) -> None:
    found = ask(method, answer)
    assert isinstance(found, Refused)
    assert found.reason.startswith(f"shelf: Returning.{method}() raised ")


def test_a_lazy_text_is_a_text() -> None:
    assert ask("check", gettext_lazy("All is well.")) == Asked("All is well.")


def test_a_fingerprint_longer_than_a_record_holds_is_hashed() -> None:
    long, other = ask("fingerprint", "f" * 65), ask("fingerprint", "f" * 66)
    assert len(long.value) == len(other.value) == 64
    assert long != other


@pytest.mark.parametrize(
    ("given", "text"), [(7, "7"), (None, ""), ("a\x00b", "ab"), ("\ud83d", "?"), ("line\nbreak", "line\nbreak")]
)
def test_whatever_a_service_calls_its_copy_can_be_stored(given: Any, text: str) -> None:
    part = RemotePart(kind="copy", id=given, url=given)
    assert (part.id, part.url) == (text, text)
    json.dumps([part.id]).encode()
