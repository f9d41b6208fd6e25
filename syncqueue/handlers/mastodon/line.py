"""The request of one call: sends what Mastodon.py requests, within limits, and keeps the unchanged response."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import requests

from syncqueue.handlers.mastodon.answers import Answer
from syncqueue.outbound.urllib3_pool import TimeCap

ANSWER_BYTES = 4 * 1024 * 1024  # twenty statuses of 15,000 characters with their accounts are a fifth of this
_CHUNK_BYTES = 64 * 1024
# What the library gets instead of a JSON body, by its first character. It converts every value, which takes 5 ms of
# processor time for a status and 190 ms for a page of 40; searches after an outage would starve all other attempts.
_EMPTIED = {b"[": b"[]", b"{": b"{}"}
# Headers for which the library raises or warns, even after a status was created; they are read here instead.
_MISREAD_HEADERS = ("X-RateLimit-Reset", "X-RateLimit-Remaining", "X-RateLimit-Limit", "Deprecation")


class Line:
    """Replaces the session of one Mastodon object: the library only calls its `request`."""

    def __init__(self, session: requests.Session, *, seconds: float) -> None:
        """`seconds`: the limit for a request including its response."""
        self._session = session
        self._seconds = seconds
        self.was_used = False
        self.answer: Answer | None = None  # set when it is complete

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """Send one request without following redirects; raises `OSError`, the base class in requests."""
        self.was_used = True
        # Uncompressed, so that the limit applies to the size in memory: 2.5 kB can unpack to gigabytes in one chunk.
        options["headers"] = {**(options.get("headers") or {}), "Accept-Encoding": "identity"}
        with TimeCap(self._seconds) as cap:
            # Streamed, because the server chooses the size of a response.
            with self._session.request(method, url, **options, allow_redirects=False, stream=True) as response:
                body = b"".join(_chunks(response))
            if cap.is_over:  # a connection that was shut down may look like the end of the body
                raise TimeoutError
        self.answer = Answer(status=response.status_code, headers=response.headers, body=body)
        return _copy(response, body)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise requests.RequestException("The response is compressed, which was not requested.")
    size = 0
    for chunk in response.iter_content(_CHUNK_BYTES):
        size += len(chunk)
        if size > ANSWER_BYTES:
            raise requests.RequestException(f"The answer is larger than {ANSWER_BYTES} bytes.")
        yield chunk


def _copy(response: requests.Response, body: bytes) -> requests.Response:
    """Return the response for the library, with an empty body and without the headers that it misinterprets."""
    copy = requests.Response()
    copy.status_code, copy.reason, copy.url = response.status_code, response.reason, response.url
    copy.headers = response.headers.copy()
    for name in _MISREAD_HEADERS:
        copy.headers.pop(name, None)
    copy.raw = io.BytesIO(_EMPTIED.get(body.lstrip()[:1], body))
    return copy
