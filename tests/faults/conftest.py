"""Sites for the tests of this folder, and the sandbox they post to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from project.sandbox.testing import RunningSandbox
from tests.faults.databases import new_database
from tests.faults.site import Site, migrate

SiteMaker = Callable[..., Site]


@pytest.fixture(scope="session")
def template_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with its tables and one user; its processes have ended."""
    # Port 1 of this machine answers nobody; nothing is to be asked while tables are made.
    folder = tmp_path_factory.mktemp("site")
    site = Site(folder, new_database(folder), "redis://127.0.0.1:1/0", "http://127.0.0.1:1")
    site.database.create()
    migrate(site)
    site.close()
    return site


@pytest.fixture
def make_site(tmp_path: Path, sandbox: RunningSandbox, template_site: Site) -> Iterator[SiteMaker]:
    """Makes sites; their processes end with the test, and what they wrote is shown when it fails."""
    sites: list[Site] = []

    def make(redis_url: str, **variables: Any) -> Site:
        folder = tmp_path / f"site-{len(sites) + 1}"
        site = Site(folder, new_database(folder), redis_url, sandbox.telegram_url, **variables)
        sites.append(site)
        site.database.create(template_site.database)
        # Each database gets an id of its own.
        site.sql("DELETE FROM syncqueue_sitestamp")
        return site

    yield make
    for site in sites:
        site.close()
        site.database.drop()
        print(site.logs())


@pytest.fixture
def site(make_site: SiteMaker, redis_url: str) -> Site:
    """A site on an empty database of the shared Redis."""
    return make_site(redis_url)
