"""Manticore Search through the whole suite."""

from __future__ import annotations

from syncqueue.testing.conformance import Conformance
from tests.conformance.manticore import Manticore


class TestManticore(Conformance):
    service = Manticore
