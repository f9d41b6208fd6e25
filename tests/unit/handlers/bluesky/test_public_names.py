"""The handler is written as a stranger would write it: with public names alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import syncqueue
from syncqueue.handlers import public

FOLDER = Path(__file__).resolve().parents[4] / "syncqueue" / "handlers" / "bluesky"
OWN, PUBLIC = (
    "syncqueue.handlers.bluesky",
    {"syncqueue": syncqueue.__all__, "syncqueue.handlers.public": public.__all__},
)


def imported() -> Iterator[tuple[str, str, str]]:
    """File, module and name of each import of something of syncqueue."""
    for file in sorted(FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "syncqueue":
                yield from ((file.name, str(node.module), alias.name) for alias in node.names)
            if isinstance(node, ast.Import):
                yield from ((file.name, alias.name, "") for alias in node.names if alias.name.startswith("syncqueue"))


def test_it_imports_public_names_alone() -> None:
    found = list(imported())
    assert len(found) > 50
    private = [
        one
        for one in found
        if not (one[1] == OWN or one[1].startswith(f"{OWN}.")) and one[2] not in PUBLIC.get(one[1], [])
    ]
    assert private == []


def test_every_public_name_is_there_and_unknown_ones_are_refused() -> None:
    assert set(dir(public)) >= set(public.__all__)
    for name in public.__all__:
        assert getattr(public, name) is not None
        assert name in str(public.__doc__), name
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = public.no_such_name
