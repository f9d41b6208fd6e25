"""The plan of an attempt: every reason, and what follows from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncqueue.handlers.base import Document, RemotePart
from syncqueue.sources.planner import DesiredState, Plan, Reason, Step, is_too_old, plan, rule_takes

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=30)
SOON = NOW + timedelta(hours=1)
PAST = NOW - timedelta(hours=1)
HERE = RemotePart(kind="text", id="7", address="@news")
ELSEWHERE = RemotePart(kind="text", id="3", address="@old")
DOCUMENT = Document(text="Hello", tags=("Rail", "#sea"))


def desired(**given: Any) -> DesiredState:
    """A live note that the destination takes."""
    return DesiredState(**{"exists": True, "live": True, "document": DOCUMENT, "fingerprint": "new", **given})


def planned(of: DesiredState, *parts: RemotePart, content_hash: str = "") -> Plan:
    """The plan at @news with these parts out there."""
    here = [part for part in parts if part.address == "@news"]
    elsewhere = [part for part in parts if part.address != "@news"]
    return plan(of, now=NOW, here=here, elsewhere=elsewhere, content_hash=content_hash)


REFUSED = {
    Reason.RETIRING: desired(retiring=True),
    Reason.GONE: DesiredState(exists=False),
    Reason.NOT_LIVE: DesiredState(exists=True, live=False),
    Reason.LEFT_OUT: desired(document=None),
    Reason.PRIVATE: desired(document=Document(text="x", is_private=True), takes_private=False),
    Reason.RULE: desired(rule="private"),
    Reason.NOT_YET: desired(live_from=SOON),
    Reason.EXPIRED: desired(live_until=NOW),
    Reason.HANDED_OVER: desired(is_owners=False),
    Reason.SHOWN: desired(shown_by="News"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_wanted_is_removed_where_it_is(reason: Reason) -> None:
    found = planned(REFUSED[reason], HERE)
    assert (found.step, found.reason, found.parts) == (Step.DELETE, reason, (HERE,))


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_wanted_and_not_there_needs_nothing(reason: Reason) -> None:
    found = planned(REFUSED[reason])
    assert (found.step, found.reason, found.sends) == (Step.NOTHING, reason, False)


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_wanted_is_removed_also_where_it_may_be_alone(reason: Reason) -> None:
    found = plan(REFUSED[reason], now=NOW, here=(), content_hash="", lost=HERE)
    assert (found.step, found.reason, found.parts) == (Step.DELETE, reason, (HERE,))


def test_what_is_wanted_and_may_be_there_is_created() -> None:
    assert plan(desired(), now=NOW, here=(), content_hash="", lost=HERE).step is Step.CREATE


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_wanted_is_removed_also_from_a_former_place(reason: Reason) -> None:
    found = planned(REFUSED[reason], ELSEWHERE, HERE)
    assert (found.step, found.parts, found.removals) == (Step.DELETE, (HERE,), (ELSEWHERE,))
    alone = planned(REFUSED[reason], ELSEWHERE)
    assert (alone.step, alone.removals, alone.sends) == (Step.NOTHING, (ELSEWHERE,), True)


def test_what_is_wanted_and_absent_is_created() -> None:
    assert planned(desired()) == Plan(step=Step.CREATE, reason=Reason.ABSENT)


def test_what_is_at_another_address_alone_is_created_here_without_its_ids() -> None:
    assert planned(desired(), ELSEWHERE) == Plan(step=Step.CREATE, reason=Reason.ABSENT, keeps=(ELSEWHERE,))


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
        ("tag", "birds, Sea", False, True),
        ("tag", "birds,", False, False),
    ],
)
def test_a_rule_takes_what_it_says(rule: str, value: str, private: bool, takes: bool) -> None:
    document = Document(text="Hello", tags=DOCUMENT.tags, is_private=private)
    assert rule_takes(rule, value, document) is takes


@pytest.mark.parametrize(
    ("times", "next_at"),
    [
        ({}, None),
        ({"live_from": SOON}, SOON),
        ({"live_from": SOON, "live_until": SOON + timedelta(days=1)}, SOON),
        ({"live_from": PAST, "live_until": SOON}, SOON),
        ({"live_from": PAST}, None),
        ({"live_until": PAST}, None),
        ({"live_from": SOON, "live_until": PAST}, None),
        ({"live_from": SOON, "live": False, "document": None}, None),
        ({"live_from": SOON, "document": None}, None),
        ({"live_until": SOON, "retiring": True}, None),
        ({"live_until": SOON, "rule": "private"}, SOON),
    ],
)
def test_a_plan_says_when_time_alone_will_change_it(times: dict[str, Any], next_at: datetime | None) -> None:
    assert planned(desired(**times)).next_at == next_at
    assert planned(desired(**times), HERE, content_hash="new").next_at == next_at


def test_every_reason_is_reached() -> None:
    old = desired(created_at=START - timedelta(days=1), start_at=START)
    plans = [planned(one) for one in (*REFUSED.values(), desired(), old)]
    plans += [planned(desired(), HERE), planned(desired(), HERE, content_hash="new")]
    assert {one.reason for one in plans} == set(Reason)
