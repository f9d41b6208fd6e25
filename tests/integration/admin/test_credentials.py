"""A credential that the site has already is used for a new destination, and replaced wherever it is used."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from syncqueue import services
from syncqueue.core.errors import SecretError
from syncqueue.models import Destination, DestinationState
from tests.integration.admin.test_destinations import LIST, RIGHTS, TOKEN, add, form_data
from tests.integration.api.people import client_of

pytestmark = pytest.mark.django_db

NEW_TOKEN = "123456:another-token-that-must-not-be-shown"  # noqa: S105 - no secret
ADD = f"{LIST}add/?service=telegram"


@pytest.fixture
def editor() -> Client:
    return client_of("operator", *RIGHTS)


def made(name: str, service: str = "telegram", token: str = TOKEN, **values: Any) -> Destination:
    """A destination with a token."""
    row = Destination(name=name, service=service, address=values.pop("address", name), **values)
    row.secret = {"token" if service == "telegram" else "access_token": token}
    row.save()
    return row


def offered(client: Client, address: str = ADD) -> list[str]:
    """The destinations whose credential a form offers."""
    form = client.get(address).context["adminform"].form
    return (
        [label for key, label in form.fields["credential_of"].choices if key] if "credential_of" in form.fields else []
    )


def test_those_of_the_site_are_offered_and_no_others(editor: Client, destination: Destination, settings: Any) -> None:
    somebody = User.objects.create_user("somebody")
    made("@theirs", owner=somebody)
    made("shelf", service="second")
    made("@leaving", state=DestinationState.RETIRING)
    made("@locked")
    Destination.objects.filter(name="@locked").update(secret_text="not to be opened")
    Destination.objects.create(name="@bare", service="telegram", address="@bare")
    declared = {"news": {"SERVICE": "telegram", "ADDRESS": "@declared", "SECRET": {"token": TOKEN}}}
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "DESTINATIONS": declared}
    Destination.objects.create(name="news", service="telegram", address="@declared", declared="news")
    made("Second", address="@second")
    assert offered(editor) == ["@news", "Second (@second)"]
    assert "credential_of" not in editor.get(f"{LIST}{destination.pk}/change/").content.decode()


def test_nothing_is_offered_where_there_is_none(editor: Client) -> None:
    assert offered(editor) == []
    assert editor.get(ADD).status_code == 200


def test_the_credential_is_copied_without_being_shown(editor: Client, destination: Destination) -> None:
    page = editor.get(f"{ADD}&credential_of={destination.pk}").content.decode()
    assert f'<option value="{destination.pk}" selected>@news</option>' in page
    assert TOKEN not in page and destination.secret_text not in page
    answer = add(editor, "telegram", name="@more", address="@more", credential_of=str(destination.pk))
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    row = Destination.objects.get(name="@more")
    assert row.secret == {"token": TOKEN}
    assert row.secret_text != destination.secret_text


def test_each_copy_opens_in_its_own_row_alone(editor: Client, destination: Destination) -> None:
    add(editor, "telegram", name="@more", address="@more", credential_of=str(destination.pk))
    row = Destination.objects.get(name="@more")
    Destination.objects.filter(pk=destination.pk).update(secret_text=row.secret_text)
    destination.refresh_from_db()
    with pytest.raises(SecretError):
        _ = destination.secret


def test_copies_are_rotated_and_removed_each_by_itself(editor: Client, destination: Destination, settings: Any) -> None:
    add(editor, "telegram", name="@more", address="@more", credential_of=str(destination.pk))
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a-new-key"
    call_command("syncqueue", "rotate-secrets", verbosity=0)
    settings.SECRET_KEY_FALLBACKS = []
    services.retire(destination, remove_remote=False, actor="a test")
    assert Destination.objects.get(name="@more").secret == {"token": TOKEN}


def test_a_users_destination_gets_none_of_the_site(editor: Client, destination: Destination) -> None:
    owner = User.objects.create_user("owner")
    page = add(editor, "telegram", name="@x", credential_of=str(destination.pk), owner=str(owner.pk))
    assert "This credential is the site" in page.content.decode() and TOKEN not in page.content.decode()
    assert Destination.objects.count() == 1


def test_a_credential_of_somebody_cannot_be_asked_for(editor: Client, destination: Destination) -> None:
    theirs = made("@theirs", owner=User.objects.create_user("somebody"))
    for key in (str(theirs.pk), "0", "x"):
        assert "credential_of" in add(editor, "telegram", name="@x", credential_of=key).context["adminform"].form.errors
    assert Destination.objects.count() == 2


def test_one_credential_is_chosen_or_entered(editor: Client, destination: Destination) -> None:
    page = add(editor, "telegram", name="@x", credential_of=str(destination.pk), secret_token=NEW_TOKEN)
    assert "not both" in page.content.decode()
    assert TOKEN not in page.content.decode() and NEW_TOKEN not in page.content.decode()


def test_who_may_not_change_destinations_is_offered_no_credential(destination: Destination) -> None:
    client = client_of("viewer", "add_destination", "view_destination")
    assert offered(client) == []
    page = add(client, "telegram", name="@x", address="@x", credential_of=str(destination.pk))
    assert page.status_code == 200  # as without the field: there is no token
    assert not Destination.objects.filter(name="@x").exists()


def test_a_credential_stays_at_its_host(editor: Client, settings: Any) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "HANDLERS": {"mastodon": {}, "telegram": {}}}
    token = "an-access-token-of-forty-three-characters-x"  # noqa: S105 - no secret
    home = made("home", service="mastodon", address="https://mastodon.example", token=token)
    address = f"{LIST}add/?service=mastodon&credential_of={home.pk}"
    form = editor.get(address).context["adminform"].form
    assert form["address"].value() == "https://mastodon.example"
    for other, is_taken in (("https://evil.example", False), ("https://mastodon.example", True)):
        answer = add(editor, "mastodon", name="more", address=other, credential_of=str(home.pk))
        assert (answer.status_code == 302) is is_taken
        assert token not in answer.content.decode()
    assert Destination.objects.get(name="more").secret == {"access_token": token}


# A new credential


@pytest.fixture
def twins(destination: Destination) -> list[Destination]:
    """Two more with the same token, and three that a new token there says nothing about."""
    made("@other", token="654321:the-token-of-quite-another-bot-of-ours")
    made("@theirs", owner=User.objects.create_user("somebody"))
    made("shelf", service="second")
    return [made("@more"), made("@most")]


def tokens() -> dict[str, str]:
    """The token of each destination."""
    return {row.name: next(iter(row.secret.values())) for row in Destination.objects.all()}


def test_a_new_credential_takes_the_place_of_the_old_one_everywhere(
    editor: Client, destination: Destination, twins: list[Destination], django_capture_on_commit_callbacks: Any
) -> None:
    Destination.objects.update(broken_reason="Unauthorized.")
    before = tokens()
    page = editor.get(f"{LIST}{destination.pk}/change/").content.decode()
    assert "also at @more, @most, where the same one is used" in page
    with django_capture_on_commit_callbacks(execute=True):
        answer = editor.post(
            f"{LIST}{destination.pk}/change/", form_data(secret_token=NEW_TOKEN, replace_everywhere="on")
        )
    assert answer.status_code == 302
    replaced = {"@news", "@more", "@most"}
    assert tokens() == {name: NEW_TOKEN if name in replaced else token for name, token in before.items()}
    assert {row.name for row in Destination.objects.filter(broken_reason="")} == replaced


def test_a_new_credential_may_be_for_one_destination_alone(
    editor: Client, destination: Destination, twins: list[Destination]
) -> None:
    editor.post(f"{LIST}{destination.pk}/change/", form_data(secret_token=NEW_TOKEN))
    assert [name for name, token in tokens().items() if token == NEW_TOKEN] == ["@news"]


def test_without_a_new_credential_nothing_is_replaced(
    editor: Client, destination: Destination, twins: list[Destination]
) -> None:
    before = tokens()
    editor.post(f"{LIST}{destination.pk}/change/", form_data(address="@renamed", replace_everywhere="on"))
    assert tokens() == before
