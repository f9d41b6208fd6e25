"""What the bench says of systems: the row of text, and why a machine cannot run one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import report
from bench.systems import with_bullmq, with_sidekiq
from bench.systems.elsewhere import Elsewhere

RUNS = {
    "syncqueue": {"drain_default": [{"rate": rate, "default": "20 at once"} for rate in (9000.0, 8000.0, 8500.0)]},
    "huey": {"drain_default": [{"rate": 3000.0, "default": "1 thread"}]},
}
VERSIONS = {"syncqueue": "1", "huey": "2"}
MISSING = {"sidekiq": "ruby is missing"}


def test_the_drain_at_default_concurrency_says_which_one_that_is() -> None:
    rows = report.table(RUNS, VERSIONS).splitlines()
    assert "| drain/s at default concurrency | 8,500 | 3,000 |" in rows
    assert "| default concurrency | 20 at once | 1 thread |" in rows


def test_a_scenario_that_a_system_did_not_run_is_an_empty_cell() -> None:
    assert "| 20 ms at 500, /s | - | - |" in report.table(RUNS, VERSIONS).splitlines()


def test_the_written_table_says_plainly_what_is_not_here(tmp_path: Path) -> None:
    report.write(tmp_path, RUNS, VERSIONS, MISSING, {})
    assert (tmp_path / "table.md").read_text().splitlines()[-1] == "sidekiq: not here: ruby is missing."


def test_without_a_missing_system_the_report_ends_with_the_table(tmp_path: Path) -> None:
    report.write(tmp_path, RUNS, VERSIONS, {}, {})
    assert (tmp_path / "table.md").read_text() == report.table(RUNS, VERSIONS) + "\n"


@pytest.mark.parametrize(
    ("system", "here", "reason"),
    [
        (with_bullmq.System, [], "node is missing"),
        (with_bullmq.System, ["node"], "npm is missing"),
        (with_sidekiq.System, [], "ruby is missing"),
        (with_sidekiq.System, ["ruby"], "sidekiq is missing"),
        (with_sidekiq.System, ["ruby", "sidekiq"], ""),
    ],
)
def test_a_system_says_which_of_its_programs_is_missing(
    system: type[Elsewhere], here: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in here:
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert system().missing() == reason


def test_packages_that_cannot_be_installed_are_a_reason_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, script in (("node", ""), ("npm", "#!/bin/sh\nexit 1\n")):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setattr(with_bullmq, "PACKAGES", tmp_path / "packages")
    assert with_bullmq.System().missing() == "npm could not install its packages"
