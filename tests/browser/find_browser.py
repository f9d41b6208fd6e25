"""Finds a Chromium for the tests of the pages, or installs one: `python -m tests.browser.find_browser`.

The ways, in this order: the program that `TEST_CHROMIUM` names, the system's browser, Playwright's own browser,
`playwright install chromium`, and Debian's package where this user may install it. A browser counts when it starts.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ("chromium", "fonts-noto-cjk")
PLAYWRIGHT = (sys.executable, "-m", "playwright")
START_SECONDS = 60.0
# Each installation downloads some hundred megabytes.
INSTALL_SECONDS = 900.0
SHOWN_LINES = 5


class NoBrowser(RuntimeError):
    """No Chromium that starts was found."""


def find() -> str:
    """Return the path of a Chromium that starts; raise `NoBrowser` where there is none. Installs nothing."""
    broken = []
    for path in _candidates():
        if (problem := _problem([path, "--version"], START_SECONDS)) is None:
            return path
        broken.append(f"{path} does not start: {problem}")
    raise NoBrowser("\n".join(["There is no Chromium here that starts.", *broken]))


def find_or_install(playwright: Sequence[str] = PLAYWRIGHT) -> str:
    """Return the path of a Chromium that starts, and print each step; raise `NoBrowser` when every way has failed.

    `playwright`: the command line of Playwright's own installer.
    """
    installations = _installations(playwright)
    while True:
        try:
            return find()
        except NoBrowser as error:
            if (command := next(installations, None)) is None:
                raise
            _print(f"{error}\nTrying: {shlex.join(command)}")
        if problem := _problem(command, INSTALL_SECONDS):
            _print(f"It failed: {problem}")


def _candidates() -> Iterator[str]:
    if named := os.environ.get("TEST_CHROMIUM"):
        yield named
        return
    yield from filter(None, map(shutil.which, NAMES))
    if os.path.exists(own := _playwright_path()):
        yield own


@cache
def _playwright_path() -> str:
    """Return where Playwright keeps its own Chromium, whether it is installed or not."""
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _installations(playwright: Sequence[str]) -> Iterator[Sequence[str]]:
    """The commands that may bring a browser, to be run until there is one."""
    yield [*playwright, "install", "chromium"]
    prefix = _root_prefix()
    if prefix is None or not shutil.which("apt-get"):
        _print("Debian's package is not tried: that needs apt-get, and root or sudo without a password.")
        return
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    yield [*apt, "update"]
    yield [*apt, "install", "-y", *PACKAGES]


def _root_prefix() -> list[str] | None:
    """Return what to write before a command that needs root; None where this user cannot become root."""
    if os.geteuid() == 0:
        return []
    return ["sudo", "-n"] if _problem(["sudo", "-n", "true"], START_SECONDS) is None else None


def _problem(command: Sequence[str], seconds: float) -> str | None:
    """Run a command to its end; return None when it succeeded, else what it printed about its failure."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
    except OSError as error:
        return str(error)
    except subprocess.TimeoutExpired:
        return f"it did not end within {seconds:g} seconds"
    if done.returncode == 0:
        return None
    lines = done.stdout.strip().splitlines()
    errors = list(dict.fromkeys(line for line in lines if re.match(r"E:|Error", line)))
    return "\n".join((errors or lines)[-SHOWN_LINES:]) or f"exit code {done.returncode}"


def _print(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    """Find or install; return the exit code."""
    try:
        _print(f"The browser of the tests: {find_or_install()}")
    except NoBrowser as error:
        _print(f"{error}\nEvery way has failed. Install a Chromium, or name one: TEST_CHROMIUM=/path make test-pages")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
