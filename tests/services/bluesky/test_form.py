"""The form for a site's own pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from syncqueue.forms import BlueskyDestinationForm

pytestmark = pytest.mark.django_db

PASSWORD = "abcd-efgh-ijkl-mnop"
DATA = {
    "name": "Mine", "address": "@Name.bsky.social", "rule": "all", "enabled": "on", "secret_password": PASSWORD,
    "start_at_0": "2026-01-02", "start_at_1": "03:04:05",
}  # fmt: skip


@pytest.fixture
def owner(settings: Any) -> User:
    """A user of a site with Bluesky on."""
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "HANDLERS": {"bluesky": {}}}
    return User.objects.create_user("writer")


def test_an_account_is_set_up_with_its_choice(owner: User) -> None:
    form = BlueskyDestinationForm({**DATA, "over_limit": "image"}, owner=owner)
    assert form.is_valid(), form.errors
    row = form.save()
    assert (row.service, row.owner_id, row.secret) == ("bluesky", owner.pk, {"password": PASSWORD})
    assert row.options == {"over_limit": "image"}
    assert PASSWORD not in BlueskyDestinationForm(instance=row, owner=owner).as_p()


@pytest.mark.parametrize("address", ["name", "me@example.org", "https://bsky.app/profile/name", "-a.example", "did:x"])
def test_what_is_no_account_is_refused_in_words(owner: User, address: str) -> None:
    form = BlueskyDestinationForm({**DATA, "address": address}, owner=owner)
    assert not form.is_valid()
    assert "such as name.bsky.social" in str(form.errors)
