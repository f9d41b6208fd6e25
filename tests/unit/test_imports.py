"""Imports point one way, and what is not needed is not loaded."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import syncqueue

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ROOT / "syncqueue"

# From the ground up: a module may import from its own floor and those below.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("core",),
    ("conf", "signals", "tracing"),
    ("secrets", "outbound"),
    ("models",),
    ("site",),
    ("queue", "handlers"),
    ("sources",),
    ("presentation",),
    ("execution",),
    ("dispatch",),
    ("services",),
    ("worker",),
    ("checks", "receivers", "forms", "templatetags", "admin", "api", "doctor", "management", "migrations", "testing"),
    ("apps",),
)
# Written as a stranger would write it, by the public names (tests/unit/handlers/bluesky/test_public_names.py).
FROM_OUTSIDE = "syncqueue.handlers.bluesky"
LEVELS = {name: level for level, floor in enumerate(FLOORS) for name in floor}


def modules() -> Iterator[tuple[str, Path]]:
    """Each module with its file; the package's own names are loaded lazily and belong to no floor."""
    for file in sorted(HOUSE.rglob("*.py")):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name != "syncqueue":
            yield name, file


def imported(name: str, file: Path) -> set[str]:
    """What a module imports anywhere, in functions too: "syncqueue.conf", "redis.asyncio"."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= _from(node, name, file)
    return found


def _from(node: ast.ImportFrom, name: str, file: Path) -> set[str]:
    base = node.module or ""
    if node.level:  # relative: from the package the module stands in
        package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
        base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
    inner = {f"{base}.{alias.name}" for alias in node.names}
    return {one for one in inner if _is_module(one)} | ({base} if not all(map(_is_module, inner)) else set())


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return name.startswith("syncqueue.") and (path.with_suffix(".py").exists() or (path / "__init__.py").exists())


def floor_of(module: str) -> str:
    """The part of the house a module belongs to: "queue" for "syncqueue.queue.keys"."""
    return module.split(".")[1]


ALL = dict(modules())
IMPORTS = {name: imported(name, file) for name, file in ALL.items()}
INNER = [
    (name, other)
    for name, others in IMPORTS.items()
    for other in sorted(others)
    if other.startswith("syncqueue.") and floor_of(other) != floor_of(name)
]


def outside(library: str) -> set[str]:
    """The modules that import a library."""
    return {
        name
        for name, others in IMPORTS.items()
        if any(other == library or other.startswith(f"{library}.") for other in others)
    }


def test_every_module_has_its_floor() -> None:
    assert {floor_of(name) for name in ALL} == set(LEVELS)


def test_the_walk_sees_imports() -> None:
    assert ("syncqueue.queue.sync", "syncqueue.core.errors") in INNER
    assert ("syncqueue.apps", "syncqueue.receivers") in INNER  # inside of a function
    assert len(INNER) > 100


def test_no_module_imports_from_a_floor_above() -> None:
    against = [f"{name} imports {other}" for name, other in INNER if LEVELS[floor_of(other)] > LEVELS[floor_of(name)]]
    assert against == []


def circles() -> list[list[str]]:
    """The groups of modules that import case_by_key other, however far round: each is one circle at least."""
    inner = {name: {other for other in others if other in ALL} for name, others in IMPORTS.items()}
    reach = {name: set(others) for name, others in inner.items()}
    grown = True
    while grown:
        grown = False
        for found in reach.values():
            further = set().union(*(inner[other] for other in found)) - found
            found |= further
            grown = grown or bool(further)
    left, groups = {name for name, found in reach.items() if name in found}, []
    while left:
        one = min(left)
        group = {other for other in left if other in reach[one] and one in reach[other]}
        groups.append(sorted(group))
        left -= group
    return groups


def test_no_modules_import_each_other() -> None:
    assert circles() == []


def test_a_circle_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(IMPORTS, "syncqueue.core.errors", {"syncqueue.core.task"})
    assert ["syncqueue.core.errors", "syncqueue.core.task"] in circles()


def test_the_way_out_knows_neither_handlers_nor_queue() -> None:
    assert {floor_of(other) for name, other in INNER if floor_of(name) == "outbound"} <= {"core"}


def test_what_people_read_is_written_without_the_pages_that_show_it() -> None:
    assert {floor_of(other) for name, other in INNER if floor_of(name) == "presentation"}.isdisjoint({"admin", "api"})


def test_the_hall_holds_what_django_looks_for_and_the_doors() -> None:
    assert len([one for one in HOUSE.iterdir() if one.name != "__pycache__"]) <= 32


def test_no_module_imports_the_package_itself() -> None:
    inside = {name: others for name, others in IMPORTS.items() if not name.startswith(FROM_OUTSIDE)}
    assert [name for name, others in inside.items() if "syncqueue" in others] == []


@pytest.mark.parametrize(("one", "other"), [("queue", "handlers"), ("handlers", "queue"), ("queue", "sources")])
def test_queue_and_handlers_do_not_know_each_other(one: str, other: str) -> None:
    assert [pair for pair in INNER if (floor_of(pair[0]), floor_of(pair[1])) == (one, other)] == []


def test_core_needs_neither_django_nor_redis() -> None:
    core = {name for name in ALL if floor_of(name) == "core"}
    assert core.isdisjoint(outside("django") | outside("redis"))


def test_only_the_queue_talks_to_redis() -> None:
    beside = {"syncqueue.dispatch.site_queues", "syncqueue.worker.heartbeat"}
    beside.add("syncqueue.testing.conformance.queue_server")  # starts one
    found = {name for name in outside("redis") if floor_of(name) != "queue"}
    assert found <= beside


def test_the_client_libraries_of_services_stay_in_their_folders() -> None:
    folders = {"telegram": "telegram", "mastodon": "mastodon", "manticoresearch": "manticore"}  # fmt: skip
    for library, folder in folders.items():
        assert outside(library), library
        assert all(name.startswith(f"syncqueue.handlers.{folder}") for name in outside(library)), library
    for library in ("httpx", "aiohttp", "requests", "urllib3", "pyromark", "PIL", "grapheme"):
        assert all(name.startswith(("syncqueue.handlers.", "syncqueue.outbound.")) for name in outside(library)), (
            library
        )


def test_the_app_never_imports_the_demo_site_or_the_tests() -> None:
    assert outside("project") | outside("tests") == set()


def test_the_sandbox_shares_nothing_with_what_it_judges() -> None:
    sandbox = {name for name in ALL if name.startswith("syncqueue.testing.sandbox")}
    inner = {other for name in sandbox for other in IMPORTS[name] if other.startswith("syncqueue.")}
    assert inner <= sandbox
    assert sandbox.isdisjoint(outside("django") | outside("redis"))


def run(code: str) -> list[str]:
    """The lines that a fresh interpreter prints."""
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return answer.stdout.split()


def test_importing_the_package_loads_neither_models_nor_client_libraries() -> None:
    loaded = run("import sys, syncqueue; print(*sys.modules)")
    assert "syncqueue" in loaded
    assert {name for name in loaded if name.startswith("syncqueue.")} == set()
    assert not {"django", "redis", "telegram", "httpx", "aiohttp"} & set(loaded)


def test_a_name_that_needs_no_models_loads_none() -> None:
    loaded = run("import sys; from syncqueue import SyncTask, SyncResult, RetryLater; print(*sys.modules)")
    assert "syncqueue.core.task" in loaded
    assert not {"syncqueue.models", "django", "redis", "telegram"} & set(loaded)


def test_the_helpers_for_tests_load_neither_pytest_nor_a_web_server_nor_the_app() -> None:
    loaded = run("import sys, syncqueue.testing, syncqueue.testing.sandbox; print(*sys.modules)")
    assert not {"django", "redis", "pytest", "starlette", "uvicorn", "jinja2", "fakeredis"} & set(loaded)


def test_a_service_of_the_sandbox_loads_no_part_of_the_app() -> None:
    loaded = run("import sys; from syncqueue.testing.sandbox import JsonService, running; print(*sys.modules)")
    assert "starlette" in loaded
    ours = {name for name in loaded if name.startswith("syncqueue")}
    assert all(name in ("syncqueue", "syncqueue.testing") or "testing.sandbox" in name for name in ours)
    assert "django" not in loaded


def test_every_public_name_is_there_and_unknown_ones_are_refused() -> None:
    assert set(dir(syncqueue)) >= set(syncqueue.__all__)
    for name in syncqueue.__all__:
        assert getattr(syncqueue, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = syncqueue.no_such_name
