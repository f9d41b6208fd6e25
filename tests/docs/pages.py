"""Extracts the code blocks of a page, and turns them into a shell script."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\S+\.py)(?P<append> \(add at the end\))?\n")
_SECOND_TERMINAL = "# in a second terminal\n"
# A reader goes on when the worker is there; a page that starts another kind of process needs another look.
_LOOK_AT_IT = "for n in $(seq 100); do python manage.py syncqueue health && break; done"
MARKER = "=== block "
END = "=== end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: `sh` is executed, `python` is written to the file in its first line, `text` is output."""

    number: int
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page."""
    found = _FENCE.findall(page.read_text(encoding="utf-8"))
    return [Block(number=n, language=language, text=text) for n, (language, text) in enumerate(found)]


def script(page: Path, yours: Mapping[str, str]) -> str:
    """Return the steps of a reader as a bash script. `yours`: the values of the variables that a reader fills in."""
    steps = [f"echo '{MARKER}{block.number}'\n{_step(block, yours)}" for block in blocks(page)]
    # The terminals are closed when standard input is.
    return "\n".join(
        ["set -eu", "trap 'kill ${SECOND:-} 2>/dev/null || true; wait' EXIT", *steps, f"echo '{END}'", "cat"]
    )


def _step(block: Block, yours: Mapping[str, str]) -> str:
    match block.language:
        case "python":
            return _write(block.text)
        case "sh" if block.text.startswith(_SECOND_TERMINAL):
            return f"exec {block.text.removeprefix(_SECOND_TERMINAL).strip()} & SECOND=$!\n{_LOOK_AT_IT}"
        case "sh":
            return "\n".join(_filled(line, yours) for line in block.text.splitlines())
    return ""


def _filled(line: str, yours: Mapping[str, str]) -> str:
    found = re.match(r'export (\w+)="', line)
    return f"export {found[1]}={shlex.quote(yours[found[1]])}" if found else line


def _write(text: str) -> str:
    named = _FILE.match(text)
    if named is None:
        raise ValueError(f"The first line of a Python block must name its file: {text[:60]!r}")
    return f"cat {'>>' if named['append'] else '>'} {named[1]} <<'END_OF_BLOCK'\n{text}END_OF_BLOCK"


def printed(output: str) -> dict[int, str]:
    """Return the output of each block by its number."""
    parts = re.split(rf"^{MARKER}(\d+)\n", output, flags=re.MULTILINE)
    return {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}
