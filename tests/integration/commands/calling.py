"""Calls `manage.py syncqueue` as a person or a script does."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

from django.core.management import CommandError, call_command


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Said:
    """What a command has printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its answer in JSON."""
        return json.loads(self.out)


def call(*words: str, terminal: bool = False) -> Said:
    """Run a subcommand; `terminal`: somebody looks at what it writes beside its answer."""
    out, err = io.StringIO(), Terminal() if terminal else io.StringIO()
    try:
        call_command("syncqueue", *words, stdout=out, stderr=err, no_color=True)
        code = 0
    except CommandError as error:
        code, _ = error.returncode, err.write(str(error))
    except SystemExit as error:
        code = int(error.code or 0)
    return Said(code, out.getvalue(), err.getvalue())
