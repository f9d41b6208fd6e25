"""Connect with Mastodon, played as a person does it: the site's page, the instance's page, and back."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.dispatch import immediate
from syncqueue.models import Destination, MastodonApp, Rule, SyncRecord
from syncqueue.secrets import decrypt, encrypt
from tests.integration.sync.scene import work
from tests.patience import IMMEDIATE

pytestmark = pytest.mark.django_db(transaction=True)

START, CALLBACK, LIST = "/connect/mastodon/", "/connect/mastodon/callback/", "/destinations/"


@pytest.fixture(autouse=True)
def own_site(sandbox: RunningSandbox, redis_url: str, settings: Any) -> Any:
    """A site whose people bring accounts of the sandbox's Mastodon."""
    settings.OWN_DESTINATIONS = True
    settings.SYNCQUEUE = {
        "REDIS": redis_url,
        "KEY_PREFIX": uuid.uuid4().hex,
        "IMMEDIATE": IMMEDIATE,
        "ALLOWED_PRIVATE_HOSTS": [urlsplit(sandbox.mastodon_url).netloc],
        "HANDLERS": {"mastodon": {}},
    }
    yield
    immediate.close()


@pytest.fixture
def writer() -> User:
    return User.objects.create_user("writer")


@pytest.fixture
def browser(writer: User) -> Client:
    return logged_in(writer)


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def begin(browser: Client, sandbox: RunningSandbox, **data: Any) -> str:
    """Press the button; returns the address of the instance's page."""
    answer = browser.post(START, {"instance": sandbox.mastodon_url, "next": LIST, **data})
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def decide(page: str, account: str = "notes") -> str:
    """Press a button of the instance's page ("": deny); returns where it leads."""
    assert "Authorize testserver" in httpx.get(page, trust_env=False).raise_for_status().text
    form = {name: values[0] for name, values in parse_qs(urlsplit(page).query).items()} | {"account": account}
    answer = httpx.post(page.partition("?")[0], data=form, trust_env=False)
    assert answer.status_code == 302
    return answer.headers["Location"]


def said(browser: Client, address: str) -> str:
    """Go back to the site; returns what it says on the page after that."""
    answer = browser.get(address)
    assert (answer.status_code, answer.headers["Location"]) == (302, LIST)
    return told(answer)


def told(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def connect(browser: Client, sandbox: RunningSandbox, account: str = "notes", **data: Any) -> str:
    return said(browser, decide(begin(browser, sandbox, **data), account))


def host(sandbox: RunningSandbox) -> str:
    return urlsplit(sandbox.mastodon_url).netloc


def test_an_account_is_connected_and_notes_go_there(browser: Client, writer: User, sandbox: RunningSandbox) -> None:
    assert "Connect with Mastodon" in browser.get(LIST).content.decode()
    name = f"@notes@{host(sandbox)}"
    assert connect(browser, sandbox) == f"{name} is connected."
    row = Destination.objects.get()
    assert (row.name, row.service, row.address, row.owner) == (name, "mastodon", sandbox.mastodon_url, writer)
    assert row.rule == Rule.PUBLIC  # what is private is for the owner to choose
    Note.objects.create(owner=writer, text="Hello")
    assert [status["text"] for status in sandbox.statuses("@notes")] == ["Hello"]


def test_the_instance_is_asked_for_the_documented_scopes_with_pkce(browser: Client, sandbox: RunningSandbox) -> None:
    page = urlsplit(begin(browser, sandbox))
    asked = {name: values[0] for name, values in parse_qs(page.query).items()}
    assert f"{page.scheme}://{page.netloc}" == sandbox.mastodon_url
    assert asked["scope"] == "read:accounts read:statuses write:statuses write:media"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert len(asked["code_challenge"]) == 43 and len(asked["state"]) >= 43
    assert asked["redirect_uri"] == f"http://testserver{CALLBACK}"


def test_a_site_is_registered_once_at_an_instance_and_its_secret_is_encrypted(
    browser: Client, sandbox: RunningSandbox
) -> None:
    begin(browser, sandbox)
    begin(browser, sandbox)
    app = MastodonApp.objects.get()
    known = decrypt(app.client_text)
    assert set(known) == {"client_id", "client_secret"} and known["client_secret"] not in app.client_text
    assert [entry["method"] for entry in sandbox.log()].count("POST /apps") == 1


def test_a_site_whose_key_has_changed_is_registered_anew(browser: Client, sandbox: RunningSandbox) -> None:
    begin(browser, sandbox)
    MastodonApp.objects.update(client_text="nothing that opens")
    assert "is connected" in connect(browser, sandbox)


def test_neither_token_nor_secret_stands_in_the_session_the_log_or_the_page(
    browser: Client, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        back = decide(begin(browser, sandbox))
        kept = str(dict(browser.session.items()))
        said(browser, back)
    secrets = [
        Destination.objects.get().secret["access_token"],
        decrypt(MastodonApp.objects.get().client_text)["client_secret"],
    ]
    everything = kept + caplog.text + browser.get(LIST).content.decode() + str(dict(browser.session.items()))
    assert not [one for one in secrets if one in everything]
    assert "verifier" not in kept


@pytest.mark.parametrize("spelling", ["{host}", "@notes@{host}", "notes@{host}"])
def test_an_instance_is_named_in_any_spelling_and_called_with_tls(
    spelling: str, browser: Client, sandbox: RunningSandbox
) -> None:
    answer = browser.post(START, {"instance": spelling.format(host=host(sandbox)), "next": LIST})
    assert "could not be reached" in told(answer)  # the sandbox speaks no TLS
    assert not MastodonApp.objects.exists()


# Refused, repeated, forged


def test_a_person_who_denies_it_connects_nothing(browser: Client, sandbox: RunningSandbox) -> None:
    assert "Not connected" in connect(browser, sandbox, account="")
    assert not Destination.objects.exists()


def test_a_callback_is_good_for_once(browser: Client, sandbox: RunningSandbox) -> None:
    back = decide(begin(browser, sandbox))
    said(browser, back)
    again = browser.get(back)
    assert again.status_code == 400 and "has already been used" in again.content.decode()
    assert Destination.objects.count() == 1


@pytest.mark.parametrize("query", ["", "?state=&code=x", "?state=forged&code=x", "?code=x", "?error=access_denied"])
def test_a_callback_that_nobody_began_is_refused(query: str, browser: Client, sandbox: RunningSandbox) -> None:
    begin(browser, sandbox)
    before = len(sandbox.log())
    assert browser.get(CALLBACK + query).status_code == 400
    assert len(sandbox.log()) == before  # nothing is asked of the instance
    assert not Destination.objects.exists()


def test_the_callback_of_another_session_is_refused(browser: Client, writer: User, sandbox: RunningSandbox) -> None:
    back = decide(begin(browser, sandbox), "archive")
    victim, anonymous = logged_in(User.objects.create_user("victim")), Client()
    for other in (victim, anonymous, logged_in(writer)):
        assert other.get(back).status_code == 400
    assert not Destination.objects.exists()


def test_a_session_that_another_person_has_taken_over_connects_nothing(
    browser: Client, sandbox: RunningSandbox
) -> None:
    back = decide(begin(browser, sandbox))
    kept = browser.session["syncqueue_connect"]
    browser.force_login(User.objects.create_user("other"))
    session = browser.session
    session["syncqueue_connect"] = kept
    session.save()
    assert "was started elsewhere" in said(browser, back)
    assert not Destination.objects.exists()


def test_a_code_that_was_not_issued_for_it_is_refused(browser: Client, sandbox: RunningSandbox) -> None:
    state = parse_qs(urlsplit(begin(browser, sandbox)).query)["state"][0]
    assert "no longer accepts this authorization" in said(browser, f"{CALLBACK}?state={state}&code=forged")
    other = parse_qs(urlsplit(decide(begin(browser, sandbox))).query)["code"][0]
    state = parse_qs(urlsplit(begin(browser, sandbox)).query)["state"][0]
    assert "no longer accepts this authorization" in said(browser, f"{CALLBACK}?state={state}&code={other}")  # PKCE
    assert not Destination.objects.exists()


def test_what_took_too_long_is_refused(browser: Client, sandbox: RunningSandbox, monkeypatch: Any) -> None:
    from syncqueue.services import connecting

    back = decide(begin(browser, sandbox))
    monkeypatch.setattr(connecting, "FLOW_SECONDS", -1)
    assert "took too long" in said(browser, back)


def test_an_instance_that_forgot_the_site_is_told_of_it_anew(browser: Client, sandbox: RunningSandbox) -> None:
    back = decide(begin(browser, sandbox))
    sandbox.forget_applications()
    assert "no longer knows this site" in said(browser, back)
    assert "is connected" in connect(browser, sandbox)


def test_an_outage_of_the_instance_is_said(browser: Client, sandbox: RunningSandbox) -> None:
    sandbox.plan_answers("mastodon", "error")
    assert "does not work at the moment" in told(browser.post(START, {"instance": sandbox.mastodon_url, "next": LIST}))
    back = decide(begin(browser, sandbox))
    sandbox.plan_answers("mastodon", "error")
    assert "does not work at the moment" in said(browser, back)
    assert not Destination.objects.exists()


# What people name


@pytest.mark.parametrize(
    "instance", ["", "nothing here", "http://example.org", "https://user:pw@example.org", "https://example.org/path"]
)
def test_what_is_no_instance_is_refused(instance: str, browser: Client) -> None:
    assert "The address is no instance" in told(browser.post(START, {"instance": instance, "next": LIST}))


@pytest.mark.parametrize("instance", ["https://127.0.0.1:1", "https://localhost", "https://[::1]", "https://10.0.0.1"])
def test_an_instance_of_the_inner_network_is_not_called(instance: str, browser: Client) -> None:
    assert "has no public address" in told(browser.post(START, {"instance": instance, "next": LIST}))
    assert not MastodonApp.objects.exists()


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_people_come_back_to_this_site_alone(address: str, browser: Client, sandbox: RunningSandbox) -> None:
    back = decide(begin(browser, sandbox, next=address))
    assert browser.get(back).headers["Location"] == "/"


def test_only_people_who_are_logged_in_begin_and_only_by_a_post_with_the_token(writer: User) -> None:
    assert Client().post(START, {"instance": "x"}).headers["Location"].startswith("/login/")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(writer)
    assert strict.post(START, {"instance": "x"}).status_code == 403
    assert strict.get(START).status_code == 405
    assert strict.post(CALLBACK).status_code in (403, 405)


def test_whoever_has_enough_destinations_gets_no_more(
    browser: Client, sandbox: RunningSandbox, settings: Any, writer: User
) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "MAX_DESTINATIONS_PER_OWNER": 1}
    connect(browser, sandbox)
    answer = browser.post(START, {"instance": sandbox.mastodon_url, "next": LIST})
    assert "1 destinations are the most" in told(answer)


# Connecting again


def test_the_same_account_is_one_destination(browser: Client, sandbox: RunningSandbox) -> None:
    connect(browser, sandbox)
    before = Destination.objects.get().secret
    connect(browser, sandbox)
    assert Destination.objects.get().secret != before
    connect(browser, sandbox, "archive")
    assert Destination.objects.count() == 2


def test_a_token_that_was_refused_is_replaced_and_what_waits_goes_out(
    browser: Client, writer: User, sandbox: RunningSandbox
) -> None:
    assert "Connect again" not in browser.get(LIST).content.decode()
    connect(browser, sandbox)
    sandbox.revoke_connections()
    Note.objects.create(owner=writer, text="Hello")
    row = Destination.objects.get()
    assert row.broken_reason and sandbox.statuses("@notes") == []
    assert "Connect again" in browser.get(LIST).content.decode()
    assert "is connected" in connect(browser, sandbox, destination=row.pk)
    row.refresh_from_db()
    assert row.broken_reason == "" and SyncRecord.objects.get().state == "waiting"
    work()
    assert [status["text"] for status in sandbox.statuses("@notes")] == ["Hello"]


def test_a_destination_stays_with_its_account(browser: Client, sandbox: RunningSandbox) -> None:
    connect(browser, sandbox)
    row = Destination.objects.get()
    assert "is not the account of" in connect(browser, sandbox, "archive", destination=row.pk)
    assert Destination.objects.get().secret == row.secret


def test_another_persons_destination_is_not_found(browser: Client, sandbox: RunningSandbox) -> None:
    other = Destination(
        name="Theirs", service="mastodon", address=sandbox.mastodon_url, owner=User.objects.create_user("other")
    )
    other.secret_text = encrypt({"access_token": sandbox.mastodon_token})
    other.save()
    for key in (str(other.pk), "0", "x", "9" * 30):
        assert browser.post(START, {"destination": key, "next": LIST}).status_code == 404


# One account, several destinations


def used_again(browser: Client, row: Destination, name: str, **values: str) -> None:
    """A second destination with the credential of a connected account."""
    path = f"/destinations/new/mastodon/?credential_of={row.pk}"
    assert path in browser.get(LIST).content.decode()
    form = browser.get(path).context["form"]
    assert form["address"].value() == row.address
    data = {"name": name, "address": row.address, "rule": "all", "enabled": "on", "credential_of": row.pk, **values}
    answer = browser.post(path, {**data, "start_at_0": "2026-01-02", "start_at_1": "03:04:05"})
    assert answer.status_code == 302, answer.context["form"].errors


def test_the_account_that_is_connected_is_used_for_another_destination(
    browser: Client, writer: User, sandbox: RunningSandbox
) -> None:
    assert "Or use the credential" not in browser.get(LIST).content.decode()
    connect(browser, sandbox)
    used_again(browser, Destination.objects.get(), "Private ones", rule="private", visibility="direct")
    for text, is_private in (("Hello", False), ("Psst", True)):
        Note.objects.create(owner=writer, text=text, is_private=is_private)
    found = {status["text"]: status["visibility"] for status in sandbox.statuses("@notes")}
    assert found == {"Hello": "public", "Psst": "direct"}


def test_connecting_again_replaces_the_token_wherever_it_is_used(
    browser: Client, writer: User, sandbox: RunningSandbox
) -> None:
    connect(browser, sandbox)
    connect(browser, sandbox, "archive")
    first, other = Destination.objects.order_by("pk")
    used_again(browser, first, "Private ones", rule="private")
    sandbox.revoke_connections()
    Note.objects.create(owner=writer, text="Hello")
    Note.objects.create(owner=writer, text="Psst", is_private=True)
    assert Destination.objects.exclude(broken_reason="").count() == 3
    assert "is connected" in connect(browser, sandbox, destination=first.pk)
    assert {row.name for row in Destination.objects.exclude(broken_reason="")} == {other.name}
    work()
    assert sorted(status["text"] for status in sandbox.statuses("@notes")) == ["Hello", "Psst"]
