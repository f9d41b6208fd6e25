"""Statements of the pages that can be checked against the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from syncqueue.management.commands.syncqueue import SUBCOMMANDS
from tests.docs.pages import blocks
from tests.packaging.distributions import CHECKOUT

PAGES = sorted(
    page for page in [*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")] if "_build" not in page.parts
)
# Subcommands in running text and in blocks; the spans of a trace look like them.
_COMMAND = re.compile(r"(?:manage\.py |`)syncqueue\s(?P<word>[a-z][a-z-]+)")
_SPANS = {"dispatch", "attempt", "send"}
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def name(page: Path) -> str:
    """Return the path of the page from the repository root."""
    return str(page.relative_to(CHECKOUT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_python_block_is_python(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            text = block.text
            # Entries of a dict, and signatures, are shown without what is around them.
            whole = f"{{{text}}}" if text.lstrip().startswith('"') else text
            whole = f"def {whole.strip()}: ..." if re.match(r"\w+\(.*\) -> [^\n]+\n\Z", text) else whole
            ast.parse(whole)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_that_is_named_exists(page: Path) -> None:
    known = {kind.name for kind in SUBCOMMANDS}
    named = {match["word"] for match in _COMMAND.finditer(page.read_text(encoding="utf-8"))}

    assert named - _SPANS <= known


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_is_linked_to_exists(page: Path) -> None:
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    targets = set(_LINK.findall(text))

    assert [target for target in sorted(targets) if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_page_loads_anything_but_text(page: Path) -> None:
    assert not re.search(r"!\[[^\]]*\]\(https?:|<script|<img", page.read_text(encoding="utf-8"))
