"""The webhook through the whole suite."""

from __future__ import annotations

from syncqueue.testing.conformance import Conformance
from tests.conformance.webhook import Webhook


class TestWebhook(Conformance):
    service = Webhook
