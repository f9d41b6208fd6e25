"""`log`: what went out, for people and scripts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncqueue.models import Destination
from tests.integration.admin.test_sent_log import DAY, at, enter
from tests.integration.commands.calling import call

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel() -> Destination:
    """Its log of today: notes 1, 2 and 3."""
    row = Destination.objects.create(name="@news", service="telegram", address="@news")
    for pk, clock in ((1, "14:04:59"), (2, "14:05:00"), (3, "14:06:00")):
        enter(row, at(clock), pk)
    return row


def found(*words: str) -> list[str]:
    return [one["object"].removeprefix("notes.note:") for one in call("log", *words, "--json").data["log"]]


def test_without_entries_it_says_so() -> None:
    assert call("log").out.strip() == "Nothing that matches was sent."


def test_the_question_what_was_sent_at_14_05_is_answered(channel: Destination) -> None:
    head, line = call("log", "--since", f"{DAY} 14:05", "--until", f"{DAY} 14:06").out.splitlines()
    assert head.split() == ["time", "action", "object", "destination", "service", "duration", "attempt", "link"]
    values = [DAY, "14:05:00", "created", "notes.note:2", "@news", "telegram", "0.25", "s", "1", "https://t.me/news/2"]
    assert line.split() == values


def test_the_newest_come_first_and_no_more_than_asked_for(channel: Destination) -> None:
    assert found() == ["3", "2", "1"]
    assert found("--limit", "2") == ["3", "2"]
    assert "There are more" in call("log", "--limit", "2").out
    assert "There are more" not in call("log", "--limit", "3").out


def test_it_is_narrowed_by_object_service_destination_and_day(channel: Destination) -> None:
    other = Destination.objects.create(name="@other", service="second")
    enter(other, at("14:05:30"), 2, service="second")
    enter(channel, at("14:05:00") - timedelta(days=1), 8)
    assert found("notes.Note:2") == ["2", "2"]
    assert found("--service", "second") == ["2"]
    assert found("--destination", "@other") == found("--destination", str(other.pk)) == ["2"]
    assert found("--since", DAY) == ["2", "3", "2", "1"]


def test_a_destination_that_is_gone_is_found_by_its_name(channel: Destination) -> None:
    channel.delete()
    assert found("--destination", "@news") == ["3", "2", "1"]
    assert "There is no destination" in call("log", "--destination", "@nowhere").err


def test_a_wrong_time_or_service_is_refused(channel: Destination) -> None:
    said = call("log", "--since", "noon")
    assert said.code == 2 and "'noon' is not a time" in said.err
    assert call("log", "--service", "nothing").code == 1
