"""What a process that was taken over, or a user of the site, can reach beyond what they need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.test import Client

from project.sandbox.testing import RunningSandbox
from syncqueue.checks import check_private_hosts
from syncqueue.forms import ENTERED, FIND_BUTTON, TelegramDestinationForm, destination
from tests.hostile.test_bound_secrets import data

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "deploy").glob("*.service"))


@pytest.mark.parametrize(
    ("entry", "is_open"),
    [
        ("10.0.0.1", True), ("db.internal", True), ("::1", True), ("[::1]", True), ("fd00::1:443", True),
        ("10.0.0.1:443", False), ("db.internal:8443", False), ("[::1]:443", False),
    ],
)  # fmt: skip
def test_a_private_host_without_a_port_is_w007(entry: str, is_open: bool, settings: Any) -> None:
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "ALLOWED_PRIVATE_HOSTS": [entry]}
    found = [message.id for message in check_private_hosts()]
    assert found == (["syncqueue.W007"] if is_open else [])
    deployed = {message.id for message in run_checks(include_deployment_checks=True)}
    assert ("syncqueue.W007" in deployed) == is_open
    assert "syncqueue.W007" not in {message.id for message in run_checks()}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_cannot_write_the_code_and_has_a_limit_of_memory(unit: Path) -> None:
    text = unit.read_text()
    written = re.findall(r"^ReadWritePaths=(.*)$", text, re.MULTILINE)
    assert written == ["-/srv/site/var"]
    assert "ProtectSystem=strict" in text
    assert re.search(r"^MemoryMax=\d+[MG]$", text, re.MULTILINE)


def test_images_are_named_by_a_digest_or_by_the_tag_of_one_release() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    images = [service["image"] for service in services.values() if "build" not in service]
    images += re.findall(r"^ARG PYTHON_IMAGE=(.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert len(images) == 4
    fixed = re.compile(
        r"@sha256:[0-9a-f]{64}$|:\d+\.\d+\.\d+(-|$)|postgres:\d+\.\d+(-|$)"
    )  # PostgreSQL has two numbers
    assert [image for image in images if not fixed.search(image)] == []


def carried(owner: User, token: str) -> str:
    """The hidden input of the page that lists places."""
    form = TelegramDestinationForm(data(secret_token=token, **{FIND_BUTTON: "1"}), owner=owner)
    assert not form.is_valid()
    found: str = form.data[ENTERED]
    return found


def accepts(owner: User, entered: str) -> bool:
    return TelegramDestinationForm(data(address="@news", **{ENTERED: entered}), owner=owner).is_valid()


def test_a_carried_secret_is_for_its_owner_and_its_form(writer: User, sandbox: RunningSandbox) -> None:
    other = User.objects.create_user("other")
    entered = carried(writer, sandbox.bot_token)
    assert accepts(writer, entered)
    assert not accepts(other, entered)
    row = TelegramDestinationForm(data(address="@news", **{ENTERED: entered}), owner=writer).save()
    bare = TelegramDestinationForm(data(address="@news", **{ENTERED: entered}), owner=writer, instance=row)
    assert bare.is_valid(), bare.errors
    assert not bare.reaches_elsewhere


def test_a_carried_secret_gets_old(writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    entered = carried(writer, sandbox.bot_token)
    monkeypatch.setattr(destination, "CARRIED_SECONDS", -1)
    assert not accepts(writer, entered)


def test_the_admins_carried_secret_is_for_the_person_who_entered_it(sandbox: RunningSandbox) -> None:
    url = "/admin/syncqueue/destination/add/?service=telegram"
    pages = {}
    for name in ("root", "toor"):
        client = Client()
        client.force_login(User.objects.create_superuser(name))
        pages[name] = client
    page = pages["root"].post(url, data(secret_token=sandbox.bot_token, **{FIND_BUTTON: "1"}))
    entered = re.search(rf'name="{ENTERED}" value="([^"]+)"', page.content.decode())
    assert entered is not None
    saved = data(address="@news", **{ENTERED: entered[1]})
    assert pages["toor"].post(url, saved).status_code == 200
    assert pages["root"].post(url, saved).status_code == 302
