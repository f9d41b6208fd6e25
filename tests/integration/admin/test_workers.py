"""The page of the workers: quiet and stop, each asked with a question, for those who may operate, and written down."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.contrib.admin.models import LogEntry

from syncqueue import services
from syncqueue.conf import get_settings
from syncqueue.queue.keys import worker_request_key, workers_key
from tests.integration.api.people import client_of
from tests.integration.api.seeds import keep_alive, queue_of

pytestmark = pytest.mark.django_db

PAGE = "/admin/syncqueue/queue/workers/"


@pytest.fixture
def worker() -> Iterator[services.WorkerView]:
    """One that is alive."""
    keep_alive()
    yield services.workers()[0]


def asked(worker: services.WorkerView) -> str | None:
    """What is asked of it."""
    key = worker_request_key(get_settings().key_prefix, worker.id)
    client = queue_of("telegram").client
    assert client.ttl(key) <= 300
    found = client.get(key)
    return found if found is None else str(found)


@pytest.mark.parametrize("name", ["quiet", "stop"])
def test_a_worker_is_asked_from_its_row_and_it_is_written_down(name: str, worker: services.WorkerView) -> None:
    client = client_of("operator")
    address = f"{PAGE}{worker.id}/{name}/"
    assert f'href="{address}"' in client.get(PAGE).content.decode()
    question = client.get(address).content.decode()
    assert f"{worker.id} " in question and "Within 10 seconds" in question
    assert asked(worker) is None
    page = client.post(address, follow=True)
    assert page.redirect_chain == [(PAGE, 302)]
    assert f"Worker {worker.id} was asked to" in page.content.decode()
    assert asked(worker) == name
    assert LogEntry.objects.get().object_repr == f"{worker.id}: {name} worker"


def test_only_an_operator_asks_and_never_without_the_csrf_token(worker: services.WorkerView) -> None:
    address = f"{PAGE}{worker.id}/stop/"
    viewer = client_of("viewer")
    assert address not in viewer.get(PAGE).content.decode()
    assert viewer.post(address).status_code == 403
    assert client_of("operator", csrf=True).post(address).status_code == 403
    assert asked(worker) is None


def test_a_worker_that_has_stopped_meanwhile_is_said_to_be_gone(worker: services.WorkerView) -> None:
    queue_of("telegram").client.delete(workers_key(get_settings().key_prefix))
    page = client_of("operator").post(f"{PAGE}{worker.id}/stop/", follow=True).content.decode()
    assert f"There is no worker {worker.id}" in page
    assert asked(worker) is None and not LogEntry.objects.exists()


def test_a_quiet_worker_is_shown_as_such_counts_for_no_service_and_can_only_be_stopped(
    worker: services.WorkerView,
) -> None:
    client, key = queue_of("telegram").client, workers_key(get_settings().key_prefix)
    beat = json.loads(client.hget(key, worker.id))
    client.hset(key, worker.id, json.dumps(beat | {"state": "quiet"}))
    page = client_of("operator").get(PAGE).content.decode()
    assert "quiet: takes no new work" in page
    assert f"{worker.id}/stop/" in page and f"{worker.id}/quiet/" not in page
    assert not services.health().ok
    client.hset(key, worker.id, json.dumps(beat | {"state": "dancing"}))  # of another version
    assert services.health().ok


def test_there_is_no_other_request(worker: services.WorkerView) -> None:
    assert client_of("operator").post(f"{PAGE}{worker.id}/dance/").status_code == 404
