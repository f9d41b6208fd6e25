"""One process of the demo: start, read its output line by line, stop."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence

from .plan import BASE_DIR

Output = Callable[[str, str], None]  # called with the name of the process and a line of its output


class Child:
    """A process in its own session: Ctrl-C only reaches the demo, which then stops all processes in order."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], output: Output) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._output = output
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            cwd=BASE_DIR,
            env=dict(self._environment),
            # Open while the demo runs: the sandbox exits when it is closed (--exit-with-parent).
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=[self._process], daemon=True)
        self._reader.start()
        self._guard = _guard(self._process.pid)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while it runs or before it is started; negative for a signal."""
        return self._process.poll() if self._process else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wait(self) -> int:
        """Wait until the process ends; returns its exit code."""
        assert self._process, f"{self.name} was not started"  # noqa: S101 - a mistake in this package
        code = self._process.wait()
        self._finish()
        return code

    def stop(self, timeout_seconds: float) -> int | None:
        """Send SIGTERM, and SIGKILL to its process group after the timeout; returns the exit code."""
        if self._process is None:
            return None
        self._process.terminate()
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._finish()
        return self._process.returncode

    def kill(self) -> None:
        """Send SIGKILL, which interrupts the process at any point."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._finish()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout  # noqa: S101 - asked for in start()
        with process.stdout as lines:
            for line in lines:
                self._output(self.name, line.rstrip("\n"))

    def _finish(self) -> None:
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.kill()  # before its pipe is closed: the pid may belong to another process by now
            self._guard.wait()
            self._guard.stdin.close()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        # With a timeout: a grandchild that outlives its parent keeps the pipe open.
        if self._reader is not None:
            self._reader.join(timeout=2)


def _guard(pid: int) -> "subprocess.Popen[bytes]":
    """Start a shell that ends the process when the demo is gone, even by SIGKILL: the kernel then closes this pipe."""
    command = ["/bin/sh", "-c", 'read -r _; kill -TERM "$0" 2>/dev/null', str(pid)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
