"""A site in which everything that can stand on a page stands there, with content that is Chinese throughout."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from project.notes.models import Note
from syncqueue import services
from syncqueue.core.duty import DutyState
from syncqueue.core.result import Outcome
from syncqueue.core.task import AttemptNote, SyncTask, TaskState
from syncqueue.models import (
    Destination,
    DestinationState,
    RecordState,
    RefusedObject,
    Rule,
    SentAction,
    SentEntry,
    ServicePolicy,
    SyncRecord,
    Verification,
)
from syncqueue.queue.calls import AdmissionRequest
from syncqueue.sources.intents import record_task
from tests.integration.api.seeds import keep_alive, queue_of

SAID = "Bad Request: chat not found"  # by Telegram
REASONS = (
    f"Telegram refuses this: {SAID}",
    f"Telegram answers 502: {SAID} (gave up after attempt 4)",
    "api.telegram.org:443 cannot be reached: IPv6 2001:db8::1: no answer within 3 s; IPv4 192.0.2.1: reachable now; "
    "during the attempt: timed out.",
    "Telegram's answer was lost (ReadTimeout): the message may be there or not.",
    "An attempt was interrupted after it may have sent this; check before you send it again.",
    "The text is empty, and Mastodon accepts no empty statuses.",
    "",
)
DUTIES = (
    *("claim telegram", "recover telegram", "reconcile telegram", "trim telegram", "sweep notes.note"),
    *("heartbeat", "tidy heartbeats", "alerts", "look after destinations", "look for what is due"),
    "look for deleted objects",
)


def build(owner: User) -> None:
    """Fill the database and the queues."""
    places = _destinations(owner)
    _records(owner, places["正常"])
    _tasks(places)
    _queues()
    _rows(places)


def _destinations(owner: User) -> dict[str, Destination]:
    now = timezone.now()
    values: dict[str, dict[str, Any]] = {
        "正常": {},
        "被拒": {"broken_reason": f"Telegram refuses to post there: {SAID}", "broken_at": now},
        "停用": {"enabled": False},
        "标签": {"rule": Rule.TAG, "rule_value": "新闻"},
        "公开": {"rule": Rule.PUBLIC, "owner": owner},
        "私密": {"rule": Rule.PRIVATE, "start_at": now},
        "退役": {"state": DestinationState.RETIRING, "remove_remote": True},
        "他处": {"declared": "他处"},
        "重建": {"service": "second", "address": "表", "emptied_at": now},
        "已关": {"service": "webhook", "address": "https://example.org/hook"},
    }
    return {
        name: Destination.objects.create(
            **{"name": name, "service": "telegram", "address": "@news", "secret_text": "", **value}
        )
        for name, value in values.items()
    }


def _records(owner: User, place: Destination) -> None:
    part = {"kind": "text", "id": "7", "url": "https://t.me/news/7", "address": "@news"}
    for state in RecordState:
        for reason in REASONS:
            note = Note.objects.create(owner=owner, text="你好")
            values = {
                "service": place.service, "state": state, "error": reason, "error_at": timezone.now(),
                "parts": [part] if state != RecordState.WAITING else [], "synced_at": timezone.now(),
                "next_attempt_at": timezone.now() if state == RecordState.WAITING else None,
            }  # fmt: skip
            SyncRecord.objects.update_or_create(
                source="notes.note", object_pk=str(note.pk), destination=place, defaults=values
            )
    later = timezone.now() + timedelta(days=1)
    for shown in ([], [part]):  # goes out later; goes away later
        note = Note.objects.create(owner=owner, text="你好")
        values = {"service": place.service, "state": "waiting", "due_at": later, "parts": shown}
        SyncRecord.objects.update_or_create(
            source="notes.note", object_pk=str(note.pk), destination=place, defaults=values
        )


def _tasks(places: dict[str, Destination]) -> None:
    queue = queue_of("telegram")
    now = timezone.now()
    record = SyncRecord.objects.filter(state="failed").first()
    assert record is not None
    for outcome in [*Outcome, "lost"]:
        for reason in REASONS[:2]:
            queue.enqueue(SyncTask("telegram", "update", f"notes.note:{record.object_pk}"))
            (claimed,) = queue.claim(1).tasks
            queue.fail(claimed, AttemptNote(at=now, seconds=1.25, outcome=str(outcome), error=reason))
    queue.enqueue(record_task("telegram", record.pk, "notes.note", record.object_pk))
    (claimed,) = queue.claim(1).tasks
    queue.fail(claimed, AttemptNote(at=now, seconds=0.1, outcome="failure", error=REASONS[0]))
    queue.client.hset(queue.calls.keys["bodies"], claimed.task.id, "9?nothing")  # which nobody can read
    queue.enqueue(SyncTask("telegram", "update", "notes.note:1"))
    (claimed,) = queue.claim(1).tasks
    note = AttemptNote(at=now, seconds=1.0, outcome="retry", error=REASONS[1])
    queue.retry(claimed, timedelta(hours=1), note)
    for name, reason in _holds(places).items():
        queue.enqueue(SyncTask("telegram", "update", "notes.note:1"))
        (claimed,) = queue.claim(1).tasks
        queue.hold(name, 600, reason)
        queue.admit([AdmissionRequest(claimed=claimed, holds=(name,))])
    queue.enqueue(SyncTask("telegram", "update", "notes.note:1"))
    queue.claim(1)  # stays in processing
    for action, priority in (("create", "high"), ("update", "normal"), ("delete", "low")):
        queue.enqueue(SyncTask("telegram", action, "notes.note:1", priority=priority))
    queue.enqueue(SyncTask("telegram", "update", "notes.note:1", run_at=now + timedelta(hours=1)))


def _holds(places: dict[str, Destination]) -> dict[str, str]:
    return {
        f"rate:destination:{places['正常'].pk}": f"Telegram answers 429: {SAID}",
        f"stopped:destination:{places['被拒'].pk}": f"Telegram refuses to post there: {SAID}",
        "breaker:api.telegram.org:443": "Telegram's answer was lost (ReadTimeout).",
    }


def _queues() -> None:
    queue = queue_of("telegram")
    queue_of("second").hold("pause", None, "Paused by 安.")
    queue_of("second").enqueue(SyncTask("second", "update", "notes.note:1"))
    for number in range(5):
        queue.record_failure(
            "mastodon.example:443", failures=5, open_seconds=60, token=str(number), reason="The instance answers 503."
        )
    since = timezone.now() - timedelta(hours=2)
    keep_alive(*(DutyState(name=name, since=since, error="The database does not answer: no route") for name in DUTIES))
    services.clear("second", states=[TaskState.PENDING], actor="安")


def _rows(places: dict[str, Destination]) -> None:
    ServicePolicy.objects.create(service="telegram", max_retries=5)
    Verification.objects.create(
        destination=places["正常"], finished_at=timezone.now(), looked_count=9, gone_count=1, changed_count=2,
        unwanted_count=1, unknown_count=3, untold_count=1, mended_count=1,
    )  # fmt: skip
    Verification.objects.create(destination=places["标签"], looked_count=2, stopped="It was stopped manually.")
    for action in SentAction:
        for is_partial in (False, True):
            SentEntry.objects.create(
                at=timezone.now(), action=action, is_partial=is_partial, service="telegram", url="https://t.me/news/7",
                destination_id=places["正常"].pk, destination_name="正常", source="notes.note", object_pk="1",
                seconds=0.5, attempt=2,
            )  # fmt: skip
    RefusedObject.objects.create(
        source="notes.note", object_pk="5", reason="notes.note:5: NoteSync.document() raised KeyError: '标题'"
    )
