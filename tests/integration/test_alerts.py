"""Mails about trouble: who gets them, what stands in them, and that they are gathered."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import django
import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from syncqueue.core.task import SyncTask
from syncqueue.models import Alert, Destination, SyncRecord
from syncqueue.services import alerts
from syncqueue.signals import destination_broken, task_failed
from syncqueue.worker.alerter import Alerter
from syncqueue.worker.duty import Duty
from tests.eventually import eventually

pytestmark = pytest.mark.django_db

TOKEN = "123456789:AAF-a_token_of_telegram_has_this_form"
TASK = SyncTask("telegram", "update", "notes.note:1", {})


class LaterClock:
    """A clock so many minutes ahead."""

    def __init__(self, minutes: float) -> None:
        self._ahead = timedelta(minutes=minutes)

    def now(self) -> Any:
        return timezone.now() + self._ahead


class BrokenBackend(BaseEmailBackend):
    """A mail server that refuses, and says a secret about it."""

    def send_messages(self, email_messages: Any) -> int:
        raise OSError(f"refused, {TOKEN}")


class HangingBackend(BaseEmailBackend):
    """A mail server that keeps silent until it is let go."""

    reached = threading.Event()
    let_go = threading.Event()

    def send_messages(self, email_messages: Any) -> int:
        self.reached.set()
        self.let_go.wait(30)
        return len(email_messages)


def send_mail_by(settings: Any, backend: str) -> None:
    """From now on mail goes by this backend."""
    if django.VERSION < (6, 1):
        settings.EMAIL_BACKEND = backend
    else:
        settings.MAILERS = {"default": {"BACKEND": backend}}


@pytest.fixture(autouse=True)
def alerts_on(settings: Any) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "ALERTS": {"ENABLED": True, "EVERY_MINUTES": 30}}
    settings.ADMINS = [("Ada", "ada@example.com")]


def channel(owner: User | None = None, name: str = "News") -> Destination:
    return Destination.objects.create(name=name, service="telegram", address="@news", owner=owner)


def owner() -> User:
    return User.objects.create_user("olga", email="olga@example.com")


def fail(destination: Destination | None, error: str = "Chat not found.") -> None:
    """A task for a destination failed; None: one of the site's own."""
    record_id = None
    if destination is not None:
        count = SyncRecord.objects.count()
        record = SyncRecord.objects.create(
            source="notes.note", object_pk=str(count), destination=destination, service="telegram"
        )
        record_id = record.pk
    task_failed.send(None, service="telegram", task=TASK, record_id=record_id, error=error)


def break_(destination: Destination) -> None:
    destination_broken.send(
        None, service="telegram", task=TASK, record_id=None, destination_id=destination.pk, error="Unauthorized."
    )


def test_the_owner_is_told_and_the_admins_see_a_copy() -> None:
    fail(channel(owner()))
    assert alerts.send_due() == 1
    (sent,) = mail.outbox
    assert (sent.to, sent.bcc) == (["olga@example.com"], ["ada@example.com"])
    assert "telegram: News" in sent.subject
    assert "1 task failed for good" in sent.body
    assert "Chat not found." in sent.body


def test_without_an_owner_the_admins_are_told() -> None:
    fail(channel())
    alerts.send_due()
    (sent,) = mail.outbox
    assert (sent.to, sent.bcc) == (["ada@example.com"], [])


def test_a_destination_whose_owner_is_gone_is_told_of_to_the_admins() -> None:
    destination = channel(owner())
    Destination.objects.update(owner_id=4711)
    fail(destination)
    alerts.send_due()
    assert mail.outbox[0].to == ["ada@example.com"]
    Destination.objects.update(owner_id=None)


def test_admins_may_be_plain_addresses(settings: Any) -> None:
    settings.ADMINS = ["plain@example.com"]
    fail(channel())
    alerts.send_due()
    assert mail.outbox[0].to == ["plain@example.com"]


def test_a_hundred_failures_are_one_mail_with_their_count() -> None:
    destination = channel()
    for _ in range(100):
        fail(destination)
    assert alerts.send_due() == 1
    assert "100 tasks failed for good" in mail.outbox[0].body


def test_what_fails_within_the_interval_is_told_once_it_is_over() -> None:
    destination = channel()
    fail(destination)
    alerts.send_due()
    fail(destination)
    fail(destination)
    assert alerts.send_due(LaterClock(29)) == 0
    assert alerts.send_due(LaterClock(31)) == 1
    assert "2 tasks failed for good" in mail.outbox[1].body
    assert alerts.send_due(LaterClock(90)) == 0


def test_each_destination_has_a_mail_of_its_own() -> None:
    fail(channel(name="News"))
    fail(channel(name="Other"))
    assert alerts.send_due() == 2
    assert [sent.subject.rsplit(" ", 1)[-1] for sent in mail.outbox] == ["News", "Other"]


def test_a_broken_destination_is_told_of_with_its_reason() -> None:
    break_(channel(owner()))
    alerts.send_due()
    assert "The destination was refused" in mail.outbox[0].body
    assert "Unauthorized." in mail.outbox[0].body
    assert "failed for good" not in mail.outbox[0].body


def test_a_failed_task_of_the_sites_own_is_told_to_the_admins() -> None:
    fail(None)
    alerts.send_due()
    assert mail.outbox[0].to == ["ada@example.com"]
    assert mail.outbox[0].subject.endswith("telegram")


def test_two_workers_send_one_mail() -> None:
    fail(channel())
    (alert,) = Alert.objects.all()
    now = timezone.now()
    quiet = alerts.Q(sent_at=None)
    assert [alerts._take(alert, quiet, now), alerts._take(alert, quiet, now)] == [True, False]


def test_by_default_nothing_is_noted_and_nothing_sent(settings: Any) -> None:
    settings.SYNCQUEUE = {key: value for key, value in settings.SYNCQUEUE.items() if key != "ALERTS"}
    fail(channel())
    break_(channel())
    assert not Alert.objects.exists()
    assert alerts.send_due() == 0
    assert mail.outbox == []


def test_no_mail_holds_a_token() -> None:
    fail(channel(), error=f"https://api.telegram.org/bot{TOKEN}/sendMessage refused")
    alerts.send_due()
    assert TOKEN not in mail.outbox[0].body + Alert.objects.get().error
    assert "[secret]" in mail.outbox[0].body


def test_a_name_of_two_lines_cannot_add_a_header() -> None:
    fail(channel(name="News\nBcc: eve@example.com"))
    alerts.send_due()
    assert mail.outbox[0].recipients() == ["ada@example.com"]
    assert "\n" not in mail.outbox[0].subject


def test_a_mail_that_cannot_be_sent_is_logged_without_secrets_and_sent_later(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    destination = channel()
    fail(destination)
    send_mail_by(settings, f"{__name__}.BrokenBackend")
    with caplog.at_level(logging.ERROR, logger="syncqueue.alerts"):
        assert alerts.send_due() == 0
    assert f"destination:{destination.pk} could not be sent: refused, [secret]" in caplog.text
    assert TOKEN not in caplog.text
    send_mail_by(settings, "django.core.mail.backends.locmem.EmailBackend")
    assert alerts.send_due(LaterClock(31)) == 1
    assert "1 task failed for good" in mail.outbox[0].body


def test_where_nobody_can_be_told_that_is_logged(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.ADMINS = []
    fail(channel())
    assert alerts.send_due() == 0
    assert "Nobody is informed" in caplog.text


@pytest.fixture
def hanging(settings: Any) -> Iterator[type[HangingBackend]]:
    send_mail_by(settings, f"{__name__}.HangingBackend")
    HangingBackend.reached.clear()
    HangingBackend.let_go.clear()
    yield HangingBackend
    HangingBackend.let_go.set()


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_hangs_holds_a_worker_up_neither_at_work_nor_twice(hanging: type[HangingBackend]) -> None:
    fail(channel())
    alerter = Alerter()
    asyncio.run(alerter.look())
    assert hanging.reached.wait(30)
    first = alerter._thread
    asyncio.run(alerter.look())
    assert alerter._thread is first
    hanging.let_go.set()
    alerter.end()
    assert first is not None and not first.is_alive()


@pytest.mark.django_db(transaction=True)
def test_a_worker_sends_what_is_due() -> None:
    fail(channel())
    alerter = Alerter()
    asyncio.run(alerter.look())
    eventually(lambda: _is_sent())
    alerter.end()


def _is_sent() -> None:
    assert len(mail.outbox) == 1


def test_what_goes_wrong_with_the_mails_is_told_by_the_duty(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    def broken() -> int:
        raise LookupError("no template today")

    monkeypatch.setattr("syncqueue.services.alerts.send_due", broken)
    alerter = Alerter()
    duty = Duty("alerts", 30, alerter.look)
    for _ in range(2):
        asyncio.run(duty.once())
        alerter.end()
    assert duty.trouble.state is not None
    assert duty.trouble.state.error == "LookupError: no template today"
    monkeypatch.undo()
    for _ in range(2):
        asyncio.run(duty.once())
        alerter.end()
    assert duty.trouble.state is None
