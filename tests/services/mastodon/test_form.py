"""The form for a site's own pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.forms import ChoiceField

from syncqueue.forms import MastodonDestinationForm
from syncqueue.handlers.mastodon.options import OPTIONS

pytestmark = pytest.mark.django_db

TOKEN = "a-token-that-must-not-be-shown-anywhere-0123"
DATA = {
    "name": "Mine", "address": "https://mastodon.social", "rule": "all", "enabled": "on", "secret_access_token": TOKEN,
    "start_at_0": "2026-01-02", "start_at_1": "03:04:05",
}  # fmt: skip


@pytest.fixture
def owner(settings: Any) -> User:
    """A user of a site with Mastodon on."""
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "HANDLERS": {"mastodon": {}}}
    return User.objects.create_user("writer")


def test_an_account_is_set_up_with_its_choices(owner: User) -> None:
    form = MastodonDestinationForm({**DATA, "visibility": "unlisted", "over_limit": "image"}, owner=owner)
    assert form.is_valid(), form.errors
    row = form.save()
    assert (row.service, row.owner_id, row.secret) == ("mastodon", owner.pk, {"access_token": TOKEN})
    assert row.options == {"visibility": "unlisted", "over_limit": "image"}


def test_a_change_shows_what_is_chosen_and_keeps_all_other_options(owner: User) -> None:
    row = MastodonDestinationForm({**DATA, "visibility": "unlisted"}, owner=owner).save()
    row.options |= {"link": True}
    page = MastodonDestinationForm(instance=row, owner=owner).as_p()
    assert '<option value="unlisted" selected>' in page
    assert TOKEN not in page
    row = MastodonDestinationForm({**DATA, "visibility": "private"}, instance=row, owner=owner).save()
    assert row.options == {"visibility": "private", "link": True}


def test_the_inputs_are_the_options_that_the_handler_declares_and_come_before_the_secret(owner: User) -> None:
    form = MastodonDestinationForm(owner=owner)
    for name in ("visibility", "over_limit"):
        field = form.fields[name]
        assert isinstance(field, ChoiceField)
        assert (field.label, field.help_text, field.required) == (OPTIONS[name].label, OPTIONS[name].help_text, False)
        assert field.choices == [*OPTIONS[name].choices.items()]
    names = [*form.fields]
    assert names[-3:] == ["visibility", "over_limit", "secret_access_token"]


@pytest.mark.parametrize(
    "wrong",
    [{"address": "mastodon.social"}, {"secret_access_token": "/etc/passwd"}, {"visibility": "everybody"}],
)
def test_what_cannot_work_is_refused_in_words(owner: User, wrong: dict[str, str]) -> None:
    form = MastodonDestinationForm({**DATA, **wrong}, owner=owner)
    assert not form.is_valid()
    assert form.errors
