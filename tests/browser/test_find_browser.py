"""How `make test-pages` comes to a browser, on machines that are folders of small programs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser import find_browser
from tests.browser.find_browser import NoBrowser, find_or_install

STARTS = "exit 0"


class Machine:
    """A PATH with a folder of its own; each program there notes that it was called."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.own = folder / "own-chromium"  # where Playwright puts its browser
        self._calls = folder / "calls"
        for needed in ("sh", "env", "chmod"):
            (self.bin / needed).symlink_to(f"/bin/{needed}")

    def program(self, name: str, code: str) -> None:
        self.write(self.bin / name, code)

    def write(self, path: Path, code: str) -> None:
        path.write_text(f'#!/bin/sh\necho "{path.name} $*" >>"{self._calls}"\n{code}\n')
        path.chmod(0o755)

    def making(self, path: Path, code: str = STARTS) -> str:
        """Return shell code that makes a program there."""
        return f"printf '#!/bin/sh\\n%s\\n' '{code}' >'{path}'; chmod 755 '{path}'"

    def installations(self) -> list[str]:
        """The installers' calls so far, without the looks at whether a browser starts."""
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        return [line for line in lines if "--version" not in line]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without a browser; Playwright's installer and apt-get find nothing to download, and sudo refuses."""
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(made.bin))
    monkeypatch.delenv("TEST_CHROMIUM", raising=False)
    monkeypatch.setattr(find_browser, "_playwright_path", lambda: str(made.own))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    made.program("playwright", "echo progress; echo 'Error: no way to the download'; exit 1")
    made.program("sudo", "exit 1")
    return made


@pytest.fixture
def search(machine: Machine) -> Callable[[], str]:
    """Find or install a browser on the machine; what it prints is shown to capsys."""
    return lambda: find_or_install([str(machine.bin / "playwright")])


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome"])
def test_the_systems_browser_is_taken_and_nothing_is_installed(
    machine: Machine, search: Callable[[], str], name: str
) -> None:
    machine.program(name, STARTS)
    assert search() == str(machine.bin / name)
    assert machine.installations() == []


def test_a_browser_that_does_not_start_is_passed_over(machine: Machine, search: Callable[[], str]) -> None:
    machine.program("chromium-browser", "echo 'install the snap first'; exit 1")
    machine.program("google-chrome", STARTS)
    assert search() == str(machine.bin / "google-chrome")


def test_a_browser_that_was_named_is_taken_before_all_others(
    machine: Machine, search: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.program("chromium", STARTS)
    machine.program("mine", STARTS)
    monkeypatch.setenv("TEST_CHROMIUM", str(machine.bin / "mine"))
    assert search() == str(machine.bin / "mine")


def test_playwrights_browser_is_taken_where_it_is_installed_already(
    machine: Machine, search: Callable[[], str]
) -> None:
    machine.write(machine.own, STARTS)
    assert search() == str(machine.own)
    assert machine.installations() == []


def test_playwright_is_asked_first(machine: Machine, search: Callable[[], str]) -> None:
    machine.program("playwright", machine.making(machine.own))
    machine.program("apt-get", STARTS)
    assert search() == str(machine.own)
    assert machine.installations() == ["playwright install chromium"]


def test_debians_package_follows_where_playwrights_download_fails(
    machine: Machine, search: Callable[[], str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    machine.program("apt-get", f'[ "$2" = update ] || {{ {machine.making(machine.bin / "chromium")}; }}')
    assert search() == str(machine.bin / "chromium")
    assert machine.installations() == [
        "playwright install chromium",
        "apt-get -qq update",
        "apt-get -qq install -y chromium fonts-noto-cjk",
    ]
    said = capsys.readouterr().out
    assert "It failed: Error: no way to the download" in said
    assert "progress" not in said


def test_debians_package_follows_where_playwrights_browser_does_not_start(
    machine: Machine, search: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    machine.program("playwright", machine.making(machine.own, "echo libnss3.so is missing; exit 1"))
    machine.program("sudo", 'shift; exec "$@"')
    machine.program("true", STARTS)
    machine.program("apt-get", f'[ "$2" = update ] || {{ {machine.making(machine.bin / "chromium")}; }}')
    assert search() == str(machine.bin / "chromium")
    assert "libnss3.so is missing" in capsys.readouterr().out


def test_who_can_neither_download_nor_become_root_is_told(
    machine: Machine, search: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    machine.program("apt-get", STARTS)
    with pytest.raises(NoBrowser, match="no Chromium here"):
        search()
    assert "root or sudo without a password" in capsys.readouterr().out
    assert not [call for call in machine.installations() if call.startswith("apt-get")]


def test_the_command_ends_with_an_error_that_says_what_to_do(machine: Machine) -> None:
    environment = os.environ | {"TEST_CHROMIUM": "/nowhere/chromium", "PLAYWRIGHT_BROWSERS_PATH": "/nowhere"}
    patch = (
        "from tests.browser import find_browser as f; f._installations = lambda _: iter(()); raise SystemExit(f.main())"
    )
    done = subprocess.run([sys.executable, "-c", patch], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "/nowhere/chromium does not start" in done.stdout
    assert "TEST_CHROMIUM=" in done.stdout
