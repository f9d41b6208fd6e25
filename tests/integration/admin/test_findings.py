"""What `syncqueue verify` has found at a channel: shown on a page, and corrected by its button."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.admin import finding_pages, rounds
from syncqueue.handlers.telegram.handler import TelegramHandler
from syncqueue.models import Destination, SyncRecord, Verification, VerificationFinding
from tests.integration.api.people import ROLES, client_of
from tests.integration.commands.calling import call
from tests.integration.sync.conftest import channel, own_site, writer
from tests.integration.sync.scene import texts, work

__all__ = ["channel", "own_site", "writer"]

pytestmark = pytest.mark.django_db(transaction=True)

DASHBOARD = "/admin/syncqueue/queue/"
EXPECTED = {"anonymous": 302, "member": 302, "staff": 403, "viewer": 200, "operator": 200}


@pytest.fixture(autouse=True)
def own_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Override the fixture of the API tests: `own_site` provides a site. Questions are asked without pauses."""
    monkeypatch.setattr(TelegramHandler, "read_pause_seconds", 0.0)


@pytest.fixture
def page(channel: Destination, writer: User, sandbox: RunningSandbox) -> str:
    """The address of the page, after two of three messages have been deleted by hand."""
    for text in ("One", "Two", "Three"):
        Note.objects.create(owner=writer, text=text)
    for message in sandbox.messages("@news")[:2]:
        sandbox.remove_message("@news", message["message_id"])
    assert call("verify").code == 1
    return f"{DASHBOARD}findings/{channel.pk}/"


@pytest.mark.parametrize("role", ROLES)
def test_only_staff_with_the_view_permission_see_the_differences(role: str, page: str) -> None:
    assert client_of(role).get(page).status_code == EXPECTED[role]


def test_only_an_operator_corrects_them(page: str) -> None:
    viewer = client_of("viewer")
    assert "<button" not in viewer.get(page).content.decode().partition('id="content-main"')[2]
    assert viewer.post(page).status_code == 403
    assert VerificationFinding.objects.count() == 2


def test_the_form_needs_its_token(page: str, admin_user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    assert client.post(page).status_code == 403
    assert VerificationFinding.objects.count() == 2


def test_the_dashboard_and_the_destination_lead_to_the_differences(
    admin_client: Client, page: str, channel: Destination
) -> None:
    for address in (DASHBOARD, f"/admin/syncqueue/destination/{channel.pk}/change/"):
        shown = admin_client.get(address).content.decode()
        assert f'href="{page}"' in shown and "manage.py syncqueue verify --destination @news --mend" in shown
    shown = admin_client.get(page).content.decode()
    assert shown.count("missing there</td>") == 2
    one, *_others = SyncRecord.objects.order_by("pk")
    assert f'href="/admin/syncqueue/syncrecord/{one.pk}/change/"' in shown and one.parts[0]["url"] in shown


def test_the_button_lets_workers_send_the_missing_copies_again(
    admin_client: Client, page: str, sandbox: RunningSandbox
) -> None:
    done = admin_client.post(page, follow=True)
    assert done.redirect_chain == [(page, 302)]
    assert "Workers correct 2 copies." in done.content.decode()
    assert page not in admin_client.get(DASHBOARD).content.decode()
    work()
    assert sorted(texts(sandbox)) == ["One", "Three", "Two"]
    assert call("verify").code == 0


def test_a_copy_that_is_not_wanted_is_removed(
    admin_client: Client, page: str, channel: Destination, sandbox: RunningSandbox
) -> None:
    Note.objects.filter(text="Three").update(is_private=True)
    Destination.objects.update(rule="public")
    assert call("verify").code == 1
    assert "there but not wanted" in admin_client.get(page).content.decode()
    admin_client.post(page)
    work()
    assert sorted(texts(sandbox)) == ["One", "Two"]


def test_what_was_synced_since_is_not_sent_again(admin_client: Client, page: str, sandbox: RunningSandbox) -> None:
    Note.objects.get(text="One").save()
    work()
    before = SyncRecord.objects.earliest("pk").generation
    assert "A worker corrects 1 copy." in admin_client.post(page, follow=True).content.decode()
    assert SyncRecord.objects.earliest("pk").generation == before
    assert not VerificationFinding.objects.exists()


def test_many_are_corrected_in_rounds(admin_client: Client, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "ROUND_SECONDS", 0.0)
    monkeypatch.setattr(finding_pages, "PIECE", 1)
    answer = admin_client.post(page, follow=True)
    assert "1 of 2" in answer.content.decode()
    while "hidden" in answer.context:
        answer = admin_client.post(page, dict(answer.context["hidden"]), follow=True)
    assert "Workers correct 2 copies." in answer.content.decode()


def test_a_new_verification_replaces_what_the_last_one_has_found(page: str, channel: Destination) -> None:
    call("verify")
    assert services.findings(channel).count() == VerificationFinding.objects.count() == 2
    call("verify", "--mend")
    assert not VerificationFinding.objects.exists()


def test_where_nothing_was_verified_there_is_no_page(admin_client: Client, page: str) -> None:
    Verification.objects.all().delete()
    assert admin_client.get(page).status_code == 404
