"""Code of the site's own is called at the gates alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import pytest

from syncqueue.handlers.base import DocumentHandler, SyncHandler
from syncqueue.sources.registry import ModelSync

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ROOT / "syncqueue"


def methods_of(*classes: type) -> set[str]:
    """What a site may override: the public methods."""
    named = {name for one in classes for name, value in vars(one).items() if isinstance(value, FunctionType)}
    return {name for name in named if not name.startswith("_")}


# What a site writes in a ModelSync: methods, and attributes that hold functions or what its models decide.
SOURCE_METHODS = methods_of(ModelSync)
SOURCE_ATTRIBUTES = {
    "affected_by", "prefetch", "created_field", "changed_field", "live_from", "live_until", "search_fields", "keeps",
}  # fmt: skip
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

HANDLER_METHODS = methods_of(SyncHandler, DocumentHandler)
HANDLER_GATES = {
    "handlers/gate.py", "execution/sending.py", "execution/generic.py", "execution/side_by_side.py",
    "handlers/sessions.py",  # a handler calls it, in a call of its own that is guarded
}  # fmt: skip

# What makes or finds a site's object: whatever name its result is given is the site's code.
SOURCES = {"source_for", "source_by_label", "all_sources", "_source_of", "ModelSync"}
HANDLERS = {
    "make_handler", "shared_handler", "document_handler", "construct", "opened", "SyncHandler", "DocumentHandler"
}  # fmt: skip


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Each file of the app beside the built-in services, which are handlers themselves."""
    for file in sorted(HOUSE.rglob("*.py")):
        name = file.relative_to(HOUSE).as_posix()
        if not (name.startswith("handlers/") and name.count("/") > 1):
            yield name, ast.parse(file.read_text(encoding="utf-8"))


def last_name(node: ast.expr | None) -> str:
    """The "handler" of `handler`, `self._handler` and `runtime.handler`; of a call that of its function."""
    if isinstance(node, ast.Call):
        return last_name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr.strip("_")
    return node.id.strip("_") if isinstance(node, ast.Name) else ""


def names_given(tree: ast.Module, makers: set[str]) -> set[str]:
    """The names that a file gives to what `makers` return, or are annotated with them."""
    makers = {name.strip("_") for name in makers}
    found = set()
    for node in ast.walk(tree):
        pairs: list[tuple[ast.expr | None, ast.expr | None]] = []
        if isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        elif isinstance(node, ast.NamedExpr | ast.AnnAssign):
            pairs = [(node.target, node.value)]
        elif isinstance(node, ast.For | ast.comprehension):
            pairs = [(node.target, node.iter)]
        elif isinstance(node, ast.withitem):
            pairs = [(node.optional_vars, node.context_expr)]
        found |= {last_name(target) for target, value in pairs if last_name(value) in makers}
        annotation = getattr(node, "annotation", None)
        if annotation is not None and any(
            last_name(one) in makers for one in ast.walk(annotation) if isinstance(one, ast.Name | ast.Attribute)
        ):
            found.add(node.arg if isinstance(node, ast.arg) else last_name(getattr(node, "target", None)))
    return found | {name for name in makers if name.islower()}  # a class asks whether a method is overridden


def around_the_gate(name: str, tree: ast.Module) -> list[str]:
    """The places where a file calls a site's code by itself."""
    sources, handlers = names_given(tree, SOURCES) | {"source"}, names_given(tree, HANDLERS) | {"handler"}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            owner = last_name(node.value)
            if owner in sources and name not in SOURCE_GATE:
                is_name = node.attr in SOURCE_ATTRIBUTES and name not in READS_NAMES
                allowed = node.attr == "affected_by" and name in ASKS_WHETHER
                if node.attr in SOURCE_METHODS or (is_name and not allowed):
                    found.append(f"{name}:{node.lineno}: {owner}.{node.attr}")
            if owner in handlers and node.attr in HANDLER_METHODS and name not in HANDLER_GATES:
                found.append(f"{name}:{node.lineno}: {owner}.{node.attr}")
        if isinstance(node, ast.Call) and name not in SOURCE_GATE:
            if last_name(node.func) == "prefetch_related_objects":
                found.append(f"{name}:{node.lineno}: prefetch_related_objects")
            if isinstance(node.func, ast.Call) and last_name(node.func.func) == "handler_class":
                found.append(f"{name}:{node.lineno}: handler_class(...)(...)")
    return found


def test_nobody_calls_a_sites_code_but_the_gates() -> None:
    assert [line for name, tree in trees() for line in around_the_gate(name, tree)] == []


def test_the_walk_knows_what_a_site_may_override() -> None:
    assert {"owner", "document", "is_live", "existing_remote"} <= SOURCE_METHODS
    assert {"check", "endpoint", "was_made", "count", "process_many", "aclose"} <= HANDLER_METHODS


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
        "source_for(model).owner(obj)",
        "found = source_by_label(label); found.document(obj)",
        "for one in all_sources(): one.owner(obj)",
        "[one.is_live(obj) for one in all_sources()]",
        "def f(sync: ModelSync | None): return sync.document",
        "shared_handler(service).was_made(place)",
        "if (found := document_handler(service)): found.credential(place)",
        "async def f():\n async with gate.opened(make_handler(service)) as one:\n  await one.places({})",
        "def f(self, kind: DocumentHandler): kind.count(place)",
    ],
)
def test_a_call_around_a_gate_would_be_seen(code: str) -> None:
    assert around_the_gate("services/some.py", ast.parse(code)) != []
