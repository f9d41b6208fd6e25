"""Telegram through the whole suite."""

from __future__ import annotations

from syncqueue.testing.conformance import Conformance
from tests.conformance.telegram import Telegram, UnsearchedTelegram


class TestTelegram(Conformance):
    service = Telegram


class TestUnsearchedTelegram(Conformance):
    service = UnsearchedTelegram
