"""Chats that a bot may post to, found for a person who sets a destination up."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.core.errors import DestinationBroken, PermanentError
from syncqueue.forms import ENTERED, FIND_BUTTON, TelegramDestinationForm
from syncqueue.models import Destination
from syncqueue.secrets import encrypt

pytestmark = pytest.mark.django_db

NEWS = '<option value="-1001000000001">News (@news)</option>'
DATA = {"name": "Mine", "rule": "all", "enabled": "on", "start_at_0": "2026-01-02", "start_at_1": "03:04:05"}


@pytest.fixture(autouse=True)
def own_site(sandbox: RunningSandbox, redis_url: str, settings: Any) -> Iterator[None]:
    """A site whose Telegram is the sandbox."""
    telegram = {"OPTIONS": {"API_BASE_URL": sandbox.telegram_url}}
    settings.SYNCQUEUE = {"REDIS": redis_url, "KEY_PREFIX": uuid.uuid4().hex, "HANDLERS": {"telegram": telegram}}
    yield


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("writer")


def find(sandbox: RunningSandbox) -> list[tuple[str, str]]:
    """What is offered."""
    return [(one.address, one.title) for one in services.find_places("telegram", {"token": sandbox.bot_token})]


def test_the_chats_that_the_bot_may_post_to_are_found(sandbox: RunningSandbox) -> None:
    assert find(sandbox) == [("-1001000000003", "Tagged (@tagged)"), ("-1001000000001", "News (@news)")]


@pytest.mark.parametrize("rights", [{"can_post_messages": False}, {"status": "member"}, {"status": "left"}])
def test_a_chat_that_the_bot_may_not_post_to_is_not_offered(sandbox: RunningSandbox, rights: dict[str, Any]) -> None:
    sandbox.set_rights("@tagged", **rights)
    assert find(sandbox) == [("-1001000000001", "News (@news)")]


def test_a_chat_that_has_thrown_the_bot_out_is_not_offered(sandbox: RunningSandbox) -> None:
    sandbox.set_mode("telegram", "broken", chat="@tagged")
    assert find(sandbox) == [("-1001000000001", "News (@news)")]


def test_a_group_that_has_become_another_is_offered_as_what_it_is_now(sandbox: RunningSandbox) -> None:
    number = sandbox.migrate("@tagged")
    assert find(sandbox) == [(str(number), "Tagged"), ("-1001000000001", "News (@news)")]


def test_no_news_is_confirmed_and_no_filter_of_the_bot_is_changed(sandbox: RunningSandbox) -> None:
    find(sandbox)
    [asked] = [entry for entry in sandbox.log() if entry["method"] == "getUpdates"]
    assert not {"offset", "allowed_updates"} & set(asked["params"])


def test_a_bot_whose_news_go_to_a_webhook_is_explained(sandbox: RunningSandbox) -> None:
    sandbox.plan_answers("telegram", {"mode": "error", "status": 409})
    with pytest.raises(PermanentError, match="Another program receives this bot's updates"):
        find(sandbox)


def test_a_wrong_token_is_said(sandbox: RunningSandbox) -> None:
    with pytest.raises(DestinationBroken):
        services.find_places("telegram", {"token": "110201543:another-token-of-the-same-form"})


def test_the_form_offers_them_without_saving_and_keeps_the_token_unseen(owner: User, sandbox: RunningSandbox) -> None:
    pressed = {**DATA, "name": "", "secret_token": sandbox.bot_token, FIND_BUTTON: "1"}
    form = TelegramDestinationForm(pressed, owner=owner)
    assert not form.is_valid()
    page = form.as_p()
    assert NEWS in page
    assert sandbox.bot_token not in page
    assert "2 found" in page
    assert list(form.errors) == ["__all__"]  # what is not filled in yet is no mistake here

    chosen = {**DATA, "address": "-1001000000001", ENTERED: form.data[ENTERED]}
    saved = TelegramDestinationForm(chosen, owner=owner)
    assert saved.is_valid(), saved.errors
    row = saved.save()
    assert (row.address, row.secret) == ("-1001000000001", {"token": sandbox.bot_token})


def test_what_is_stored_is_taken_for_no_entered_secret(owner: User, sandbox: RunningSandbox) -> None:
    for stolen in (encrypt({"token": sandbox.bot_token}), "nonsense"):
        form = TelegramDestinationForm({**DATA, "address": "@news", ENTERED: stolen}, owner=owner)
        assert not form.is_valid()


def test_a_refusal_is_shown_in_the_form(owner: User, sandbox: RunningSandbox) -> None:
    sandbox.set_mode("telegram", "down")
    form = TelegramDestinationForm({**DATA, "secret_token": sandbox.bot_token, FIND_BUTTON: "1"}, owner=owner)
    assert "cannot be reached" in form.as_p()


def test_the_admin_offers_them_too_with_its_saving_button_first(admin_client: Client, sandbox: RunningSandbox) -> None:
    url = reverse("admin:syncqueue_destination_add") + "?service=telegram"
    empty = admin_client.get(url).content.decode()
    assert empty.index('name="_save"') < empty.index(f'name="{FIND_BUTTON}"')
    page = admin_client.post(url, {"secret_token": sandbox.bot_token, FIND_BUTTON: "1"}).content.decode()
    assert NEWS in page
    assert sandbox.bot_token not in page
    assert f'name="{ENTERED}"' in page
    assert not Destination.objects.exists()
