"""A proxy in front of a service; it returns invalid responses: cut JSON, a page, other types, megabytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

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
    """Forwards every request, or responds to every request in the same way."""

    url: str = ""
    service_url: str = ""
    status: int = 200
    body: bytes | None = None  # None: the response of the service
    hands_on: bool = False  # also forward a request if the response is replaced

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, str]:
        """Return status, body and content type."""
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


@contextmanager
def babbling() -> Iterator[Babbler]:
    """Start a `Babbler` on a local port and always stop it."""
    babbler = Babbler()

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body, kind = babbler.answer(self.command, self.path, dict(self.headers), asked)
            self.send_response(status)
            if status == 204:  # such a response has no body
                self.end_headers()
                return
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    babbler.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield babbler
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
