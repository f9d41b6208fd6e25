"""Calls `manage.py syncqueue` as a script would."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

from django.core.management import CommandError, call_command


@dataclass(frozen=True)
class Said:
    """The output of a command and its exit code."""

    code: int
    out: str

    @property
    def data(self) -> Any:
        """The output, parsed as JSON."""
        return json.loads(self.out)


def call(*words: str) -> Said:
    """Run a subcommand of `syncqueue`."""
    out = io.StringIO()
    try:
        call_command("syncqueue", *words, stdout=out, stderr=io.StringIO(), no_color=True)
        code = 0
    except CommandError as error:
        code = error.returncode
    except SystemExit as error:
        code = int(error.code or 0)
    return Said(code, out.getvalue())
