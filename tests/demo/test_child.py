"""One process of the demo."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil

from project.demo.child import Child

WAITS = "import time; print('ready', flush=True); time.sleep(60)"
IGNORES = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"


def started(code: str) -> tuple[Child, list[str]]:
    lines: list[str] = []
    child = Child("child", [sys.executable, "-c", code], {}, lambda name, line: lines.append(f"{name}: {line}"))
    child.start()
    return child, lines


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_its_lines_come_with_its_name() -> None:
    child, lines = started("import sys; print('out'); print('err', file=sys.stderr)")
    assert child.wait() == 0
    assert sorted(lines) == ["child: err", "child: out"]


def test_stop_ends_it_with_sigterm() -> None:
    child, lines = started(WAITS)
    until(lambda: lines == ["child: ready"])
    assert child.stop(timeout_seconds=30) == -signal.SIGTERM
    assert not child.is_running


def test_one_that_ignores_sigterm_is_killed_when_its_time_is_over() -> None:
    child, lines = started(IGNORES)
    until(lambda: lines == ["child: ready"])
    assert child.stop(timeout_seconds=0.1) == -signal.SIGKILL


def test_its_standard_input_stays_open_while_the_demo_lives() -> None:
    child, lines = started("import sys; print('ready', flush=True); sys.stdin.read(); print('closed')")
    until(lambda: lines == ["child: ready"])
    child.stop(timeout_seconds=30)
    assert lines == ["child: ready"]


PARENT = """
import os, sys
import psutil

from project.demo.child import Child
child = Child("child", [sys.executable, "-c", "import time; time.sleep(600)"], os.environ, print)
child.start()
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_it_ends_when_the_demo_itself_is_killed() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.kill()
    until(lambda: is_gone(pid))


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
