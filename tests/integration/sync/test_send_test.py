"""A test at a destination: something is posted, and gone again."""

from __future__ import annotations

from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.models import Destination, SyncRecord
from tests.integration.sync.scene import methods, texts


def test_a_test_is_posted_and_taken_away_again(channel: Destination, sandbox: RunningSandbox) -> None:
    assert services.send_test(channel) == "A test was posted to @news and deleted again."
    assert methods(sandbox) == ["sendMessage", "deleteMessage"]
    assert texts(sandbox) == []
    assert not SyncRecord.objects.exists()
