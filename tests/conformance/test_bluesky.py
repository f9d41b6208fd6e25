"""Bluesky through the whole suite: on the sandbox, and by `make pytest-bluesky` on the reference server."""

from __future__ import annotations

from syncqueue.testing.conformance import Conformance
from tests.conformance.bluesky import PACKAGES, Bluesky, ReferenceServer


class TestBluesky(Conformance):
    service = ReferenceServer if PACKAGES else Bluesky
