"""How long services ask to wait, in every form that was seen, and in forms that mean nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncqueue.outbound.retry_after import LONGEST_SECONDS, SHORTEST_SECONDS, wait_seconds

NOW = datetime(2026, 10, 21, 7, 28, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        (" 30 ", 30.0),
        ("1.5", 1.5),
        ("30.", 30.0),
        ("Wed, 21 Oct 2026 07:29:30 GMT", 90.0),
        ("Wed, 21 Oct 2026 09:29:30 +0200", 90.0),
        ("2026-10-21T07:29:30Z", 90.0),
        ("2026-10-21T07:29:30.500Z", 90.5),
        ("2026-10-21T09:29:30+02:00", 90.0),
        ("2026-10-21 07:29:30", 90.0),  # UTC where it does not say
        (str(int(NOW.timestamp()) + 90), 90.0),
        (f"{int(NOW.timestamp()) + 90}.0", 90.0),
        (str((int(NOW.timestamp()) + 90) * 1000), 90.0),
    ],
)
def test_every_form_is_read(text: str, seconds: float) -> None:
    assert wait_seconds(text, NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "soon", "-1", "-1.5", "+30", "nan", "NaN", "inf", "-inf", "Infinity", "1e3", "0x10", "1,5", "٣", "²",
        "30s", "30 seconds", "Wed, 99 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 99999999 07:28:00 GMT",
        "0000-00-00T00:00:00Z", "9" * 100, "30\r\nX: 1", "2026-10-21T25:61:61Z", None, 30, b"30", ["30"],
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_no_time(text: object) -> None:
    assert wait_seconds(text, NOW) is None


@pytest.mark.parametrize("text", ["0", "0.001", "Wed, 21 Oct 2020 07:28:00 GMT", "1000000000", "0001-01-01T00:00:00Z"])
def test_a_time_that_has_passed_is_a_short_wait(text: str) -> None:
    assert wait_seconds(text, NOW) == SHORTEST_SECONDS


@pytest.mark.parametrize(
    "text", ["999999", "9" * 40, "9999-12-31T23:59:59Z", "Fri, 31 Dec 9999 23:59:59 GMT", "99999999999999999999"]
)
def test_a_time_that_is_far_away_is_bounded(text: str) -> None:
    assert wait_seconds(text, NOW) == LONGEST_SECONDS


@given(st.text(max_size=70) | st.from_regex(r"[0-9 :,TZGMT+.-]{1,40}", fullmatch=True))
def test_whatever_a_header_holds_it_is_a_bounded_time_or_none(text: str) -> None:
    seconds = wait_seconds(text, NOW)
    assert seconds is None or SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS
