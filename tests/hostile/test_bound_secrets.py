"""A stored secret is sent to the host that it was entered for, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.core.errors import SecretError
from syncqueue.forms import MastodonDestinationForm, OwnDestinationForm, TelegramDestinationForm
from syncqueue.models import Destination, SyncRecord
from syncqueue.secrets import encrypt
from syncqueue.sources.destinations import rotate_secrets
from tests.hostile.conftest import TOKEN
from tests.hostile.handlers import arrived
from tests.integration.sync.scene import make_destination, wait_until, work

GOOD, EVIL = "good.example:443", "evil.example:443"
CHANGE = "/admin/syncqueue/destination/{}/change/"


class ElsewhereForm(OwnDestinationForm):
    """The form of a user's own destination."""

    service = "elsewhere"


def stored(address: str = GOOD, owner: User | None = None, **values: Any) -> Destination:
    row = Destination(name="place", service="elsewhere", address=address, owner=owner, **values)
    row.secret = {"token": TOKEN}
    row.save()
    return Destination.objects.get(pk=row.pk)


def legacy(row: Destination) -> Destination:
    """The same as an earlier release has stored it: without a binding."""
    Destination.objects.filter(pk=row.pk).update(secret_text=encrypt({"token": TOKEN}))
    return Destination.objects.get(pk=row.pk)


def data(**changes: str) -> dict[str, str]:
    now = timezone.now()
    shown = {"name": "place", "address": GOOD, "owner": "", "rule": "all", "rule_value": "", "options": "{}"}
    return {**shown, "start_at_0": f"{now:%Y-%m-%d}", "start_at_1": f"{now:%H:%M:%S}", "enabled": "on", **changes}


def changed_by_save(row: Destination) -> None:
    row.address = EVIL
    row.save()


def changed_by_some_fields(row: Destination) -> None:
    row.address = EVIL
    row.save(update_fields=["address"])


def changed_by_update(row: Destination) -> None:
    Destination.objects.filter(pk=row.pk).update(address=EVIL)


CHANGES = [changed_by_save, changed_by_some_fields, changed_by_update]


@pytest.mark.parametrize("change", CHANGES)
def test_code_that_changes_the_address_leads_no_secret_to_the_new_host(change: Any, writer: User) -> None:
    row = stored()
    assert services.check_destination(row) == "All is well there."
    change(row)
    row = Destination.objects.get()
    for call in (services.check_destination, services.send_test):
        with pytest.raises(SecretError, match="another host"):
            call(row)
    Note.objects.create(owner=writer, text="First")
    record = SyncRecord.objects.get()
    assert "Enter the secret again" in record.error or "Enter the secret again" in record.destination.broken_reason
    assert list(arrived) == [GOOD]


@pytest.mark.parametrize("change", CHANGES[:2])
def test_a_secret_of_an_earlier_release_does_not_follow_to_another_host_either(change: Any) -> None:
    row = legacy(stored())
    assert row.secret == {"token": TOKEN}
    change(row)
    with pytest.raises(SecretError):
        _ = Destination.objects.get().secret


def test_another_path_at_the_same_host_keeps_the_secret() -> None:
    row = stored()
    row.address = f"{GOOD}/other"
    row.save()
    assert Destination.objects.get().secret == {"token": TOKEN}
    row.address = f"{GOOD}/third"  # compared with what is stored now
    row.save(update_fields=["address"])
    assert Destination.objects.get().secret == {"token": TOKEN}


@pytest.mark.parametrize("values", [{"service": "echo"}, {"owner_id": 77}])
def test_another_service_or_owner_does_not_get_the_secret(values: dict[str, Any]) -> None:
    row = stored()
    Destination.objects.filter(pk=row.pk).update(**values)
    with pytest.raises(SecretError):
        _ = Destination.objects.get().secret


def test_a_ciphertext_of_one_row_does_not_open_in_another() -> None:
    first, second = stored(), stored()
    second.secret_text = first.secret_text
    second.save()
    with pytest.raises(SecretError, match="another destination"):
        _ = Destination.objects.get(pk=second.pk).secret
    assert Destination.objects.get(pk=first.pk).secret == {"token": TOKEN}


@pytest.mark.parametrize("upgrade", [lambda row: row.save(), lambda row: rotate_secrets()])
def test_a_secret_of_an_earlier_release_is_bound_when_it_is_saved_or_rotated(upgrade: Any) -> None:
    first, second = legacy(stored()), stored()
    upgrade(first)
    first.refresh_from_db()
    assert first.secret == {"token": TOKEN}
    Destination.objects.filter(pk=second.pk).update(secret_text=first.secret_text)
    with pytest.raises(SecretError):
        _ = Destination.objects.get(pk=second.pk).secret


def test_a_rotation_leads_no_secret_to_another_host() -> None:
    row = stored()
    changed_by_update(row)
    assert rotate_secrets().rewritten_count == 1
    with pytest.raises(SecretError):
        _ = Destination.objects.get().secret


def test_a_secret_that_is_entered_again_is_used(writer: User) -> None:
    row = stored()
    changed_by_update(row)
    row = Destination.objects.get()
    row.secret = {"token": "another token"}
    row.save()
    assert Destination.objects.get().secret == {"token": "another token"}


def test_the_owners_form_asks_for_the_secret_of_another_host(writer: User) -> None:
    row = stored(owner=writer)
    form = ElsewhereForm(data(address=EVIL), instance=row, owner=writer)
    assert not form.is_valid()
    assert "secret_token" in form.errors
    row = Destination.objects.get()
    assert (row.address, row.secret) == (GOOD, {"token": TOKEN})
    again = ElsewhereForm(data(address=EVIL, secret_token="another token"), instance=row, owner=writer)
    assert again.is_valid(), again.errors
    again.save()
    row = Destination.objects.get()
    assert (row.address, row.secret) == (EVIL, {"token": "another token"})


def test_the_owners_form_keeps_the_secret_of_the_same_host(writer: User) -> None:
    form = ElsewhereForm(data(address=f"{GOOD}/other"), instance=stored(owner=writer), owner=writer)
    assert form.is_valid(), form.errors
    form.save()
    assert Destination.objects.get().secret == {"token": TOKEN}


def test_the_form_of_mastodon_asks_for_the_token_of_another_instance(writer: User) -> None:
    row = Destination(name="me", service="mastodon", address="https://good.example", owner=writer)
    row.secret = {"access_token": "x" * 43}
    row.save()
    row = Destination.objects.get()
    form = MastodonDestinationForm(data(address="https://evil.example"), instance=row, owner=writer)
    assert not form.is_valid()
    assert "secret_access_token" in form.errors


def test_a_bot_keeps_its_token_when_only_the_chat_changes(writer: User, sandbox: RunningSandbox) -> None:
    row = make_destination(sandbox, owner=writer)
    form = TelegramDestinationForm(data(address="@tagged"), instance=row, owner=writer)
    assert form.is_valid(), form.errors
    form.save()
    row = Destination.objects.get()
    assert (row.address, row.secret) == ("@tagged", {"token": sandbox.bot_token})
    assert services.send_test(row)


@pytest.mark.parametrize(
    "changes", [{"address": EVIL}, {"owner": "1"}, {"options": '{"host": "evil"}', "address": EVIL}]
)
def test_staff_cannot_lead_a_stored_secret_elsewhere(changes: dict[str, str], writer: User) -> None:
    row = stored()
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    if "owner" in changes:
        changes = {"owner": str(writer.pk)}
    page = client.post(CHANGE.format(row.pk), data(**changes))
    assert page.status_code == 200
    assert "Enter it again" in page.content.decode()
    client.post(f"/admin/syncqueue/destination/{row.pk}/check/")
    assert set(arrived) <= {GOOD}
    row = Destination.objects.get()
    assert (row.address, row.owner_id, row.secret) == (GOOD, None, {"token": TOKEN})


def test_the_secret_of_a_new_host_is_not_sent_to_the_host_of_before(writer: User) -> None:
    row = stored()
    note = Note.objects.create(owner=writer, text="First")
    assert arrived[GOOD] and SyncRecord.objects.get().parts
    row.address = EVIL
    row.secret = {"token": "of the new host"}
    row.save()
    note.text = "Second"
    note.save()
    wait_until(lambda: EVIL in arrived, act=work)
    assert set(arrived[GOOD]) == {TOKEN}
    assert set(arrived[EVIL]) == {"of the new host"}
