"""The fixtures of the suite: a queue, the service's stand-in, and a site between them, without data of other tests."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from syncqueue.conf import get_settings
from syncqueue.dispatch.sending import sending
from syncqueue.handlers.registry import handler_class
from syncqueue.models import Destination
from syncqueue.services import verifying
from syncqueue.testing.conformance.babbler import Babbler, babbling
from syncqueue.testing.conformance.forgetting import forget_all
from syncqueue.testing.conformance.notes.sync import MediaSync, NoteSync, SiteSync, synced_by
from syncqueue.testing.conformance.queue_server import queue_server
from syncqueue.testing.conformance.scene import Site
from syncqueue.testing.conformance.service import ServiceUnderTest
from syncqueue.testing.sandbox.client import RunningSandbox

Start = Callable[[type[ServiceUnderTest]], RunningSandbox]
# A save waits until its attempt has ended, even on a busy machine.
IMMEDIATE = {"TIMEOUT_SECONDS": 60}


@pytest.fixture(scope="session")
def conformance_queue() -> Iterator[str]:
    """The URL of a server for the queues of all tests."""
    with queue_server() as url:
        yield url


@pytest.fixture(scope="session")
def conformance_stand_in() -> Iterator[Start]:
    """A function that starts the stand-in of a service, once."""
    running: dict[tuple[object, object], RunningSandbox] = {}

    with ExitStack() as started:

        def start(service_class: type[ServiceUnderTest]) -> RunningSandbox:
            key = (service_class.start.__func__, service_class.stand_in)  # type: ignore[attr-defined]
            if key not in running:
                running[key] = started.enter_context(service_class.start())
            return running[key]

        yield start


@pytest.fixture(scope="session")
def conformance_babbler() -> Iterator[Babbler]:
    """A proxy that all tests share."""
    with babbling() as babbler:
        yield babbler


@pytest.fixture
def service(
    request: pytest.FixtureRequest, conformance_stand_in: Start, monkeypatch: pytest.MonkeyPatch
) -> ServiceUnderTest:
    """The service of the test's class, or of its parameter: empty, up, and reached without a proxy."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    service_class: type[ServiceUnderTest] = getattr(request, "param", None) or request.cls.service
    sandbox = conformance_stand_in(service_class)
    sandbox.reset()
    return service_class(sandbox)


@pytest.fixture
def site(service: ServiceUnderTest, conformance_queue: str, settings: Any, transactional_db: None) -> Iterator[Site]:
    """A site that has the service enabled and its own queue. Retries follow soon."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite" and (name == ":memory:" or "mode=memory" in name):
        pytest.fail("Attempts run in other threads: give the tests a database file, DATABASES[...]['TEST']['NAME'].")
    settings.SYNCQUEUE = {
        "REDIS": conformance_queue,
        "KEY_PREFIX": uuid.uuid4().hex,
        "IMMEDIATE": IMMEDIATE,
        "BREAKER": {"OPEN_SECONDS": 1},
        "HANDLERS": {service.name: {"BASE_DELAY_SECONDS": 0.1, **service.settings(service.url)}},
        **service.site_settings(),
    }
    forget_all()
    with sending(), synced_by(NoteSync):
        yield Site(service, get_user_model().objects.create_user("writer"))
        forget_all()


@pytest.fixture
def destination(site: Site) -> Destination:
    """A destination that accepts all notes."""
    return site.service.make_destination()


@pytest.fixture
def site_sync(site: Site) -> Iterator[type[SiteSync]]:
    """Notes are synced by `SiteSync`."""
    SiteSync.times, SiteSync.old = {}, {}
    with synced_by(SiteSync):
        yield SiteSync


@pytest.fixture
def media_sync(site: Site, tmp_path: Path) -> Iterator[type[MediaSync]]:
    """Notes have pictures."""
    MediaSync.folder, MediaSync.usual, MediaSync.by_note, MediaSync.old = tmp_path, (), {}, {}
    site.hanging_seconds = 6  # the pictures are read in a quarter of it
    with synced_by(MediaSync):
        yield MediaSync


@pytest.fixture
def quick_reads(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between two reads, and short ones while a service is unavailable."""
    monkeypatch.setattr(handler_class(get_settings().service(site.service.name)), "read_pause_seconds", 0.0)
    monkeypatch.setattr(verifying, "PAUSES_SECONDS", (0.01, 0.02))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch, site: Site) -> None:
    """One copy per read, even if the handler can read many at once."""
    monkeypatch.setattr(handler_class(get_settings().service(site.service.name)), "batch_size", 1)


@pytest.fixture
def babbler(conformance_babbler: Babbler, site: Site) -> Babbler:
    """A proxy in front of the service, which has one destination; nothing is retried."""
    conformance_babbler.service_url = site.service.url
    conformance_babbler.body, conformance_babbler.hands_on = None, False
    site.configure(MAX_RETRIES=0, **site.service.settings(conformance_babbler.url))
    return conformance_babbler
