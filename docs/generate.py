"""Writes docs/reference/ from the code: settings, commands, HTTP, signals, checks, errors, Python.

What the code cannot say (why one would change a setting) stands in `words.py`; a setting without words there, or words
without a setting, break the build.
"""

from __future__ import annotations

import argparse
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from words import SETTINGS

GENERATED = "<!-- Made from the code by docs/generate.py. -->\n\n"


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
    """A site with nothing but the app: enough to import all of it."""
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
    """Every key of SYNCQUEUE, from the rules that check it."""
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

One dict, `SYNCQUEUE`. It is read when it is needed, so `override_settings` works in tests. `manage.py check` names
every wrong or unknown key and what to write instead; see [the checks](checks.md). The shortest valid one is

```python
SYNCQUEUE = {"REDIS": "redis://127.0.0.1:6379/1", "HANDLERS": {"telegram": {}}}
```

"""


def _settings_part(name: str, rules: Mapping[str, Any]) -> str:
    title, intro, words = SETTINGS[name]
    if differing := set(rules) ^ set(words):
        raise ValueError(f"docs/words.py and the settings of {name} differ in {sorted(differing)}.")
    rows = [[f"`{key}`", _default(key, rule), rule.expected, words[key]] for key, rule in rules.items()]
    return f"## {title}\n\n{intro}\n\n" + _table(["key", "default", "takes", "what it does"], rows)


def _default(key: str, rule: Any) -> str:
    if key in ("REDIS", "SERVICE"):
        return "required"
    return f"`{list(rule.default) if isinstance(rule.default, tuple) else rule.default!r}`"


# Commands


def commands_page() -> str:
    """What `--help` prints of each command."""
    from syncqueue.management.commands.runsyncworker import Command as RunWorker
    from syncqueue.management.commands.syncqueue import SUBCOMMANDS
    from syncqueue.management.commands.syncqueue import Command as SyncQueue

    worker = RunWorker().create_parser("manage.py", "runsyncworker")
    parser = SyncQueue().create_parser("manage.py", "syncqueue")
    below = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    parts = ["# Commands", "## runsyncworker", _help(worker), "## syncqueue", str(parser.description)]
    for kind in SUBCOMMANDS:
        parts += [f"### {kind.name}", _help(below.choices[kind.name])]
    return "\n\n".join(parts)


# Django's own, the same for every command.
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
    """The API's paths, from its OpenAPI description."""
    from syncqueue.api.openapi import PATHS
    from syncqueue.api.schemas import SCHEMAS

    rows = []
    for path, item in PATHS.items():
        for method, operation in item.items():
            if method != "parameters":
                rows.append([f"`{method.upper()} {path}`", operation["summary"], _answers(operation)])
    schemas = "\n\n".join(_schema(name, schema) for name, schema in SCHEMAS.items())
    return HTTP_HEAD + _table(["method and path", "does", "answers"], rows) + "\n\n## What is answered\n\n" + schemas


HTTP_HEAD = """# HTTP API

```python
path("api/admin/sync-queue/", include("syncqueue.api.urls"))
```

JSON, each path with or without a slash at its end. Who asks is either logged in as staff, with the permission
`syncqueue.view_queue` to look and `syncqueue.operate_queue` to change (changes also need Django's CSRF token), or a
machine with a token of `SYNCQUEUE["API_TOKENS"]`: `Authorization: Bearer ...`. `openapi.json` under the same path is
the whole description for tools (OpenAPI 3.1).

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
    """The docstring of signals.py."""
    from syncqueue import signals

    return f"# Signals\n\n{inspect.getdoc(signals)}\n\n{SIGNALS_EXAMPLE}"


SIGNALS_EXAMPLE = """```python
from django.dispatch import receiver
from syncqueue.signals import task_failed


@receiver(task_failed)
def tell_somebody(sender, service, task, record_id, error, **kwargs):
    ...
```

Take `**kwargs`: a later version may say more."""


def checks_page() -> str:
    """The ids of the system checks."""
    from syncqueue import checks

    pairs = re.findall(r"(?:^|\s{2,})([EW]\d{3}) (.+?)(?=\s{2,}|$)", inspect.getdoc(checks) or "", re.MULTILINE)
    rows = [[f"`syncqueue.{number}`", text] for number, text in sorted(pairs)]
    return (
        "# System checks\n\n`manage.py check` runs them, `manage.py check --deploy` also those of production. "
        "E is an error, W a warning; silence one with `SILENCED_SYSTEM_CHECKS`.\n\n" + _table(["id", "says"], rows)
    )


def errors_page() -> str:
    """The tree of errors, and each one's docstring."""
    from syncqueue.core import errors

    tree = textwrap.dedent((inspect.getdoc(errors) or "").partition("\n\n")[2])
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind) and kind.__module__ == errors.__name__]
    parts = [f"## {kind.__name__}\n\n{inspect.getdoc(kind)}" for kind in kinds]
    intro = "All are in `syncqueue.core.errors`; those that a handler raises are in `syncqueue` too."
    return f"# Errors\n\n{intro}\n\n```text\n{tree}\n```\n\n" + "\n\n".join(parts)


# Python


def python_page() -> str:
    """The public names, with their signatures and docstrings."""
    import syncqueue
    from syncqueue import testing

    parts = [PYTHON_HEAD]
    for name in syncqueue.__all__:
        found = getattr(syncqueue, name)
        if inspect.isclass(found) and not issubclass(found, Exception):
            parts.append(_class(name, found))
        elif callable(found) and not inspect.isclass(found):
            parts.append(f"## {name}\n\n{_call(name, found)}\n\n{inspect.getdoc(found)}")
    parts.append(f"## syncqueue.testing\n\n```text\n{inspect.getdoc(testing)}\n```")
    return "\n\n".join(parts)


PYTHON_HEAD = """# Python

The public names: what is not here may change without notice. [Errors](errors.md) and [signals](signals.md) have pages
of their own, and so have [handlers](../handlers.md). `CREATE`, `UPDATE` and `DELETE` are the actions of a task."""


def _call(name: str, found: Callable[..., Any]) -> str:
    return f"```python\n{name}{inspect.signature(found)}\n```"


def _class(name: str, kind: type) -> str:
    members = [
        [f"`{member}`", (inspect.getdoc(value) or "").partition("\n")[0]]
        for member, value in sorted(vars(kind).items())
        if not member.startswith("_") and (callable(value) or isinstance(value, classmethod | property))
    ]
    text = f"## {name}\n\n{_prose(inspect.getdoc(kind) or '')}"
    if attributes := _attributes(kind):
        text += "\n\n" + _table(["attribute", "type and default", ""], attributes)
    return text + ("\n\n" + _table(["member", ""], members) if members else "")


# An attribute of a class: comment lines above it, name, type and default, and a comment behind it.
_ATTRIBUTE = re.compile(
    r"^(?P<above>(?:    # .*\n)*)    (?P<name>[a-z]\w*): (?P<type>.+?)(?:  # (?P<behind>.*))?$", re.M
)


def _attributes(kind: type) -> list[list[str]]:
    """The attributes of a class with what the comments beside them say."""
    found = []
    for match in _ATTRIBUTE.finditer(inspect.getsource(kind)):
        above = " ".join(line.strip(" #") for line in match["above"].splitlines())
        what = re.sub(r"ClassVar\[(.*)\]( = |$)", r"\1\2", match["type"])
        found.append([f"`{match['name']}`", f"`{what}`", _prose(above or match["behind"] or "")])
    return found


def _prose(text: str) -> str:
    return text.replace("<", "&lt;")
