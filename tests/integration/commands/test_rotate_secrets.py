"""`rotate-secrets` from the terminal."""

from __future__ import annotations

from typing import Any

import pytest

from syncqueue.models import Destination
from tests.integration.commands.calling import call

pytestmark = pytest.mark.django_db

SECRET = {"token": "123456789:AAF-a_token_of_telegram_has_this_form"}


def stored(name: str) -> Destination:
    destination = Destination(name=name, service="telegram", address="@news")
    destination.secret = SECRET
    destination.save()
    return destination


def test_after_it_has_ended_with_0_the_old_key_may_go(settings: Any) -> None:
    destination = stored("news")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    said = call("rotate-secrets")
    assert (said.code, said.out) == (0, "1 secret re-encrypted.\n")
    settings.SECRET_KEY_FALLBACKS = []
    assert Destination.objects.get(pk=destination.pk).secret == SECRET


def test_a_dry_run_writes_nothing(settings: Any) -> None:
    destination = stored("news")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    assert call("rotate-secrets", "--dry-run", "--json").data == {"count": 1, "unreadable": [], "dry_run": True}
    assert Destination.objects.get(pk=destination.pk).secret_text == destination.secret_text


def test_what_no_key_opens_is_named_and_the_exit_code_is_1(settings: Any) -> None:
    lost = stored("lost")
    settings.SECRET_KEY = "new"
    stored("news")
    said = call("rotate-secrets", "--json")
    assert said.code == 1
    assert said.data == {"count": 1, "unreadable": [f"telegram: lost ({lost.pk})"], "dry_run": False}
    assert SECRET["token"] not in said.out + said.err
