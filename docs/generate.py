"""Writes docs/reference/ from the code: settings, commands, HTTP, signals, checks, errors, Python.

`make reference` runs it; the pages are committed, so that they can be read without a build, and a test compares them.
`words.py` has the purpose of each setting; a setting without words, or words without a setting, is an error.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from words import SETTINGS

GENERATED = "<!-- Generated from the code by `make reference`; do not edit. -->\n\n"


def write_reference(folder: Path) -> None:
    """Write all pages of the reference."""
    _set_up()
    folder.mkdir(exist_ok=True)
    pages: Mapping[str, Callable[[], str]] = {
        "settings": settings_page,
        "commands": commands_page,
        "http": http_page,
        "signals": signals_page,
        "checks": checks_page,
        "errors": errors_page,
        "python": python_page,
    }
    for name, page in pages.items():
        (folder / f"{name}.md").write_text(GENERATED + page().strip() + "\n", encoding="utf-8")


def _set_up() -> None:
    """Configure a site that contains only the app, so that all of it can be imported."""
    if not settings.configured:
        settings.configure(
            INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "syncqueue"],
            SECRET_KEY="for-the-pages-only",  # noqa: S106 - it protects nothing
            SYNCQUEUE={"REDIS": "redis://127.0.0.1:6379/1", "HANDLERS": {}},
            USE_TZ=True,
        )
        django.setup()


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    head = list(head)
    return "\n".join([line(head), line("---" for _ in head), *map(line, rows)])


# Settings


def settings_page() -> str:
    """Return every key of SYNCQUEUE, from the rules that validate it."""
    from syncqueue import conf

    parts = {
        "SYNCQUEUE": conf.TOP_RULES,
        "IMMEDIATE": conf.IMMEDIATE_RULES,
        "PROCESSING": conf.PROCESSING_RULES,
        "BREAKER": conf.BREAKER_RULES,
        "ALERTS": conf.ALERT_RULES,
        "HANDLERS": conf.HANDLER_RULES,
        "DESTINATIONS": conf.DESTINATION_RULES,
    }
    if differing := set(parts) ^ set(SETTINGS):
        raise ValueError(f"docs/words.py and the settings differ in {sorted(differing)}.")
    return SETTINGS_HEAD + "\n\n".join(_settings_part(name, rules) for name, rules in parts.items())


SETTINGS_HEAD = """# Settings

All settings are in one dict, `SYNCQUEUE`. It is read at the time of use, so `override_settings` works in tests.
`manage.py check` reports every wrong or unknown key and what to write instead; see [the checks](checks.md). This is the
minimum:

```python
SYNCQUEUE = {"REDIS": "redis://127.0.0.1:6379/1", "HANDLERS": {"telegram": {}}}
```

"""


def _settings_part(name: str, rules: Mapping[str, Any]) -> str:
    title, intro, words = SETTINGS[name]
    if differing := set(rules) ^ set(words):
        raise ValueError(f"docs/words.py and the settings of {name} differ in {sorted(differing)}.")
    rows = [[f"`{key}`", _default(key, rule), rule.expected, words[key]] for key, rule in rules.items()]
    return f"## {title}\n\n{intro}\n\n" + _table(["key", "default", "value", "effect"], rows)


def _default(key: str, rule: Any) -> str:
    if key in ("REDIS", "SERVICE"):
        return "required"
    return f"`{list(rule.default) if isinstance(rule.default, tuple) else rule.default!r}`"


# Commands


def commands_page() -> str:
    """Return the help of each command."""
    from syncqueue.management.commands.runsyncworker import Command as RunWorker
    from syncqueue.management.commands.syncqueue import SUBCOMMANDS
    from syncqueue.management.commands.syncqueue import Command as SyncQueue

    worker = RunWorker().create_parser("manage.py", "runsyncworker")
    parser = SyncQueue().create_parser("manage.py", "syncqueue")
    below = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    parts = [COMMANDS_HEAD, "## runsyncworker", _help(worker), "## syncqueue", str(parser.description)]
    for kind in SUBCOMMANDS:
        parts += [f"### {kind.name}", _help(below.choices[kind.name])]
    return "\n\n".join(parts)


COMMANDS_HEAD = """# Commands

Options of Django, such as `--settings`, `--verbosity` and `--traceback`, are accepted before and after the subcommand:
`manage.py syncqueue stats --settings=config.settings`."""


# Options of Django, the same for every command.
_DJANGOS = {
    "version", "verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks", "help",
}  # fmt: skip


def _help(parser: argparse.ArgumentParser) -> str:
    rows = [
        [f"`{', '.join(action.option_strings) or action.dest}`", action.help % vars(action) if action.help else ""]
        for action in parser._actions
        if action.dest not in _DJANGOS
    ]
    return f"{parser.description}\n\n" + (_table(["argument", "meaning"], rows) if rows else "")


# HTTP


def http_page() -> str:
    """Return the paths of the API, from its OpenAPI description."""
    from syncqueue.api.openapi import PATHS
    from syncqueue.api.schemas import SCHEMAS

    rows = []
    for path, item in PATHS.items():
        for method, operation in item.items():
            if method != "parameters":
                rows.append([f"`{method.upper()} {path}`", operation["summary"], _answers(operation)])
    schemas = "\n\n".join(_schema(name, schema) for name, schema in SCHEMAS.items())
    return (
        HTTP_HEAD + _table(["method and path", "effect", "responses"], rows) + "\n\n## Response schemas\n\n" + schemas
    )


HTTP_HEAD = """# HTTP API

```python
path("api/admin/sync-queue/", include("syncqueue.api.urls"))
```

The API uses JSON; a trailing slash is optional on every path. Callers are either logged in as staff, with the
permission `syncqueue.view_queue` to read and `syncqueue.operate_queue` to change (changes also need Django's CSRF
token), or send a token of `SYNCQUEUE["API_TOKENS"]`: `Authorization: Bearer ...`. `openapi.json` below the same path
is the complete description for tools (OpenAPI 3.1).

"""


def _answers(operation: Mapping[str, Any]) -> str:
    found = []
    for status, response in operation["responses"].items():
        schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        found.append(f"{status} {name}".strip() if status == "200" else status)
    return ", ".join(found)


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    rows = [[f"`{key}`", _type(value), str(value.get("description", ""))] for key, value in _properties(schema)]
    body = _table(["field", "type", ""], rows) if rows else _type(schema)
    return f"### {name}\n\n{schema.get('description', '')}\n\n{body}"


def _properties(schema: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for part in schema.get("allOf", ()):
        yield from _properties(part)
    yield from schema.get("properties", {}).items()


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if either := schema.get("anyOf", schema.get("oneOf")):
        return " or ".join(map(_type, either))
    kind = schema.get("type", schema.get("enum", ""))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{words}, {schema['format']}" if "format" in schema else words


# Signals, checks, errors


def signals_page() -> str:
    """Return the docstring of signals.py, with an example."""
    from syncqueue import signals

    return f"# Signals\n\n{inspect.getdoc(signals)}\n\n{SIGNALS_EXAMPLE}"


SIGNALS_EXAMPLE = """```python
from django.dispatch import receiver
from syncqueue.signals import task_failed


@receiver(task_failed)
def notify_team(sender, service, task, record_id, error, **kwargs): ...
```

Accept `**kwargs`: later versions may add arguments."""


def checks_page() -> str:
    """Return the ids of the system checks."""
    from syncqueue import checks

    pairs = re.findall(r"(?:^|\s{2,})([EW]\d{3}) (.+?)(?=\s{2,}|$)", inspect.getdoc(checks) or "", re.MULTILINE)
    rows = [[f"`syncqueue.{number}`", text] for number, text in sorted(pairs)]
    return (
        "# System checks\n\n`manage.py check` runs them; `manage.py check --deploy` also runs those for production. "
        "E is an error, W a warning; silence one with `SILENCED_SYSTEM_CHECKS`.\n\n" + _table(["id", "problem"], rows)
    )


def errors_page() -> str:
    """Return the tree of exceptions and their docstrings."""
    from syncqueue.core import errors

    tree = textwrap.dedent((inspect.getdoc(errors) or "").partition("\n\n")[2])
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind) and kind.__module__ == errors.__name__]
    parts = [f"## {kind.__name__}\n\n{inspect.getdoc(kind)}" for kind in kinds]
    intro = "All exceptions are in `syncqueue.core.errors`; those for handlers can also be imported from `syncqueue`."
    return f"# Errors\n\n{intro}\n\n```text\n{tree}\n```\n\n" + "\n\n".join(parts)


# Python


def python_page() -> str:
    """Return the public names with their signatures and docstrings."""
    import syncqueue
    from syncqueue import testing
    from syncqueue.handlers import public
    from syncqueue.testing import conformance as testing_conformance
    from syncqueue.testing import sandbox as testing_sandbox

    parts = [PYTHON_HEAD]
    for name in syncqueue.__all__:
        found = getattr(syncqueue, name)
        if inspect.isclass(found) and not issubclass(found, Exception):
            parts.append(_class(name, found))
        elif callable(found) and not inspect.isclass(found):
            parts.append(f"## {name}\n\n{_call(name, found)}\n\n{inspect.getdoc(found)}")
    for module in (testing, public, testing_conformance, testing_sandbox):
        parts.append(f"## {module.__name__}\n\n```text\n{inspect.getdoc(module)}\n```")
    return "\n\n".join(parts)


PYTHON_HEAD = """# Python

These are the public names; everything else may change without notice. [Errors](errors.md), [signals](signals.md) and
[handlers](../handlers.md) have separate pages. `CREATE`, `UPDATE` and `DELETE` are the actions of a task."""


def _call(name: str, found: Callable[..., Any]) -> str:
    return f"```python\n{name}{inspect.signature(found)}\n```"


def _class(name: str, kind: type) -> str:
    members = [
        [f"`{member}`", (inspect.getdoc(value) or "").partition("\n")[0]]
        for member, value in sorted(vars(kind).items())
        if not member.startswith("_") and (callable(value) or isinstance(value, classmethod | property))
    ]
    text = f"## {name}\n\n{_prose(inspect.getdoc(kind) or '')}"
    if issubclass(kind, Enum):
        values = _VALUE.findall(inspect.getsource(kind))
        return text + "\n\n" + _table(["value", ""], [[f"`{value}`", _prose(what)] for value, what in values])
    if attributes := _attributes(kind):
        text += "\n\n" + _table(["attribute", "type and default", ""], attributes)
    return text + ("\n\n" + _table(["member", ""], members) if members else "")


# An attribute of a class: comment lines above it, name, type and default, and a comment behind it.
_ATTRIBUTE = re.compile(
    r"^(?P<above>(?:    # .*\n)*)    (?P<name>[a-z]\w*): (?P<type>.+?)(?:  # (?P<behind>.*))?$", re.M
)

# A value of an enum, with the comment behind it.
_VALUE = re.compile(r"^    ([A-Z_]+) = .+?  # (.*)$", re.M)


def _attributes(kind: type) -> list[list[str]]:
    """Return the attributes of a class, with the comments next to them."""
    found = []
    for match in _ATTRIBUTE.finditer(inspect.getsource(kind)):
        above = " ".join(line.strip(" #") for line in match["above"].splitlines())
        what = re.sub(r"ClassVar\[(.*)\]( = |$)", r"\1\2", match["type"])
        found.append([f"`{match['name']}`", f"`{what}`", _prose(above or match["behind"] or "")])
    return found


def _prose(text: str) -> str:
    return text.replace("<", "&lt;")


if __name__ == "__main__":
    write_reference(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "reference")
