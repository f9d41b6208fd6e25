"""Code of the site's own is called at the gates alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ROOT / "syncqueue"

# What a site overrides in a ModelSync: methods, and attributes that hold functions or what its models decide.
SOURCE_METHODS = {"owner", "owners", "document", "is_live", "existing_remote", "at"}
SOURCE_ATTRIBUTES = {"affected_by", "prefetch", "created_field", "changed_field", "search_fields"}
SOURCE_GATE = {"sources/gate.py"}
# Where the names of fields are checked or used in a query, without calling anything of the site's.
READS_NAMES = {
    "sources/registry.py",
    "sources/registration.py",
    "sources/sweep.py",
    "sources/relations.py",
    "checks.py",
}
ASKS_WHETHER = {"receivers.py"}  # which models affected_by names

HANDLER_METHODS = {
    "endpoint", "credential", "fingerprint", "lost_part", "clean", "check", "places", "identify", "aclose",
    "create", "update", "delete", "apply_many", "process", "process_many", "count", "was_made", "read", "read_all",
}  # fmt: skip
HANDLER_GATES = {"handlers/gate.py", "execution/sending.py", "execution/generic.py", "execution/side_by_side.py"}


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Each file of the app beside the built-in services, which are handlers themselves."""
    for file in sorted(HOUSE.rglob("*.py")):
        name = file.relative_to(HOUSE).as_posix()
        if not (name.startswith("handlers/") and name.count("/") > 1):
            yield name, ast.parse(file.read_text(encoding="utf-8"))


def last_name(node: ast.expr) -> str:
    """The "handler" of `handler`, `self._handler` and `runtime.handler`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def around_the_gate(name: str, tree: ast.Module) -> list[str]:
    """The places where a file calls a site's code by itself."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            owner = last_name(node.value).strip("_")
            if owner == "source" and name not in SOURCE_GATE:
                is_name = node.attr in SOURCE_ATTRIBUTES and name not in READS_NAMES
                allowed = node.attr == "affected_by" and name in ASKS_WHETHER
                if node.attr in SOURCE_METHODS or (is_name and not allowed):
                    found.append(f"{name}:{node.lineno}: source.{node.attr}")
            if owner in ("handler", "document_handler") and node.attr in HANDLER_METHODS and name not in HANDLER_GATES:
                found.append(f"{name}:{node.lineno}: handler.{node.attr}")
        if (
            isinstance(node, ast.Call)
            and last_name(node.func) == "prefetch_related_objects"
            and name not in SOURCE_GATE
        ):
            found.append(f"{name}:{node.lineno}: prefetch_related_objects")
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Call)
            and last_name(node.func.func) == "handler_class"
        ):
            found.append(f"{name}:{node.lineno}: handler_class(...)(...)")
    return found


def test_nobody_calls_a_sites_code_but_the_gates() -> None:
    assert [line for name, tree in trees() for line in around_the_gate(name, tree)] == []


@pytest.mark.parametrize(
    "code",
    [
        "source.owner(obj)",
        "call(self._source.is_live)",
        "for model in source.affected_by: model()",
        "getattr(obj, source.created_field)",
        "prefetch_related_objects(rows, 'tags')",
        "handler.endpoint(place)",
        "await self.handler.check(place)",
        "handler_class(service)(config)",
    ],
)
def test_a_call_around_a_gate_would_be_seen(code: str) -> None:
    assert around_the_gate("services/some.py", ast.parse(code)) != []
