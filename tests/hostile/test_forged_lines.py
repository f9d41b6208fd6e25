"""A name that a user chooses cannot look like another line of a log."""

from __future__ import annotations

import logging

import pytest
from django.contrib.auth.models import User
from django.test import Client

from syncqueue.core.lines import has_controls, one_line
from syncqueue.forms import TelegramDestinationForm
from syncqueue.models import Destination
from syncqueue.services import audit
from tests.hostile.test_bound_secrets import data

FORGED = ["News\nmend: all, by root", "News\rroot", "News\x1b[2K", "News\u2028root", "News\x85root", "News\u202etoor"]
TOKEN = "123456789:AAF-a_token_of_telegram_has_this_form"


@pytest.mark.parametrize("name", FORGED)
def test_a_form_refuses_it(name: str, writer: User) -> None:
    form = TelegramDestinationForm(data(name=name, address="@news", secret_token=TOKEN), owner=writer)
    assert not form.is_valid()
    assert list(form.errors) == ["name"]


@pytest.mark.parametrize("name", FORGED)
def test_the_admin_refuses_it(name: str) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    url = "/admin/syncqueue/destination/add/?service=telegram"
    assert client.post(url, data(name=name, address="@news", secret_token=TOKEN)).status_code == 200
    assert not Destination.objects.exists()


@pytest.mark.parametrize("name", ["News", "新闻 ünïcode", "👩‍👩‍👧 family", "a\u00a0b"])
def test_any_other_name_is_accepted(name: str, writer: User) -> None:
    form = TelegramDestinationForm(data(name=name, address="@news", secret_token=TOKEN), owner=writer)
    assert form.is_valid(), form.errors


@pytest.mark.parametrize("name", FORGED)
def test_a_name_that_is_stored_already_forges_no_line_of_the_audit_log(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "syncqueue.audit")
    audit.note(audit.Actor(name=name), f"rename to {name}", subject=name, model=Destination)
    [record] = caplog.records
    assert not has_controls(record.getMessage())
    assert not any(has_controls(str(vars(record)[key])) for key in ("actor", "subject", "operation"))


def test_a_text_without_controls_stays_as_it_is() -> None:
    assert one_line("👩‍👩‍👧 \\n") == "👩‍👩‍👧 \\n"
    assert one_line("a\nb\u2028c") == "a\\nb\\u2028c"
