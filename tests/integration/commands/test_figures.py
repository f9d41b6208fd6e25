"""`stats`, `health`, `explain`, `adopt-queue` and the help."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

import syncqueue
from project.notes.models import Note
from syncqueue import services, site
from syncqueue.core.clock import ManualClock
from syncqueue.core.duty import DutyState
from syncqueue.management.commands.syncqueue import Command
from syncqueue.management.table import table, width
from syncqueue.models import SiteStamp
from syncqueue.worker import heartbeat
from tests.integration.api.seeds import fill, keep_alive
from tests.integration.commands.calling import call

pytestmark = pytest.mark.django_db

SECRET = "123456:abcdefghijklmnopqrstuvwxyzabcdefghi"
ROOT = Path(__file__).resolve().parents[3]


def test_stats_is_a_table_with_a_line_for_each_service() -> None:
    fill("telegram", pending=2, failed=1)
    head, first, second = call("stats").out.splitlines()
    assert head.split()[:5] == ["service", "pending", "delayed", "processing", "failed"]
    assert first.split()[:5] == ["telegram", "2", "0", "0", "1"]
    assert second.split()[:5] == ["second", "0", "0", "0", "0"]


def test_stats_in_json_carry_every_figure_of_the_service_asked_for() -> None:
    fill("second", delayed=1)
    (figures,) = call("stats", "second", "--json").data
    assert (figures["service"], figures["delayed_count"], figures["breaker"]) == ("second", 1, "closed")
    assert figures["last_failed_at"] is None


def test_health_ends_with_0_when_every_service_has_a_worker() -> None:
    keep_alive()
    said = call("health", "--json")
    assert (said.code, said.data["status"], said.data["redis"]) == (0, "ok", True)


def test_health_ends_with_1_and_says_which_service_has_no_worker() -> None:
    said = call("health")
    assert said.code == 1
    assert said.out.count("No worker is running") == 2


def test_health_ends_with_1_without_redis(redis_away: None) -> None:
    said = call("health", "--json")
    assert (said.code, said.data["status"], said.data["redis"]) == (1, "failing", False)


def failing(minutes: float) -> DutyState:
    """A sweep that has failed for so long."""
    since = timezone.now() - timedelta(minutes=minutes)
    return DutyState(name="sweep notes.note", since=since, error=f"OperationalError: no route, {SECRET}")


def test_health_names_the_duties_that_fail_and_ends_with_1_once_one_has_failed_for_long() -> None:
    keep_alive(failing(minutes=5))
    said = call("health", "--json")
    assert (said.code, said.data["status"]) == (0, "ok")
    (duty,) = said.data["duties"]
    assert (duty["name"], duty["pid"], duty["host"]) == ("sweep notes.note", os.getpid(), socket.gethostname())
    assert duty["error"].startswith("OperationalError: no route, ")
    out = call("health").out
    assert f"{os.getpid()}: Looking for changes of notes.note has been failing since " in out
    assert SECRET not in f"{out} {said.data}"
    keep_alive(failing(minutes=16))
    assert call("health").code == 1


def test_since_when_a_duty_fails_is_told_by_redis_time(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = timezone.now() - timedelta(hours=1)
    monkeypatch.setattr(heartbeat, "SYSTEM_CLOCK", ManualClock(wrong))
    keep_alive(DutyState(name="sweep notes.note", since=wrong, error="no route"))
    (duty,) = services.health().duties
    assert abs(duty.since - timezone.now()) < timedelta(minutes=1)
    assert services.health().ok


def test_explain_has_a_sentence_for_each_destination(settings: Any) -> None:
    note = Note(owner=User.objects.create_user("writer"), text="x")
    with syncqueue.muted():
        note.save()
    assert "No destination" in call("explain", "notes.Note", str(note.pk)).out
    assert call("explain", "notes.note", str(note.pk), "--json").data == []


@pytest.mark.parametrize(
    ("label", "pk", "says"),
    [("notes.Note", "4711", "cannot be found"), ("notes.Note", "x", "cannot be found"),
     ("no.Such", "1", "cannot be found"), ("nonsense", "1", "cannot be found"), ("auth.User", "1", "not registered")],
)  # fmt: skip
def test_explain_of_what_is_not_there_says_so(label: str, pk: str, says: str) -> None:
    User.objects.create_user("writer", id=1)
    said = call("explain", label, pk)
    assert said.code == 1
    assert says in said.err


def test_adopt_queue_takes_over_a_database_of_another_environment(settings: Any) -> None:
    site.stamp()
    SiteStamp.objects.update(environment="production")
    site.forget()
    looked = call("adopt-queue", "--dry-run", "--json").data
    assert (looked["stamped"], looked["adopted"]) == ("production", False)
    with pytest.raises(Exception, match="production"):
        site.require_confirmed()
    assert call("adopt-queue").code == 0
    site.require_confirmed()


def test_every_subcommand_says_what_it_does_and_the_exit_codes_are_in_the_help() -> None:
    found = subprocess.run(
        [sys.executable, "manage.py", "syncqueue", "--help"],
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Exit codes: 0" in found
    for name in ("stats", "retry", "clear", "recover", "pause", "resume", "doctor", "health", "explain", "resync",
                 "adopt-queue", "rotate-secrets"):  # fmt: skip
        assert f"\n    {name} " in found, name


def test_a_table_is_aligned_for_wide_characters_too() -> None:
    lines = table(["服务", "n"], [["telegram", 1], ["电报", 1000]]).splitlines()
    assert {width(line) for line in lines[1:]} == {width(lines[1])}
    assert lines[2].endswith("1,000")


def test_tables_may_be_empty() -> None:
    assert table(["service", "n"], []) == "service  n"
    assert services.service_names() == ["telegram", "second"]


@pytest.mark.parametrize(
    "words",
    [
        ["--settings", "tests.settings"],
        ["--settings=tests.settings", "--pythonpath", "."],
        ["-v", "2"],
        ["--verbosity=0"],
        ["--traceback"],
        ["--no-color"],
        ["--force-color"],
        ["--skip-checks"],
    ],
)
@pytest.mark.parametrize("subcommand", ["stats", "doctor", "health"])
def test_django_s_own_options_are_taken_behind_a_subcommand(subcommand: str, words: list[str]) -> None:
    command = Command()
    parser = command.create_parser("manage.py", "syncqueue")
    after = vars(parser.parse_args([subcommand, *words]))
    before = vars(parser.parse_args([*words, subcommand]))
    assert after == before


def test_what_is_said_before_a_subcommand_stays_where_nothing_is_said_behind_it() -> None:
    parser = Command().create_parser("manage.py", "syncqueue")
    assert parser.parse_args(["-v", "3", "--traceback", "stats"]).verbosity == 3
    assert parser.parse_args(["-v", "3", "stats", "-v", "0"]).verbosity == 0
    assert parser.parse_args(["stats"]).verbosity == 1
