"""Calls `manage.py syncqueue` like a person or a script."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

from django.core.management import CommandError, call_command


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Said:
    """The output of a command and its exit code."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The output, parsed as JSON."""
        return json.loads(self.out)


def call(*words: str, terminal: bool = False) -> Said:
    """Run a subcommand; `terminal`: standard error is a terminal."""
    out, err = io.StringIO(), Terminal() if terminal else io.StringIO()
    try:
        call_command("syncqueue", *words, stdout=out, stderr=err, no_color=True)
        code = 0
    except CommandError as error:
        code, _ = error.returncode, err.write(str(error))
    except SystemExit as error:
        code = int(error.code or 0)
    return Said(code, out.getvalue(), err.getvalue())
