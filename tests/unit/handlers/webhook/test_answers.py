"""What each answer of a receiver comes to."""

from datetime import UTC, datetime

import pytest

from syncqueue.core.errors import DestinationBroken, PermanentError, RateLimited, Unavailable
from syncqueue.handlers.webhook.answers import LONGEST_WAIT_SECONDS, UNNAMED_WAIT_SECONDS, judge, wait_seconds

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_done(status: int) -> None:
    assert judge(status, {}, b"", NOW) is None


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (410, DestinationBroken),
        (401, DestinationBroken),
        (301, DestinationBroken),
        (308, DestinationBroken),
        (302, Unavailable),
        (307, Unavailable),
        (400, PermanentError),
        (403, PermanentError),
        (404, PermanentError),
        (413, PermanentError),
        (422, PermanentError),
        (408, Unavailable),
        (425, Unavailable),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
    ],
)
def test_each_status_means_what_can_be_done_about_it(status: int, expected: type[Exception]) -> None:
    assert type(judge(status, {}, b"", NOW)) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, Unavailable), (403, Unavailable), (404, Unavailable), (405, Unavailable), (502, Unavailable)]
    + [(413, PermanentError), (422, PermanentError), (401, DestinationBroken), (410, DestinationBroken)],
)
def test_a_page_of_html_is_a_proxys_unless_the_status_names_the_event(status: int, expected: type[Exception]) -> None:
    assert type(judge(status, {}, b"\n <!doctype html><h1>We are down</h1>", NOW)) is expected


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("wish", ["90", "Sun, 01 Mar 2026 12:01:30 GMT"])
def test_a_retry_after_in_seconds_or_as_a_date_is_waited_for_and_uses_no_attempt(status: int, wish: str) -> None:
    error = judge(status, {"retry-after": wish}, b"", NOW)
    assert isinstance(error, RateLimited)
    assert (error.after_seconds, error.scope) == (90, "destination")


def test_a_limit_without_a_time_waits_a_minute() -> None:
    error = judge(429, {}, b"", NOW)
    assert isinstance(error, RateLimited)
    assert error.after_seconds == UNNAMED_WAIT_SECONDS


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        ("0", 1.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 1.0),
        ("999999999999", LONGEST_WAIT_SECONDS),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("²", None),
    ],
)
def test_odd_wishes_are_bounded_or_left_out(wish: str, seconds: float | None) -> None:
    assert wait_seconds(wish, NOW) == seconds


def test_the_receivers_own_words_are_quoted_and_a_page_is_not() -> None:
    assert str(judge(422, {}, b'{"error": "no  such\nlist"}', NOW)) == (
        'The receiver answers 422: {"error": "no such list"}'
    )
    assert str(judge(500, {}, b"<html><h1>Oops</h1></html>", NOW)) == "The receiver answers 500."
