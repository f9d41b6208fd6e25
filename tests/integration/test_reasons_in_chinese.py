"""A reason is stored once, and said in the reader's language by every face; what a service said stays as it was."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone, translation

import syncqueue
from project.notes.models import Note
from syncqueue.core.task import AttemptNote, SyncTask
from syncqueue.models import Alert, Destination, SyncRecord
from syncqueue.presentation.reasons import in_words
from syncqueue.services import alerts
from syncqueue.sources.intents import record_task_id
from tests.integration.admin.conftest import destination, note, record  # noqa: F401
from tests.integration.api.conftest import TOKEN, own_queue  # noqa: F401
from tests.integration.api.people import client_of
from tests.integration.api.seeds import queue_of
from tests.integration.commands.calling import call

pytestmark = pytest.mark.django_db

STORED = "Telegram refuses to post there: Bad Request: chat not found (gave up after attempt 4)"
CHINESE = "Telegram 拒绝在那里发布：Bad Request: chat not found（第 4 次尝试后放弃）"
CHINESE_READER = {"Accept-Language": "zh-hans"}


@pytest.fixture
def failed(record: SyncRecord) -> SyncRecord:  # noqa: F811
    """A record that failed for a reason of ours with words of Telegram's."""
    record.error = STORED
    record.save()
    return record


@pytest.fixture
def broken(destination: Destination) -> Destination:  # noqa: F811
    """A destination that is refused."""
    Destination.objects.filter(pk=destination.pk).update(broken_reason=STORED, broken_at=timezone.now())
    destination.refresh_from_db()
    return destination


@pytest.fixture
def chinese() -> Iterator[None]:
    """The site's language, which commands and mails take."""
    with translation.override("zh-hans"):
        yield


@pytest.fixture
def reader(admin_client: Client) -> Callable[[str, str], str]:
    """What a page shows to a reader of a language."""

    def read(path: str, language: str) -> str:
        return html.unescape(admin_client.get(path, headers={"Accept-Language": language}).content.decode())

    return read


def test_pages_of_records_and_failures_say_it_in_the_language_of_the_reader(
    reader: Callable[[str, str], str], failed: SyncRecord
) -> None:
    for path in (
        "/admin/syncqueue/syncrecord/",
        f"/admin/syncqueue/syncrecord/{failed.pk}/change/",
        "/admin/syncqueue/queue/failures/",
        f"/admin/syncqueue/queue/telegram/task/{record_task_id(failed.pk)}/",
        f"/admin/notes/note/{failed.object_pk}/change/",
    ):
        assert CHINESE in reader(path, "zh-hans"), path
        assert STORED in reader(path, "en"), path


def test_pages_of_destinations_say_it_in_the_language_of_the_reader(
    reader: Callable[[str, str], str], broken: Destination
) -> None:
    for path in (
        "/admin/syncqueue/queue/",
        f"/admin/syncqueue/destination/{broken.pk}/change/",
    ):
        assert CHINESE in reader(path, "zh-hans"), path
        assert STORED in reader(path, "en"), path


def test_the_api_says_it_in_the_language_of_the_request(failed: SyncRecord) -> None:
    queue = queue_of("telegram")
    queue.enqueue(SyncTask("telegram", "update", "notes.note:1", key="one"))
    (claimed,) = queue.claim(1).tasks
    queue.fail(claimed, AttemptNote(at=timezone.now(), seconds=0.1, outcome="failure", error=STORED))

    def asked(path: str, **headers: str) -> Any:
        given = {"Authorization": f"Bearer {TOKEN}", **headers}
        return json.loads(client_of("anonymous").get(f"/api/admin/sync-queue/{path}", headers=given).content)

    for path in ("failures", "telegram/tasks?state=failed", "telegram/tasks/key:one"):
        assert CHINESE in json.dumps(asked(path, **CHINESE_READER), ensure_ascii=False), path
        assert STORED in json.dumps(asked(path)), path


def test_commands_say_it_in_the_language_of_the_site(failed: SyncRecord, broken: Destination, chinese: None) -> None:
    assert CHINESE in call("failures").out
    assert CHINESE in call("failures", "--json").data["failures"][0]["why"]
    SyncRecord.objects.update(state="waiting")
    assert CHINESE in call("explain", "notes.note", failed.object_pk).out
    assert CHINESE in call("mend", broken.name).out


def test_sentences_of_an_object_say_it(note: Note, failed: SyncRecord) -> None:  # noqa: F811
    with translation.override("zh-hans"):
        (said,) = [one.text for one in syncqueue.explain(note) if one.state == "failed"]
    assert said == f"失败：{CHINESE}再次保存或立即同步时会重试。"


def test_mails_say_it_in_the_language_of_the_site(destination: Destination, chinese: None, settings: Any) -> None:  # noqa: F811
    settings.SYNCQUEUE = {**settings.SYNCQUEUE, "ALERTS": {"ENABLED": True, "EVERY_MINUTES": 60}}
    settings.ADMINS = ["admin@example.org"]
    Alert.objects.create(
        key=f"destination:{destination.pk}", service="telegram", destination=destination, failed_count=1,
        error=STORED, since=timezone.now(),
    )  # fmt: skip
    alerts.send_due()
    (sent,) = mail.outbox
    assert CHINESE in str(sent.body)


def test_what_people_do_is_stored_for_readers_of_any_language(failed: SyncRecord, chinese: None) -> None:
    queue_of("telegram").enqueue(
        SyncTask("telegram", "update", "notes.note:1", key=record_task_id(failed.pk).removeprefix("key:"))
    )
    SyncRecord.objects.update(state="waiting", error="")
    assert call("pause", "telegram").code == 0
    (hold,) = queue_of("telegram").holds()
    assert hold.reason.startswith("Paused by ") and in_words(hold.reason).startswith("由 ")
    assert call("clear", "telegram", "--noinput").code == 0
    failed.refresh_from_db()
    assert failed.error.startswith("Cleared by ") and in_words(failed.error).startswith("由 ")
