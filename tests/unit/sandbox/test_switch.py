"""The switch's planned answers and rate limits, by a clock of the test's own."""

import pytest

from syncqueue.testing.sandbox.modes import KINDS, BadMode, make_mode
from syncqueue.testing.sandbox.switch import Pace, Switch


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_minute_window_slides():
    clock = Clock()
    pace = Pace(clock)
    mode = make_mode("up", {"per_chat_per_minute": 2})
    pace.note("a")
    clock.seconds += 10
    assert pace.retry_after("a", mode) == 0
    pace.note("a")
    assert pace.retry_after("a", mode) == 50
    assert pace.retry_after("b", mode) == 0
    clock.seconds += 49.5
    assert pace.retry_after("a", mode) == 1
    clock.seconds += 0.5
    assert pace.retry_after("a", mode) == 0


def test_the_longest_wait_of_several_limits_counts():
    clock = Clock()
    pace = Pace(clock)
    mode = make_mode("pace", {"per_chat_per_minute": 1, "per_chat_per_second": 1})
    pace.note("a")
    assert pace.retry_after("a", mode) == 60


def test_without_limits_nobody_waits():
    pace = Pace(Clock())
    for _ in range(100):
        pace.note("a")
    assert pace.retry_after("a", make_mode("up", {})) == 0


def test_a_planned_answer_for_another_chat_waits():
    switch = Switch()
    switch.plan_answers([make_mode("hang", {"chat": "@news"})])
    assert switch.next_for("sendMessage", lambda chat: chat == "@drafts").name == "up"
    assert switch.next_for("sendMessage", lambda chat: chat == "@news").name == "hang"
    assert switch.next_for("sendMessage", lambda chat: chat == "@news").name == "up"


def test_turning_the_switch_wakes_those_who_wait_in_the_old_mode_once():
    switch = Switch()
    before = switch.turned
    switch.turn(make_mode("hang", {}))
    assert before.is_set()
    assert not switch.turned.is_set()


@pytest.mark.parametrize("name", KINDS)
def test_every_mode_can_be_made_with_nothing_given(name):
    mode = make_mode(name, {})
    assert mode.params == dict(KINDS[name].defaults)


def test_the_command_lines_default_is_used_where_nothing_is_given():
    assert make_mode("limited", {"retry_after": ""}, {"retry_after": 9}).params == {"retry_after": 9}
    assert make_mode("limited", {"retry_after": "3"}, {"retry_after": 9}).params == {"retry_after": 3}


def test_an_unknown_parameter_is_refused_with_the_nearest_right_one():
    with pytest.raises(BadMode, match="Did you mean 'retry_after'"):
        make_mode("limited", {"retry_afer": 1})
