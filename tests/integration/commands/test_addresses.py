"""Whatever SYNCQUEUE["REDIS"] holds, no command shows a part of its password, and each ends with words."""

from __future__ import annotations

import io
import logging
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

from project.notes.models import Note
from syncqueue.dispatch import site_queues
from syncqueue.models import Destination
from tests.integration.commands.calling import call

pytestmark = pytest.mark.django_db(transaction=True)

PIECES = ("Tr0ub", "dor3")
MALFORMED = [
    "redis://:Tr0ub#dor3@127.0.0.1:6379/0",
    "redis://:Tr0ub/dor3@127.0.0.1:6379/0",
    "redis://:Tr0ub?dor3@127.0.0.1:6379/0",
    "redis://app:Tr0ub[dor3@127.0.0.1:6379/0",
    "redis://app:Tr0ub dor3@127.0.0.1:6379/0",
    "rediss://:Tr0ubdor3@127.0.0.1:6379/0?ssl_cert_reqs=dor3",
    "rediss://:Tr0ubdor3@127.0.0.1:6379/0?ssl_ca_certs=/no/such/dor3.pem",
    "rediss://:Tr0ubdor3@127.0.0.1:6379/0?ssl_check_hostnam=true",
    "redis:Tr0ub@dor3:6379/0",
    "http://:Tr0ub@dor3:6379/0",
]


def all_said(run: Any) -> str:
    """Everything a call prints, raises or logs."""
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    logging.getLogger().addHandler(handler)
    out = io.StringIO()
    try:
        run(out)
        ended = ""
    except (CommandError, SystemCheckError) as error:
        ended = str(error)
    finally:
        logging.getLogger().removeHandler(handler)
    return out.getvalue() + ended + logged.getvalue()


@pytest.fixture(params=MALFORMED)
def malformed(request: Any, settings: Any) -> Any:
    """An address that cannot be read."""
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "REDIS": request.param}
    return request.param


def assert_secret(text: str) -> None:
    assert "SYNCQUEUE['REDIS']" in text
    for piece in PIECES:
        assert piece not in text


def test_check_says_what_is_wrong(malformed: str) -> None:
    text = all_said(lambda out: call_command("check", stdout=out, stderr=out))
    assert "syncqueue.E009" in text
    assert_secret(text)


@pytest.mark.parametrize("words", [["stats"], ["health"], ["pause", "telegram"], ["retry", "telegram"], ["doctor"]])
def test_subcommands_end_with_words(malformed: str, words: list[str]) -> None:
    said: list[Any] = []
    text = all_said(lambda out: said.append(call(*words)))
    assert said[0].code in (0, 1)
    assert_secret(text + said[0].out + said[0].err)


def test_the_worker_ends_with_words(malformed: str) -> None:
    text = all_said(lambda out: call_command("runsyncworker", "--burst", stdout=out, stderr=out))
    assert_secret(text)


def test_a_save_goes_on(malformed: str, django_user_model: Any) -> None:
    Destination.objects.create(name="News", service="telegram", address="@news")
    writer = django_user_model.objects.create_user("writer")
    text = all_said(lambda out: Note.objects.create(text="A note", owner=writer))
    assert Note.objects.count() == 1
    for piece in PIECES:
        assert piece not in text


def test_an_alias_with_a_malformed_location_is_not_shown_either() -> None:
    caches = {"queue": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": MALFORMED[0]}}
    caches["default"] = settings.CACHES["default"]
    with override_settings(CACHES=caches, SYNCQUEUE={**settings.SYNCQUEUE, "REDIS": "queue"}):
        site_queues.forget()
        text = all_said(lambda out: call_command("check", stdout=out, stderr=out))
        said = call("doctor")
    assert "CACHES['queue']" in text
    for piece in PIECES:
        assert piece not in text + said.out + said.err
