"""Answers that are none: cut JSON, a proxy's page, wrong types, megabytes; over real HTTP, to the real libraries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from syncqueue import services
from syncqueue.core.result import ERROR_CHARACTERS
from syncqueue.core.task import TaskView
from syncqueue.models import SyncRecord
from syncqueue.queues import get_queue
from syncqueue.sources.intents import record_task_id
from tests.conformance.scene import Site

pytestmark = pytest.mark.django_db(transaction=True)

ODD = {"id": [], "ok": 7, "result": "text", "items": {}, "url": 5, "error": {}, "errors": "yes", "version": None}
BODIES = {
    "nothing": b"",
    "cut": b'{"ok": true, "result": {"message_id": 4',
    "page": b"<html><body><h1>Welcome to nginx!</h1></body></html>",
    "null": b"null",
    "list": b"[1, 2, 3]",
    "number": b"1e999",
    "other types": json.dumps(ODD).encode(),
    "other types within": json.dumps({**ODD, "ok": True, "result": {"message_id": {}, "chat": 3}}).encode(),
    "no text": b"\xff\xfe\x00\x80",
    "deep": b"[" * 50_000,
    "ten megabytes": b'{"error": "' + b"x" * 10_000_000 + b'"}',
}


@dataclass
class Babbler:
    """A server that answers everything in the same way."""

    url: str = ""
    status: int = 200
    body: bytes = b""


@pytest.fixture(scope="module")
def babbler() -> Iterator[Babbler]:
    """On a port of this machine."""
    told = Babbler()

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(told.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("status", "name"), [*((200, name) for name in BODIES), *((502, name) for name in ("page", "other types", "deep"))]
)
def test_nonsense_is_an_outcome_with_a_short_reason_and_the_copy_is_right_once_the_service_is_itself_again(
    site: Site, babbler: Babbler, status: int, name: str
) -> None:
    babbler.status, babbler.body = status, BODIES[name]
    service = site.service
    site.configure(MAX_RETRIES=0, **service.settings(babbler.url))
    destination = service.make_destination(address=service.at(babbler.url))

    note = site.write("Hello")
    site.work()

    record = site.record(note)
    if service.name != "webhook" or status != 200:  # a receiver says all by its status
        assert record.state != "synced"
        assert 0 < len(record.error) <= ERROR_CHARACTERS
        assert [one.traceback for one in _task(record).progress.history if one.traceback] == []

    site.configure(**service.settings(service.url))
    destination.address = service.at(service.url)
    destination.save()
    services.mend(destination, actor="a person")
    services.sync_records(SyncRecord.objects.filter(pk=record.pk), actor="a person")
    note.text = "Hello again"
    note.save()
    site.work_until(site.assert_settled)
    site.assert_shows("Hello again")


def _task(record: SyncRecord) -> TaskView:
    view = get_queue(record.service).get(record_task_id(record.pk))
    assert view is not None
    return view
