"""What all tests share. Fixtures of one kind of test stand in that folder's conftest.py."""

from collections.abc import Iterator

import pytest
from django.utils import translation

from syncqueue.dispatch.sending import sending
from tests.redis_server import own_redis_server, redis_server, redis_url
from tests.sandbox import sandbox, sandbox_process

__all__ = ["own_redis_server", "redis_server", "redis_url", "sandbox", "sandbox_process"]

# The suite for handlers: its fixtures, and the table of what each handler promises.
pytest_plugins = ["syncqueue.testing.conformance.plugin"]

# What a test needs decides which target of the Makefile runs it: the first of these fixtures that it uses gives it its
# mark, or its folder does. All other tests are those of `make test`.
MARK_OF_FIXTURE = {"website": "pages", "chromium": "pages", "distributions": "wheel", "template_site": "processes"}
MARKED_FOLDERS = ("conformance", "services", "shapes", "simulation")
# Where the targets look: to collect all tests takes longer than to run some of these.
FOLDERS_OF_MARK = {
    "conformance": ("tests/conformance",),
    "pages": ("tests/browser",),
    "processes": ("tests/browser", "tests/docs", "tests/faults", "tests/integration"),
    "services": ("tests/services",),
    "shapes": ("tests/hostile", "tests/shapes"),
    "simulation": ("tests/integration/sync", "tests/integration/withdrawal", "tests/simulation"),
    "wheel": ("tests/docs", "tests/packaging", "tests/upgrade"),
}


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that `make test` leaves to targets of their own; raises for one that no target would find."""
    for item in items:
        needed = getattr(item, "fixturenames", ())
        mark = next((mark for fixture, mark in MARK_OF_FIXTURE.items() if fixture in needed), None)
        for folder in MARKED_FOLDERS:
            if folder in item.path.parts:
                mark = folder
        if mark is not None:
            item.add_marker(mark)
        for name, folders in FOLDERS_OF_MARK.items():
            if item.get_closest_marker(name) and not item.nodeid.startswith(folders):
                raise pytest.UsageError(
                    f"{item.nodeid} is marked {name!r}, but `make test-{name}` looks only in {', '.join(folders)}: "
                    "move it there, or add its folder to FOLDERS_OF_MARK in tests/conftest.py and to the Makefile."
                )


@pytest.fixture(autouse=True)
def language_of_the_site() -> Iterator[None]:
    """The language of a reader whom a test's client has played ends with the test: Django keeps it for the thread."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session", autouse=True)
def send() -> Iterator[None]:
    """Our tests are about what is sent; a site's own tests send nothing unless they ask for it."""
    with sending():
        yield
