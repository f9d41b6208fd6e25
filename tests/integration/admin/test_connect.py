"""Connect with Mastodon in the admin: an account of the site, and a new token where one was refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.dispatch import immediate
from syncqueue.models import Destination, MastodonApp, SyncRecord
from tests.demo.test_connect import decide, told
from tests.integration.admin.test_destinations import LIST, RIGHTS
from tests.integration.api.people import client_of
from tests.integration.sync.scene import work

pytestmark = pytest.mark.django_db(transaction=True)

CALLBACK = f"{LIST}connect/callback/"
DASHBOARD, RECORDS = "/admin/syncqueue/queue/", "/admin/syncqueue/syncrecord/"


@pytest.fixture(autouse=True)
def at_the_sandbox(sandbox: RunningSandbox, own_queue: None, settings: Any) -> Any:
    """Mastodon alone, and it is the sandbox."""
    host = urlsplit(sandbox.mastodon_url).netloc
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "ALLOWED_PRIVATE_HOSTS": [host], "HANDLERS": {"mastodon": {}}}
    yield
    immediate.close()


@pytest.fixture
def editor() -> Client:
    return client_of("operator", *RIGHTS)


def begin(browser: Client, address: str, **data: str) -> str:
    answer = browser.post(address, data)
    assert answer.status_code == 302, answer
    return str(answer.headers["Location"])


def connect(browser: Client, sandbox: RunningSandbox, account: str = "notes") -> str:
    """Connect a new account; returns what is said."""
    answer = browser.get(decide(begin(browser, f"{LIST}connect/", instance=sandbox.mastodon_url), account))
    assert answer.status_code == 302
    return told(answer)


def refused(row: Destination) -> None:
    """The service has refused its token."""
    Destination.objects.filter(pk=row.pk).update(broken_reason="The token was refused.", broken_at=timezone.now())


@pytest.fixture
def account(editor: Client, sandbox: RunningSandbox) -> Destination:
    """A connected account of the site."""
    assert "is connected." in connect(editor, sandbox)
    return Destination.objects.get()


def test_the_form_of_a_new_account_offers_it(editor: Client) -> None:
    page = editor.get(f"{LIST}add/?service=mastodon").content.decode()
    assert f'action="{LIST}connect/"' in page and "Connect with Mastodon" in page


def test_an_account_becomes_a_destination_of_the_site(account: Destination, sandbox: RunningSandbox) -> None:
    host = urlsplit(sandbox.mastodon_url).netloc
    assert (account.name, account.owner, account.rule) == (f"@notes@{host}", None, "public")
    Note.objects.create(owner=User.objects.create_user("writer"), text="Hello")
    assert [status["text"] for status in sandbox.statuses()] == ["Hello"]
    assert LogEntry.objects.get().object_repr == f"{account}: connect"


def test_a_refused_account_is_connected_again_from_every_page_that_tells_of_it(
    editor: Client, account: Destination, sandbox: RunningSandbox
) -> None:
    again = f"{LIST}{account.pk}/connect/"
    assert (
        again not in editor.get(DASHBOARD).content.decode() + editor.get(f"{LIST}{account.pk}/change/").content.decode()
    )
    sandbox.revoke_connections()
    Note.objects.create(owner=User.objects.create_user("writer"), text="Hello")
    record = SyncRecord.objects.get()
    for path in (DASHBOARD, f"{LIST}{account.pk}/change/", f"{RECORDS}{record.pk}/change/"):
        assert f'href="{again}"' in editor.get(path).content.decode(), path
    page = editor.get(again).content.decode()
    assert "Connect again" in page and sandbox.mastodon_url in page
    back = decide(begin(editor, again))
    assert "is connected" in told(editor.get(back))
    account.refresh_from_db()
    assert account.broken_reason == "" and Destination.objects.count() == 1
    work()
    assert [status["text"] for status in sandbox.statuses()] == ["Hello"]


def test_another_account_is_refused(editor: Client, account: Destination, sandbox: RunningSandbox) -> None:
    refused(account)
    back = decide(begin(editor, f"{LIST}{account.pk}/connect/"), "archive")
    answer = editor.get(back)
    assert "is not the account of" in told(answer)
    assert answer.headers["Location"] == f"{LIST}{account.pk}/change/"
    assert Destination.objects.get().broken_reason


def test_what_was_denied_repeated_or_forged_connects_nothing(editor: Client, sandbox: RunningSandbox) -> None:
    assert "Not connected" in connect(editor, sandbox, "")
    before = len(sandbox.log())
    for query in ("", "?state=&code=x", "?state=forged&code=x", "?code=x"):
        assert "was not started in this browser" in told(editor.get(CALLBACK + query))
    assert len(sandbox.log()) == before
    back = decide(begin(editor, f"{LIST}connect/", instance=sandbox.mastodon_url))
    assert "was not started in this browser" in told(client_of("staff", *RIGHTS).get(back))
    editor.get(back)
    assert "has already been used" in told(editor.get(back))
    assert Destination.objects.count() == 1


@pytest.mark.parametrize("instance", ["", "nothing here", "https://10.0.0.1"])
def test_what_is_no_instance_is_said_on_the_form(editor: Client, instance: str) -> None:
    answer = editor.post(f"{LIST}connect/", {"instance": instance}, follow=True)
    assert 'class="error"' in answer.content.decode() and "Connect with Mastodon" in answer.content.decode()
    assert not MastodonApp.objects.exists()


@pytest.mark.parametrize("rights", [(), ("view_destination",)], ids=str)
def test_only_staff_who_may_add_or_change_destinations_connect(
    rights: tuple[str, ...], account: Destination, sandbox: RunningSandbox
) -> None:
    refused(account)
    client = client_of("viewer", *rights)
    again = f"{LIST}{account.pk}/connect/"
    assert client.post(f"{LIST}connect/", {"instance": sandbox.mastodon_url}).status_code == 403
    assert client.get(again).status_code == client.post(again).status_code == 403
    assert again not in client.get(DASHBOARD).content.decode()
    assert "/login/" in Client().post(again).headers["Location"]
    assert Client().get(CALLBACK).status_code == 302


def test_a_link_alone_begins_nothing(editor: Client, account: Destination) -> None:
    apps = MastodonApp.objects.count()
    assert editor.get(f"{LIST}connect/").status_code == 405
    assert editor.get(f"{LIST}{account.pk}/connect/").status_code == 200
    assert MastodonApp.objects.count() == apps


def test_accounts_of_users_and_declared_ones_are_not_for_staff_to_connect(
    editor: Client, account: Destination, settings: Any
) -> None:
    refused(account)
    again = f"{LIST}{account.pk}/connect/"
    for values in ({"owner": User.objects.create_user("somebody")}, {"owner": None, "declared": "notes"}):
        Destination.objects.update(**values)
        assert editor.get(again).status_code == editor.post(again).status_code == 404
        for path in (DASHBOARD, f"{LIST}{account.pk}/change/"):
            assert again not in editor.get(path).content.decode()
