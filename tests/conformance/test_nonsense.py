"""Answers that are none: cut JSON, a proxy's page, wrong types, megabytes; over real HTTP, to the real libraries."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest

from syncqueue import services
from syncqueue.core.result import ERROR_CHARACTERS
from syncqueue.core.task import TaskView
from syncqueue.dispatch.site_queues import get_queue
from syncqueue.models import Destination, SyncRecord
from syncqueue.sources.intents import record_task_id
from tests.conformance.scene import Site
from tests.conformance.services import services_with

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
    """A proxy before a service: hands everything on, or answers everything in the same way."""

    url: str = ""
    service_url: str = ""
    status: int = 200
    body: bytes | None = None  # None: the service's own
    hands_on: bool = False  # also where the answer will be another

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, str]:
        """Status, body and its type."""
        if self.body is None:
            return self._ask(method, path, headers, body)
        if self.hands_on:
            self._ask(method, path, headers, body)
        return self.status, self.body, "application/json"

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, str]:
        with closing(HTTPConnection(urlsplit(self.service_url).netloc, timeout=10)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read(), response.headers.get("Content-Type", "")


@pytest.fixture(scope="module")
def shared_babbler() -> Iterator[Babbler]:
    """On a port of this machine."""
    babbler = Babbler()

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body, kind = babbler.answer(self.command, self.path, dict(self.headers), asked)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    babbler.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield babbler
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def babbler(shared_babbler: Babbler, site: Site) -> Babbler:
    """Before the service under test, which has one destination, and nothing is tried twice."""
    shared_babbler.service_url, shared_babbler.body, shared_babbler.hands_on = site.service.url, None, False
    site.configure(MAX_RETRIES=0, **site.service.settings(shared_babbler.url))
    return shared_babbler


def assert_refused(site: Site, record: SyncRecord) -> None:
    """Let a worker work, and see the attempt end as one that went wrong, with a reason for people."""
    site.work()
    record.refresh_from_db()
    assert record.state != "synced"
    assert 0 < len(record.error) <= ERROR_CHARACTERS
    assert [one.traceback for one in _task(record).progress.history if one.traceback] == []


def mend(site: Site, destination: Destination, record: SyncRecord) -> None:
    """What a person does when the service is itself again."""
    services.mend(destination, actor="a person")
    services.sync_records(SyncRecord.objects.filter(pk=record.pk), actor="a person")
    site.work_until(site.assert_settled)


@pytest.mark.parametrize(
    ("status", "name"), [*((200, name) for name in BODIES), *((502, name) for name in ("page", "other types", "deep"))]
)
def test_a_create_answered_with_nonsense_ends_with_a_short_reason_and_right_once_the_service_is_itself_again(
    site: Site, babbler: Babbler, status: int, name: str
) -> None:
    destination = site.service.make_destination(address=site.service.at(babbler.url))
    babbler.status, babbler.body = status, BODIES[name]
    note = site.write("Hello")
    if site.service.name != "webhook" or status != 200:  # a receiver says all by its status
        assert_refused(site, site.record(note))

    babbler.body = None
    site.change(note, text="Hello again")
    mend(site, destination, site.record(note))
    site.assert_shows("Hello again")


# A deletion that is answered with 200 and any JSON object is made: servers differ in what they put there.
NO_ANSWER = [(200, "cut"), (200, "page"), (200, "null"), (502, "page"), (502, "deep")]


@pytest.mark.parametrize(
    ("step", "status", "name"),
    [("update", 200, "other types"), *((step, *answer) for step in ("update", "delete") for answer in NO_ANSWER)],
)
def test_an_edit_or_a_deletion_answered_with_nonsense_is_made_once_the_service_is_itself_again(
    site: Site, babbler: Babbler, step: str, status: int, name: str
) -> None:
    if site.service.name == "webhook" and status == 200:
        status = 503  # for a receiver every 200 is a yes
    destination = site.service.make_destination(address=site.service.at(babbler.url))
    note = site.write("Hello")
    site.work_until(site.assert_settled)
    record = site.record(note)

    babbler.status, babbler.body = status, BODIES[name]
    if step == "delete":
        note.delete()
    else:
        site.change(note, text="Hello again")
    assert_refused(site, record)

    babbler.body = None
    mend(site, destination, record)
    site.assert_shows(*(["Hello again"] if step == "update" else []))


@pytest.mark.parametrize(("status", "name"), [(200, "cut"), (502, "page"), (500, "other types")])
@services_with(takes_lost_away=True)
def test_a_copy_that_was_made_and_answered_with_nonsense_goes_with_its_object(
    site: Site, babbler: Babbler, status: int, name: str
) -> None:
    if site.service.name == "webhook" and status == 200:
        status = 502  # for a receiver every 200 is a yes
    destination = site.service.make_destination(address=site.service.at(babbler.url))
    site.write("First")
    site.work_until(site.assert_settled)
    babbler.status, babbler.body, babbler.hands_on = status, BODIES[name], True
    note = site.write("Second")
    record = site.record(note)
    assert_refused(site, record)
    assert "Second" in site.service.texts()

    babbler.body = None
    note.delete()
    mend(site, destination, record)
    site.assert_shows("First")


def _task(record: SyncRecord) -> TaskView:
    view = get_queue(record.service).get(record_task_id(record.pk))
    assert view is not None
    return view
