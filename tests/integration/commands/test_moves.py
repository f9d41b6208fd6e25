"""`retry`, `clear`, `recover`, `pause`, `resume`: effects, questions, output and exit codes."""

from __future__ import annotations

import builtins
import logging
from typing import Any

import pytest

from syncqueue import services
from syncqueue.management.subcommands import base
from syncqueue.models import Destination, ServicePolicy, SyncRecord
from tests.integration.api.seeds import fill
from tests.integration.commands.calling import call

pytestmark = pytest.mark.django_db


def counts() -> tuple[int, int, int]:
    """Pending, delayed and failed tasks of telegram."""
    stats = services.stats("telegram")
    return stats.pending_count, stats.delayed_count, stats.failed_count


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Set the input of a person; empty: there is no input."""
    typed: list[str] = []

    def read() -> str:
        if not typed:
            raise EOFError
        return typed.pop(0)

    monkeypatch.setattr(builtins, "input", read)
    return typed


def test_retry_brings_failed_tasks_back_and_says_how_many() -> None:
    fill("telegram", failed=3)
    said = call("retry", "telegram", "--noinput")
    assert (said.code, said.out) == (0, "3 failed tasks are back in the queue.\n")
    assert counts() == (3, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_retry_brings_records_back_whose_dead_letters_are_gone_and_says_so_first() -> None:
    place = Destination.objects.create(name="News", service="telegram", address="@news")
    SyncRecord.objects.create(
        source="notes.note", object_pk="7", destination=place, service="telegram", state="failed", error="refused"
    )
    assert "1 object failed or is held" in call("retry", "telegram", "--dry-run").out
    said = call("retry", "telegram", "--noinput", "--json")
    assert said.data == {"service": "telegram", "records": 1, "count": 1}
    assert counts() == (1, 0, 0)
    assert SyncRecord.objects.get().state == "waiting"


def test_clear_takes_everything_that_waits_out() -> None:
    fill("telegram", pending=2, delayed=1, failed=3)
    said = call("clear", "telegram", "--noinput", "--json")
    assert said.data == {"service": "telegram", "count": 6, "counts": {"pending": 2, "delayed": 1, "failed": 3}}
    assert counts() == (0, 0, 0)


def test_clear_takes_only_the_states_named() -> None:
    fill("telegram", pending=2, delayed=1, failed=3)
    call("clear", "telegram", "--state", "failed", "--state", "delayed", "--noinput")
    assert counts() == (2, 0, 0)


def test_clear_of_processing_is_refused_by_the_arguments() -> None:
    said = call("clear", "telegram", "--state", "processing", "--noinput")
    assert said.code == 1
    assert "processing" in said.err


@pytest.mark.parametrize(("command", "words"), [("retry", "3 tasks would be retried"), ("clear", "5 tasks would be")])
def test_a_dry_run_changes_nothing_and_says_the_count(command: str, words: str) -> None:
    fill("telegram", pending=2, failed=3)
    said = call(command, "telegram", "--dry-run")
    assert said.code == 0
    assert words in said.out
    assert counts() == (2, 0, 3)


@pytest.mark.parametrize("typed", [["n"], [""], ["maybe"], []])
@pytest.mark.parametrize("command", ["retry", "clear"])
def test_without_a_yes_nothing_is_done_and_the_exit_code_is_1(
    command: str, typed: list[str], answers: list[str]
) -> None:
    fill("telegram", failed=3)
    answers += typed
    said = call(command, "telegram")
    assert said.code == 1
    assert "3" in said.err.split("?")[0]  # the question states the count
    assert "othing was done" in said.err
    assert counts() == (0, 0, 3)


def test_after_a_yes_it_is_done_and_the_question_is_not_in_the_answer(answers: list[str]) -> None:
    fill("telegram", failed=3)
    answers.append("y")
    said = call("retry", "telegram", "--json")
    assert said.data == {"service": "telegram", "records": 0, "count": 3}
    assert said.err == "Retry 3 failed tasks of telegram? [y/N] "
    assert counts() == (3, 0, 0)


def test_long_work_shows_how_far_it_has_come_to_those_who_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_DRAWN_EVERY", 2)
    fill("telegram", failed=3)
    said = call("retry", "telegram", "--noinput", terminal=True)
    assert said.err.endswith("3 / 3\n")
    assert "#" * 30 in said.err


@pytest.mark.parametrize("more", [["--json"], []])
def test_scripts_see_no_progress(more: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_DRAWN_EVERY", 2)
    fill("telegram", failed=3)
    assert call("retry", "telegram", "--noinput", *more, terminal=bool(more)).err == ""


def test_recover_leaves_living_leases_alone() -> None:
    fill("telegram", processing=1)
    assert call("recover", "telegram", "--json").data == {"service": "telegram", "count": 0}


def test_pause_and_resume_switch_a_service_and_not_the_other() -> None:
    assert call("pause", "telegram").out == "telegram is paused.\n"
    assert services.stats("telegram").paused and not services.stats("second").paused
    assert call("resume", "telegram", "--json").data == {"service": "telegram", "paused": False}
    assert not services.stats("telegram").paused


@pytest.mark.parametrize(
    "words",
    [["retry", "x"], ["clear", "x"], ["recover", "x"], ["pause", "x"], ["resume", "x"], ["stats", "x"],
     ["doctor", "--service", "x"], ["resync", "--service", "x"]],
)  # fmt: skip
def test_an_unknown_service_is_refused_and_the_known_ones_are_named(words: list[str]) -> None:
    said = call(*words)
    assert said.code == 1
    assert "telegram, second" in said.err


@pytest.mark.parametrize("words", [["stats"], ["retry", "telegram"], ["clear", "telegram"], ["recover", "telegram"]])
def test_without_redis_it_says_so_in_words_and_ends_with_1(words: list[str], redis_away: None) -> None:
    said = call(*words)
    assert said.code == 1
    assert "Redis" in said.err


@pytest.mark.parametrize(("word", "paused"), [("pause", True), ("resume", False)])
def test_a_pause_without_redis_is_stored_and_says_when_workers_see_it(
    word: str, paused: bool, redis_away: None
) -> None:
    ServicePolicy.objects.create(service="telegram", paused=not paused)
    said = call(word, "telegram")
    assert said.code == 0, said.err
    assert "Workers see it when Redis is available again" in said.out
    assert ServicePolicy.objects.get(service="telegram").paused is paused
    assert call(word, "telegram", "--json").data["paused"] is paused


@pytest.mark.parametrize("words", [["pause", "telegram"], ["retry", "telegram", "--noinput"], ["recover", "telegram"]])
def test_what_is_done_is_in_the_audit_log(words: list[str], caplog: pytest.LogCaptureFixture) -> None:
    fill("telegram", failed=1)
    with caplog.at_level(logging.INFO, logger="syncqueue.audit"):
        call(*words)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "syncqueue.audit"]
    assert line.startswith(f"telegram: {words[0]}")
    assert line.endswith("by manage.py")


def test_wrong_arguments_are_refused(settings: Any) -> None:
    assert "invalid choice" in call("no-such-thing").err
