"""What a handler's answer or exception means."""

from __future__ import annotations

import pytest

from syncqueue.core.errors import (
    DestinationBroken,
    HandlerError,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryLater,
    SyncQueueError,
    Unreachable,
)
from syncqueue.core.result import ERROR_CHARACTERS, TRACEBACK_CHARACTERS, Outcome, SyncResult, format_traceback


@pytest.mark.parametrize(
    ("error", "outcome", "after", "scope"),
    [
        (RetryLater("500"), Outcome.RETRY, None, "destination"),
        (RetryLater("503", after_seconds=7), Outcome.RETRY, 7, "destination"),
        (RateLimited("429", after_seconds=5), Outcome.RATE_LIMITED, 5, "destination"),
        (RateLimited("429", after_seconds=5, scope="credential"), Outcome.RATE_LIMITED, 5, "credential"),
        (Unreachable("refused"), Outcome.UNREACHABLE, None, "destination"),
        (PermanentError("too long"), Outcome.FAILURE, None, "destination"),
        (DestinationBroken("kicked"), Outcome.BROKEN, None, "destination"),
        (OutcomeUnknown("read timeout"), Outcome.UNKNOWN, None, "destination"),
    ],
)
def test_each_exception_of_a_handler_has_its_outcome_and_no_traceback(error, outcome, after, scope):
    result = SyncResult.from_exception(error)
    assert (result.outcome, result.error, result.after_seconds) == (outcome, str(error), after)
    assert (result.scope, result.traceback) == (scope, "")


def test_an_exception_nobody_expected_is_a_retry_with_its_name_and_traceback():
    try:
        {}["missing"]
    except KeyError as error:
        result = SyncResult.from_exception(error)
    assert (result.outcome, result.error) == (Outcome.RETRY, "KeyError: 'missing'")
    assert result.traceback.rstrip().endswith("KeyError: 'missing'")
    assert "test_an_exception_nobody_expected" in result.traceback


def test_an_exception_without_words_is_named():
    assert SyncResult.from_exception(RetryLater("")).error == "RetryLater"
    assert SyncResult.from_exception(ValueError()).error == "ValueError: ValueError"


def test_long_errors_and_tracebacks_are_cut_and_the_end_of_a_traceback_is_kept():
    error = ValueError("x" * 5000 + "end")
    assert len(SyncResult.retry("x" * 5000).error) == len(SyncResult.failure("x" * 5000).error) == ERROR_CHARACTERS
    assert len(SyncResult.from_exception(error).error) == ERROR_CHARACTERS
    text = format_traceback(error)
    assert len(text) == TRACEBACK_CHARACTERS and text.rstrip().endswith("end")


def test_answers_speak_for_themselves():
    assert SyncResult.success().outcome is Outcome.SUCCESS
    assert SyncResult.retry("later", after=9).after_seconds == 9
    assert SyncResult.failure("never").outcome is Outcome.FAILURE


def test_what_a_handler_raises_is_one_family_of_ours():
    family = (RetryLater, RateLimited, Unreachable, PermanentError, DestinationBroken, OutcomeUnknown)
    assert all(issubclass(kind, HandlerError) for kind in family)
    assert issubclass(HandlerError, SyncQueueError)
