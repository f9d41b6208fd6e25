"""Names and addresses of the inner network stand in the log and on staff's pages, and nowhere else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template import Context, Template
from django.test import Client

from project.notes.models import Note
from syncqueue.core.errors import DestinationBroken
from syncqueue.handlers.base import HandlerConfig, Place
from syncqueue.handlers.webhook.handler import WebhookHandler
from syncqueue.models import Destination, SyncRecord
from syncqueue.outbound.connect import Outbound
from syncqueue.outbound.diagnosis import explain_unreachable
from syncqueue.presentation.inner import for_users
from tests.integration.sync.scene import configure
from tests.loopback import Resolver, resolver  # noqa: F401 - a fixture

SECRET = "whsec_" + "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10.0.0.5:9308 cannot be reached: IPv4 10.0.0.5: refused.", "{} cannot be reached: IPv4 {}: refused."),
        ("db.internal:9308 is away; since 12:03:45", "{} is away; since 12:03:45"),
        ("[fd00::1]:443 and fe80::1 are away", "{} and {} are away"),
        ("search.example:9308 is away", "{} is away"),
        ("mail.corp.example is away", "{} is away"),
        ("8.8.8.8, 2001:4860:4860::8888 and api.telegram.org are away", None),
        ("Version 1.2.3.4.5 at https://mastodon.example/", None),
    ],
)
def test_a_user_reads_no_inner_host(text: str, shown: str | None, settings: Any) -> None:
    now = settings.SYNCQUEUE["HANDLERS"]
    configure(
        HANDLERS={**now, "manticore": {"OPTIONS": {"URL": "http://search.example:9308"}}},
        ALLOWED_PRIVATE_HOSTS=["mail.corp.example:8443"],
    )
    assert for_users(text) == (text if shown is None else shown.replace("{}", "[inner host]"))


def test_what_a_private_host_resolves_to_is_told_to_the_log_alone(
    resolver: Resolver,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    resolver.names["db.internal"] = ["10.20.30.40"]

    async def check() -> None:
        handler = WebhookHandler(HandlerConfig(service="webhook"))
        where = Place(id=1, name="hook", address="https://db.internal/", secret={"secret": SECRET}, is_users=True)
        try:
            await handler.check(where)
        finally:
            await handler.aclose()

    with pytest.raises(DestinationBroken) as caught:
        asyncio.run(check())
    assert "10.20.30.40" not in str(caught.value)
    assert "10.20.30.40" in caplog.text


def test_a_diagnosis_of_a_users_host_names_no_inner_address(resolver: Resolver) -> None:  # noqa: F811
    resolver.names["mixed.test"] = ["10.20.30.40"]
    users, own = Outbound(public_only=True), Outbound(connect_timeout_seconds=0.2)
    error = OSError("away")
    assert "10.20.30.40" not in asyncio.run(explain_unreachable("mixed.test", 443, error, outbound=users))
    assert "10.20.30.40" in asyncio.run(explain_unreachable("mixed.test", 443, error, outbound=own))


def test_the_reason_on_a_page_is_whole_for_staff_alone(writer: User) -> None:
    row = Destination(name="place", service="elsewhere", address="host.example:443")
    row.secret = {"token": "t" * 20}
    row.save()
    note = Note.objects.create(owner=writer, text="Hello")
    said = "db.internal:9308 cannot be reached: IPv4 10.20.30.40: connection refused."
    SyncRecord.objects.update(state="failed", error=said)
    template = Template("{% load syncqueue %}{% sync_status note %}")
    staff = User.objects.create_superuser("root")
    pages = [template.render(Context({"note": note, "user": user})) for user in (writer, None, staff)]
    assert ["db.internal" in page or "10.20.30.40" in page for page in pages] == [False, False, True]
    client = Client()
    client.force_login(writer)
    page = client.get(note.get_absolute_url()).content.decode()
    assert "[inner host]" in page and "10.20.30.40" not in page
