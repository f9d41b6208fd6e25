"""Each test for each service: a site with a real Redis, and the service's sandbox over real HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination
from syncqueue.sources import same_place
from syncqueue.sources.registry import register, unregister
from tests.conformance.scene import Site
from tests.conformance.service import ServiceUnderTest
from tests.conformance.services import SERVICES
from tests.conformance.site_sync import SiteSync
from tests.integration.sync.conftest import forget_all
from tests.patience import IMMEDIATE


@pytest.fixture(params=SERVICES, ids=[one.__name__ for one in SERVICES])
def service(request: pytest.FixtureRequest, sandbox: RunningSandbox) -> ServiceUnderTest:
    """One of the services, empty and up."""
    made: ServiceUnderTest = request.param(sandbox)
    return made


@pytest.fixture
def site(service: ServiceUnderTest, redis_url: str, settings: Any, transactional_db: None) -> Iterator[Site]:
    """A site on which the service is on, with a queue of its own. Retries come soon."""
    settings.SYNCQUEUE = {
        "REDIS": redis_url,
        "KEY_PREFIX": uuid.uuid4().hex,
        "IMMEDIATE": IMMEDIATE,
        "BREAKER": {"OPEN_SECONDS": 1},
        "HANDLERS": {service.name: {"BASE_DELAY_SECONDS": 0.1, **service.settings(service.url)}},
        **service.site_settings(),
    }
    forget_all()
    yield Site(service, User.objects.create_user("writer"))
    forget_all()


@pytest.fixture
def site_sync(site: Site) -> Iterator[type[SiteSync]]:
    """Notes are synced by `SiteSync`."""
    SiteSync.times, SiteSync.old = {}, {}
    unregister(Note)
    register(Note)(SiteSync)
    same_place.forget()
    yield SiteSync
    unregister(Note)
    register(Note)(NoteSync)


@pytest.fixture
def destination(site: Site) -> Destination:
    """A destination that takes all notes."""
    return site.service.make_destination()
