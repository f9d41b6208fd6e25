"""What people write instead: a signal, a Celery task for each destination, a row that says what was delivered.

As a careful developer writes it from Celery's documentation: enqueued after the commit, acknowledged late, retried with
backoff for a day. It keeps no idempotency key, no records of lost responses, no order of edits.
"""

from __future__ import annotations

import os

import django
import requests
from celery import Celery, shared_task

from bench.systems.base import redis_url

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
django.setup()

from bench.notes.models import Delivery, Note  # noqa: E402 (Django must be set up)

TIMEOUT_SECONDS = 10.0

app = Celery("by_hand", broker=redis_url())
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)
app.set_default()


@shared_task(
    autoretry_for=(requests.RequestException,),
    retry_backoff=2,
    retry_backoff_max=600,
    retry_jitter=True,
    max_retries=150,
)
def deliver(note_id: int, url: str) -> None:
    """Post one note to one receiver."""
    note = Note.objects.get(pk=note_id)
    event = {"type": "note.saved", "id": note.pk, "text": note.text}
    requests.post(url, json=event, timeout=TIMEOUT_SECONDS).raise_for_status()
    Delivery.objects.update_or_create(note_id=note_id, url=url, defaults={"is_done": True})
