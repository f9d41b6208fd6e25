"""The forms for a site's own pages."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.utils import translation

from syncqueue.forms import TelegramDestinationForm
from syncqueue.models import Destination

pytestmark = pytest.mark.django_db

TOKEN = "123456:a-token-that-must-not-be-shown-anywhere"
DATA = {"name": "Mine", "address": "@mine", "rule": "all", "enabled": "on", "secret_token": TOKEN}
START = {"start_at_0": "2026-01-02", "start_at_1": "03:04:05"}


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("writer")


def test_owner_and_service_are_the_pages_and_not_the_requests(owner: User) -> None:
    other = User.objects.create_user("other")
    form = TelegramDestinationForm({**DATA, **START, "owner": str(other.pk), "service": "second"}, owner=owner)
    assert form.is_valid(), form.errors
    row = form.save()
    assert (row.owner_id, row.service, row.secret) == (owner.pk, "telegram", {"token": TOKEN})
    assert row.start_at is not None and row.start_at.isoformat() == "2026-01-02T03:04:05+00:00"


def test_the_form_speaks_the_browsers_own_pickers(owner: User) -> None:
    page = TelegramDestinationForm(owner=owner).as_p()
    assert 'type="date"' in page and 'type="time"' in page and 'type="password"' in page


def test_date_and_time_are_named_each_for_who_cannot_see_them_in_the_readers_language(owner: User) -> None:
    with translation.override("zh-hans"):
        page = TelegramDestinationForm(owner=owner).as_p()
    assert 'aria-label="日期（不带时分）"' in page and 'aria-label="时间"' in page


def test_the_form_never_shows_the_stored_secret(owner: User) -> None:
    row = TelegramDestinationForm({**DATA, **START}, owner=owner).save()
    assert TOKEN not in TelegramDestinationForm(instance=row, owner=owner).as_p()
    assert TOKEN not in TelegramDestinationForm({**DATA, "name": ""}, instance=row, owner=owner).as_p()


def test_another_owners_destination_is_not_opened(owner: User) -> None:
    row = TelegramDestinationForm({**DATA, **START}, owner=owner).save()
    with pytest.raises(PermissionError):
        TelegramDestinationForm(instance=row, owner=User.objects.create_user("other"))


def test_a_destination_of_another_service_is_not_opened(owner: User) -> None:
    row = Destination.objects.create(name="index", service="second", owner=owner)
    with pytest.raises(ValueError, match="second"):
        TelegramDestinationForm(instance=row, owner=owner)


def test_a_service_that_is_off_is_named(owner: User, settings: Any) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "HANDLERS": {}}
    with pytest.raises(ImproperlyConfigured, match="telegram"):
        TelegramDestinationForm(owner=owner)


def test_a_changed_secret_mends_the_destination_after_the_commit(
    owner: User, django_capture_on_commit_callbacks: Any
) -> None:
    row = TelegramDestinationForm({**DATA, **START}, owner=owner).save()
    Destination.objects.update(broken_reason="refused")
    row.refresh_from_db()
    changed = {**DATA, **START, "secret_token": "654321:another-token-of-the-same-form"}
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        TelegramDestinationForm(changed, instance=row, owner=owner).save()
        row.refresh_from_db()
        assert row.broken_reason == "refused"
    assert callbacks
    row.refresh_from_db()
    assert row.broken_reason == ""


def test_the_form_asks_who_else_posts_with_a_telegram_bot(owner: User) -> None:
    row = TelegramDestinationForm({**DATA, **START}, owner=owner).save()
    assert TelegramDestinationForm(instance=row, owner=owner).initial["sole_poster"] == "only"
    for chosen, is_sole in (("others", False), ("", False), ("only", True)):  # "": a page without the question
        TelegramDestinationForm({**DATA, **START, "sole_poster": chosen}, instance=row, owner=owner).save()
        row.refresh_from_db()
        assert row.options["sole_poster"] is is_sole
