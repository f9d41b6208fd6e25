"""`syncqueue.testing`: a host site's own tests, without Redis and without a network."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import TestCase

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.testing import CapturedSync, captured_syncs
from tests.integration.sync.scene import configure, make_destination, texts


class HostSiteTest(TestCase):
    """As a host site writes them: in a transaction that is never committed."""

    @pytest.fixture(autouse=True)
    def no_redis(self, own_site: None, settings: Any) -> None:
        settings.SYNCQUEUE = {**settings.SYNCQUEUE, "REDIS": "redis://127.0.0.1:1/0"}

    @pytest.fixture(autouse=True)
    def use_sandbox(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox

    def test_what_a_save_would_sync_is_seen_and_nothing_is_sent(self) -> None:
        make_destination(self.sandbox)
        with captured_syncs() as syncs:
            note = Note.objects.create(owner=User.objects.create_user("writer"), text="First")
        assert syncs == [
            CapturedSync(entity=f"notes.note:{note.pk}", service="telegram", destination="@news", action="update")
        ]
        assert SyncRecord.objects.get().state == RecordState.WAITING
        assert self.sandbox.log() == []

    def test_a_delete_is_seen_as_one(self) -> None:
        make_destination(self.sandbox)
        with captured_syncs() as syncs:
            Note.objects.create(owner=User.objects.create_user("writer"), text="First").delete()
        assert [sync.action for sync in syncs] == ["update", "delete"]

    def test_without_a_destination_nothing_is_seen(self) -> None:
        with captured_syncs() as syncs:
            Note.objects.create(owner=User.objects.create_user("writer"), text="First")
        assert syncs == []


@pytest.mark.django_db(transaction=True)
def test_outside_of_it_saves_are_synced_again(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    configure(REDIS="redis://127.0.0.1:1/0")
    with captured_syncs():
        Note.objects.create(owner=writer, text="Captured")
    assert sandbox.log() == []
    Note.objects.create(owner=writer, text="Sent")
    assert texts(sandbox) == ["Sent"]
