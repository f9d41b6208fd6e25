"""The code blocks of the page on handlers, run as on a site."""

from __future__ import annotations

import asyncio
import re
import sys
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client, override_settings

import syncqueue
from project.notes.models import Note
from syncqueue.worker.worker import Worker
from tests.docs.pages import blocks
from tests.eventually import eventually
from tests.integration.sync.conftest import forget_all
from tests.patience import IMMEDIATE

PAGE = Path(__file__).resolve().parents[2] / "docs/handlers.md"
# Those of the proof are run in an empty folder: tests/packaging/test_stranger.py.
PROOF = ("# discord_handler.py", "# discord_stand_in.py", "# conftest.py", "# test_discord.py")
BY_NAME = {block.text.partition("\n")[0]: block.text for block in blocks(PAGE)}
SHELF, SHELF_SETTINGS, SHELF_DESTINATION, MAIL, MAIL_SETTINGS, MAIL_TASK = [
    block.text for block in blocks(PAGE) if block.language == "python" and not block.text.startswith(PROOF)
]

pytestmark = pytest.mark.django_db(transaction=True)


class Shelf(ThreadingHTTPServer):
    """Accepts PUT and DELETE; if `status` is set, it is returned instead."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.texts: dict[str, str] = {}
        self.tokens: set[str] = set()
        self.status = 0


class _Answer(BaseHTTPRequestHandler):
    server: Shelf

    def do_PUT(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.tokens.add(self.headers["Authorization"])
        if not self.server.status:
            self.server.texts[self.path] = text
        self._say()

    def do_DELETE(self) -> None:
        self.server.texts.pop(self.path, None)
        self._say()

    def _say(self) -> None:
        self.send_response(self.server.status or 204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def write_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the modules of the page importable under their names."""
    monkeypatch.syspath_prepend(tmp_path)
    for text in (SHELF, MAIL):
        name = text.partition("\n")[0].removeprefix("# ")
        (tmp_path / name).write_text(text)
    yield
    for name in ("shelf_handler", "mail_handler"):
        sys.modules.pop(name, None)


@pytest.fixture
def site(write_module: None, redis_url: str, transactional_db: None) -> Iterator[None]:
    """A site with both services, with the settings of the page."""
    handlers = {**_run(SHELF_SETTINGS)["HANDLERS"], **_run(MAIL_SETTINGS)["HANDLERS"]}
    for one in handlers.values():
        one["BASE_DELAY_SECONDS"] = 0.1
    where = {"REDIS": redis_url, "KEY_PREFIX": uuid.uuid4().hex}
    with override_settings(SYNCQUEUE={**where, "IMMEDIATE": IMMEDIATE, "HANDLERS": handlers}):
        forget_all()
        yield
        forget_all()


def test_the_page_lists_the_methods_that_every_handler_must_have() -> None:
    listed = set(re.findall(r"^\| `(\w+)\(\w+\)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert listed == syncqueue.DocumentHandler.__abstractmethods__


def test_the_handler_is_shorter_than_the_page_says() -> None:
    lines = [line for line in SHELF.splitlines()[1:] if line.strip()]
    assert len(lines) < 40


def test_the_handler_for_discord_has_no_more_lines_than_the_page_says() -> None:
    lines = [line for line in BY_NAME["# discord_handler.py"].splitlines()[1:] if line.strip()]
    assert len(lines) < 80
    assert "Discord in 80 lines" in PAGE.read_text(encoding="utf-8")


def test_a_note_goes_to_the_shelf_changes_there_and_is_taken_away(site: None, shelf: Shelf) -> None:
    _run(SHELF_DESTINATION, SHELF_URL=f"http://127.0.0.1:{shelf.server_port}")
    note = Note.objects.create(owner=User.objects.create_user("writer"), text="Hello shelf")
    assert shelf.texts == {f"/notes.note:{note.pk}": "Hello shelf"}
    assert shelf.tokens == {"Bearer a token of the shelf"}
    note.text = "Hello again"
    note.save()
    assert list(shelf.texts.values()) == ["Hello again"]
    note.delete()
    asyncio.run(Worker(burst=True).run())
    assert shelf.texts == {}


def test_what_the_shelf_refuses_now_goes_out_later(site: None, shelf: Shelf) -> None:
    _run(SHELF_DESTINATION, SHELF_URL=f"http://127.0.0.1:{shelf.server_port}")
    shelf.status = 500
    note = Note.objects.create(owner=User.objects.create_user("writer"), text="Hello shelf")
    assert [record.state for record in syncqueue.status(note)] == ["waiting"]
    shelf.status = 0

    def look() -> None:
        asyncio.run(Worker(burst=True).run())
        assert list(shelf.texts.values()) == ["Hello shelf"]

    eventually(look)


def test_both_services_are_on_the_dashboard(site: None, admin_client: Client) -> None:
    page = admin_client.get("/admin/syncqueue/queue/").content.decode()
    stats = admin_client.get("/api/admin/sync-queue/stats").json()
    assert "shelf" in page.lower()
    assert "mail" in page.lower()
    assert "shelf" in str(stats)


def test_a_task_of_the_sites_own_is_done_by_the_worker(site: None) -> None:
    _run(MAIL_TASK)
    _run(MAIL_TASK)  # the same key
    asyncio.run(Worker(burst=True).run())
    assert [(one.subject, one.to) for one in mail.outbox] == [("Welcome", ["ada@example.org"])]
    assert syncqueue.get_queue("mail").stats().total_processed == 1


def test_a_task_that_can_never_be_done_is_kept_with_its_reason(site: None) -> None:
    _run(MAIL_TASK.replace("ada@example.org", "nowhere"))
    asyncio.run(Worker(burst=True).run())
    stats = syncqueue.get_queue("mail").stats()
    assert (stats.failed_count, mail.outbox) == (1, [])


def _run(code: str, **given: Any) -> dict[str, Any]:
    values: dict[str, Any] = dict(given)
    exec(compile(code, str(PAGE), "exec"), values)  # noqa: S102 - our own page
    return values
