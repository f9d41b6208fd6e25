"""Options of destinations in the admin: an input for each, and what is stored is checked as settings are."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from syncqueue import Option, checks
from syncqueue.handlers.mastodon.handler import MastodonHandler
from syncqueue.handlers.options import option_problem, secret_problem
from syncqueue.handlers.telegram.handler import TelegramHandler
from syncqueue.handlers.telegram.options import OPTIONS as TELEGRAM_OPTIONS
from syncqueue.models import Destination
from tests.integration.admin.test_destinations import LIST, RIGHTS, TOKEN, add, form_data
from tests.integration.api.people import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor() -> Client:
    return client_of("operator", *RIGHTS)


def edit(editor: Client, row: Destination, **values: str) -> Destination:
    """Send the form of a destination, with the token again."""
    answer = editor.post(f"{LIST}{row.pk}/change/", form_data(secret_token=TOKEN, **values))
    assert answer.status_code == 302, answer.content.decode()
    row.refresh_from_db()
    return row


def test_each_option_has_an_input_with_a_name_and_help(editor: Client) -> None:
    page = editor.get(f"{LIST}add/?service=telegram").content.decode()
    for name in TELEGRAM_OPTIONS:
        assert f'name="option_{name}"' in page
    assert "Subscribers are not notified." in page
    assert "Default (Yes)" in page and "Default (No)" in page
    assert 'name="options"' not in page


def test_a_service_that_declares_none_takes_json(editor: Client) -> None:
    assert 'name="options"' in editor.get(f"{LIST}add/?service=second").content.decode()


def test_what_is_chosen_is_stored_and_what_is_not_is_left_out(editor: Client) -> None:
    answer = add(editor, "telegram", secret_token=TOKEN, option_silent="yes", option_link_preview="no")
    assert answer.status_code == 302, answer.content.decode()
    assert Destination.objects.get().options == {"silent": True, "link_preview": False}


def test_a_stored_option_is_shown_changed_and_taken_away(editor: Client) -> None:
    add(editor, "telegram", secret_token=TOKEN, option_thread_id="5", option_silent="yes")
    row = Destination.objects.get()
    form = editor.get(f"{LIST}{row.pk}/change/").context["adminform"].form
    assert (form["option_thread_id"].value(), form["option_silent"].value()) == (5, "yes")
    assert edit(editor, row, option_thread_id="5", option_silent="no").options == {"thread_id": 5, "silent": False}
    assert edit(editor, row).options == {}


@pytest.mark.parametrize(
    "values", [{"option_thread_id": "-1"}, {"option_thread_id": "x"}, {"option_silent": "perhaps"}], ids=str
)
def test_a_wrong_value_is_refused_at_its_input(editor: Client, values: dict[str, str]) -> None:
    page = add(editor, "telegram", secret_token=TOKEN, **values)
    assert page.status_code == 200
    assert set(page.context["adminform"].form.errors) == set(values)
    assert not Destination.objects.exists()


def test_who_may_only_look_sees_what_is_stored(destination: Destination) -> None:
    Destination.objects.update(options={"silent": True})
    page = client_of("viewer", "view_destination").get(f"{LIST}{destination.pk}/change/").content.decode()
    assert "silent" in page


@pytest.mark.parametrize("handler", [TelegramHandler, MastodonHandler])
def test_every_option_of_a_service_holds_its_default_and_its_choices(handler: Any) -> None:
    assert handler.option_fields
    for option in handler.option_fields.values():
        assert option.default in (None, "") or option.holds(option.default)
        assert all(option.holds(value) for value in option.choices)


DECLARED = {
    "loud": Option(kind="switch", label="Loud"),
    "shelf": Option(kind="choice", label="Shelf", choices={"top": "Top", "low": "Low"}),
    "place": Option(kind="number", label="Place"),
    "sign": Option(kind="text", label="Sign"),
}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, ""),
        ({"loud": True, "shelf": "top", "place": 3, "sign": "A"}, ""),
        ({"place": None}, ""),
        ({"lout": True}, "Unknown option “lout”; known: loud, shelf, place, sign. Did you mean “loud”?"),
        ({"loud": 1}, "The option “loud” has a wrong value."),
        ({"shelf": "middle"}, "The option “shelf” has a wrong value."),
        ({"shelf": ["top"]}, "The option “shelf” has a wrong value."),
        ({"place": True}, "The option “place” has a wrong value."),
        ({"place": 0}, "The option “place” has a wrong value."),
        ({"sign": None}, "The option “sign” has a wrong value."),
    ],
    ids=str,
)
def test_options_are_checked_as_strictly_as_settings(options: dict[str, Any], says: str) -> None:
    assert option_problem(DECLARED, options) == says
    assert option_problem({}, options) == ""  # a handler that declares none judges by itself


def test_the_names_of_secrets_are_checked_too() -> None:
    said = "Unknown secret “tokn”; known: token. Did you mean “token”?"
    assert secret_problem({"token": "Token"}, {"tokn": "x"}) == said
    assert secret_problem({}, {"tokn": "x"}) == ""


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"SECRET": {"tokn": TOKEN}}, "Unknown secret “tokn”"),
        ({"SECRET": {"token": TOKEN}, "OPTIONS": {"silnt": True}}, "Did you mean “silent”?"),
    ],
    ids=["secret", "option"],
)
def test_a_declared_destination_with_a_misspelt_name_is_e010(settings: Any, entry: dict[str, Any], says: str) -> None:
    declared = {"news": {"SERVICE": "telegram", "ADDRESS": "@news", **entry}}
    settings.SYNCQUEUE = {"REDIS": "redis://127.0.0.1:1/0", "HANDLERS": {"telegram": {}}, "DESTINATIONS": declared}
    (message,) = checks.check_settings()
    assert message.id == "syncqueue.E010"
    assert says in message.msg
    assert TOKEN not in message.msg
