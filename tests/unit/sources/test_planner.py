"""The plan of an attempt: every reason, and what follows from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncqueue.handlers.base import Document, RemotePart
from syncqueue.sources.planner import DesiredState, Plan, Reason, Step, is_too_old, plan, rule_takes

START = datetime(2026, 1, 1, tzinfo=UTC)
HERE = RemotePart(kind="text", id="7", address="@news")
ELSEWHERE = RemotePart(kind="text", id="3", address="@old")
DOCUMENT = Document(text="Hello", tags=("Rail", "#sea"))


def desired(**given: Any) -> DesiredState:
    """A live note that the destination takes."""
    return DesiredState(**{"exists": True, "live": True, "document": DOCUMENT, "fingerprint": "new", **given})


def planned(of: DesiredState, *parts: RemotePart, content_hash: str = "", existing: RemotePart | None = None) -> Plan:
    """The plan at @news with these parts out there."""
    return plan(of, parts=parts, address="@news", content_hash=content_hash, existing=existing)


REFUSED = {
    Reason.RETIRING: desired(retiring=True),
    Reason.GONE: DesiredState(exists=False),
    Reason.NOT_LIVE: DesiredState(exists=True, live=False),
    Reason.RULE: desired(rule="private"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_wanted_is_removed_where_it_is(reason: Reason) -> None:
    assert planned(REFUSED[reason], HERE) == Plan(step=Step.DELETE, reason=reason, parts=(HERE,))


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_wanted_and_not_there_needs_nothing(reason: Reason) -> None:
    assert planned(REFUSED[reason]) == Plan(step=Step.NOTHING, reason=reason)


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_wanted_is_removed_also_where_it_may_be_alone(reason: Reason) -> None:
    found = plan(REFUSED[reason], parts=(), address="@news", content_hash="", lost=HERE)
    assert found == Plan(step=Step.DELETE, reason=reason, parts=(HERE,))


def test_what_is_wanted_and_may_be_there_is_created() -> None:
    assert plan(desired(), parts=(), address="@news", content_hash="", lost=HERE).step is Step.CREATE


@pytest.mark.parametrize("reason", REFUSED)
def test_copies_at_another_address_are_left_alone(reason: Reason) -> None:
    assert planned(REFUSED[reason], ELSEWHERE).step is Step.NOTHING


def test_what_is_wanted_and_absent_is_created() -> None:
    assert planned(desired()) == Plan(step=Step.CREATE, reason=Reason.ABSENT)


def test_what_is_at_another_address_alone_is_created_here_without_its_ids() -> None:
    assert planned(desired(), ELSEWHERE) == Plan(step=Step.CREATE, reason=Reason.ABSENT)


def test_a_copy_from_before_is_updated_in_place() -> None:
    assert planned(desired(), existing=HERE) == Plan(step=Step.UPDATE, reason=Reason.ADOPTED, parts=(HERE,))


def test_an_adopted_copy_may_be_older_than_the_destination() -> None:
    old = desired(created_at=START - timedelta(days=1), start_at=START)
    assert planned(old, existing=HERE).reason is Reason.ADOPTED


def test_other_content_is_updated() -> None:
    assert planned(desired(), HERE, content_hash="old") == Plan(step=Step.UPDATE, reason=Reason.CHANGED, parts=(HERE,))


def test_unknown_content_is_updated() -> None:
    assert planned(desired(), HERE, content_hash="").step is Step.UPDATE


def test_an_unknown_wish_does_not_count_as_equal_to_unknown_content() -> None:
    assert planned(desired(fingerprint=""), HERE, content_hash="").step is Step.UPDATE


def test_equal_content_needs_nothing() -> None:
    assert planned(desired(), HERE, content_hash="new") == Plan(step=Step.NOTHING, reason=Reason.EQUAL, parts=(HERE,))


def test_only_the_parts_at_the_address_are_worked_on() -> None:
    assert planned(desired(), ELSEWHERE, HERE, content_hash="old").parts == (HERE,)


def test_what_is_older_than_the_destination_is_left_alone() -> None:
    old = desired(created_at=START - timedelta(seconds=1), start_at=START)
    assert planned(old) == Plan(step=Step.NOTHING, reason=Reason.TOO_OLD)


def test_what_is_older_but_out_there_is_kept_up_to_date() -> None:
    old = desired(created_at=START - timedelta(seconds=1), start_at=START)
    assert planned(old, HERE, content_hash="old").reason is Reason.CHANGED
    assert planned(old, ELSEWHERE).step is Step.CREATE


@pytest.mark.parametrize(
    ("created_at", "start_at", "too_old"),
    [
        (START, START, False),
        (START - timedelta(microseconds=1), START, True),
        (START, None, False),
        (None, START, False),
        (None, None, False),
    ],
)
def test_an_object_is_too_old_when_it_is_known_to_be_older(
    created_at: datetime | None, start_at: datetime | None, too_old: bool
) -> None:
    assert is_too_old(created_at, start_at) is too_old


@pytest.mark.parametrize(
    ("rule", "value", "private", "takes"),
    [
        ("all", "", False, True),
        ("all", "", True, True),
        ("public", "", False, True),
        ("public", "", True, False),
        ("private", "", False, False),
        ("private", "", True, True),
        ("tag", "rail", False, True),
        ("tag", " #RAIL ", False, True),
        ("tag", "sea", False, True),
        ("tag", "ra", False, False),
        ("tag", "", False, False),
    ],
)
def test_a_rule_takes_what_it_says(rule: str, value: str, private: bool, takes: bool) -> None:
    document = Document(text="Hello", tags=DOCUMENT.tags, is_private=private)
    assert rule_takes(rule, value, document) is takes


def test_every_reason_is_reached() -> None:
    old = desired(created_at=START - timedelta(days=1), start_at=START)
    plans = [planned(one) for one in (*REFUSED.values(), desired(), old)]
    plans += [planned(desired(), existing=HERE), planned(desired(), HERE), planned(desired(), HERE, content_hash="new")]
    assert {one.reason for one in plans} == set(Reason)
