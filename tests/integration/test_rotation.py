"""Writing stored secrets anew, after a change of keys."""

from __future__ import annotations

from typing import Any

import pytest

from syncqueue.core.errors import SecretError
from syncqueue.models import Destination
from syncqueue.sources.destinations import rotate_secrets

pytestmark = pytest.mark.django_db

SECRET = {"token": "123456789:AAF-a_token_of_telegram_has_this_form"}


def stored(name: str) -> Destination:
    """A destination with the secret, read anew."""
    destination = Destination(name=name, service="telegram", address="@news")
    destination.secret = SECRET
    destination.save()
    return Destination.objects.get(pk=destination.pk)


def test_after_a_rotation_the_old_key_may_be_given_up(settings: Any) -> None:
    destination = stored("news")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    assert rotate_secrets().rewritten_count == 1
    settings.SECRET_KEY_FALLBACKS = []
    assert Destination.objects.get(pk=destination.pk).secret == SECRET


def test_what_no_key_opens_is_named_and_left_as_it_is(settings: Any) -> None:
    lost = stored("lost")
    settings.SECRET_KEY = "new"
    readable = stored("news")
    rotation = rotate_secrets()
    assert (rotation.rewritten_count, rotation.unreadable) == (1, (lost,))
    assert Destination.objects.get(pk=readable.pk).secret == SECRET
    assert Destination.objects.get(pk=lost.pk).secret_text == lost.secret_text
    with pytest.raises(SecretError):
        _ = Destination.objects.get(pk=lost.pk).secret


def test_destinations_without_a_secret_are_left_alone() -> None:
    Destination.objects.create(name="open", service="telegram", address="@open")
    assert rotate_secrets().rewritten_count == 0
    assert Destination.objects.get(name="open").secret_text == ""
