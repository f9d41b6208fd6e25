"""The suite for handlers: each case says what it promises, and what a service lacks is said in words."""

from __future__ import annotations

import hashlib
import inspect
import io
from typing import Any

import pytest
from PIL import Image

from syncqueue.testing.conformance import PICTURES, Conformance, ServiceUnderTest, painted
from syncqueue.testing.conformance import promises as all_promises
from syncqueue.testing.conformance.pictures import pictures_by_content
from syncqueue.testing.conformance.promise import LACKS, Promise

CASES = [one for name, one in inspect.getmembers(Conformance, inspect.isfunction) if name.startswith("test_")]
PROMISES = [one for one in vars(all_promises).values() if isinstance(one, Promise)]


class Shelf(ServiceUnderTest):
    """A service that can do little."""

    name = "shelf"


class Archive(Shelf):
    """A service that can do more."""

    name = "archive"
    finds_lost = True
    other_address = "cellar"


def test_every_case_promises_something_and_every_promise_has_a_case() -> None:
    assert len(CASES) > 70
    assert {one.promise for one in CASES} == set(PROMISES)  # type: ignore[attr-defined]


def test_every_need_is_a_trait_with_words_for_who_lacks_it() -> None:
    needed = {trait for promise in PROMISES for trait in promise.needs}
    assert needed == set(LACKS)
    assert all(hasattr(ServiceUnderTest, trait) for trait in needed)


def test_what_a_service_lacks_is_said_with_the_trait() -> None:
    assert all_promises.LOST_FOUND.lacking(Shelf) == (
        "shelf does not recognise a create that is made again (finds_lost = False)"
    )
    assert all_promises.LOST_FOUND.lacking(Archive) == ""
    assert (all_promises.LOST_DECIDED.is_moot(Shelf), all_promises.LOST_DECIDED.is_moot(Archive)) == (False, True)


def test_a_second_place_is_noticed_however_it_is_said() -> None:
    class Accounts(Shelf):
        def make_other_destination(self, **values: Any) -> Any:
            return None

    assert [one.has_other_place for one in (Shelf, Archive, Accounts)] == [False, True, True]


def test_a_service_without_a_stand_in_says_what_is_missing() -> None:
    with pytest.raises(NotImplementedError, match="Shelf must name its stand_in, or define start"):
        Shelf.start()


@pytest.mark.parametrize("name", PICTURES)
def test_each_picture_is_one_and_is_known_by_its_content(name: str) -> None:
    with Image.open(io.BytesIO(painted(name))) as picture:
        picture.load()
        assert (picture.format, picture.size) == ("PNG", (480, 320))
    found = {"sha256": hashlib.sha256(painted(name)).hexdigest()}
    assert pictures_by_content([found, {"sha256": "other"}]) == (name, "?")
