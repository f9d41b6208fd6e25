"""The suite's pytest plugin: `pytest_plugins = ["syncqueue.testing.conformance.plugin"]`, or `-p` with that name.

It creates Django's settings if there are none, registers the fixtures, skips cases that a service does not support,
and prints what the handlers promise.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from importlib import import_module

import pytest

from syncqueue.testing.conformance import summary

PACKAGE = "syncqueue.testing.conformance"
SETTINGS = f"{PACKAGE}.settings"
NOTES = f"{PACKAGE}.notes"

# Failures of the cases show what was compared.
pytest.register_assert_rewrite(f"{PACKAGE}.cases", f"{PACKAGE}.scene")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Set up Django, then register the fixtures, which need it."""
    import django
    from django.conf import settings

    if not config.pluginmanager.hasplugin("django"):
        raise pytest.UsageError("The conformance suite needs pytest-django: pip install 'django-syncqueue[testing]'.")
    if not settings.configured:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    if not {NOTES, f"{NOTES}.apps.NotesConfig"} & set(settings.INSTALLED_APPS):
        raise pytest.UsageError(f"Add {NOTES!r} to INSTALLED_APPS of the settings that the tests run with.")
    django.setup()
    config.pluginmanager.register(import_module(f"{PACKAGE}.fixtures"), f"{PACKAGE}.fixtures")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Record the promise of each case, and skip cases that a service does not support, with the reason."""
    for item in items:
        summary.note(item)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, object, None]:
    """Add to a failure what to mend."""
    outcome = yield
    summary.say_what_to_mend(item, outcome.get_result())  # type: ignore[attr-defined]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each handler promises."""
    for line in summary.lines(terminalreporter):
        terminalreporter.write_line(line)
