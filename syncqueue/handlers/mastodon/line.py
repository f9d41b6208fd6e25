"""The one request of a call: what Mastodon.py asks for, sent within bounds, with its response kept as it came."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import requests

from syncqueue.handlers.mastodon.answers import Answer
from syncqueue.outbound.urllib3_pool import TimeCap

ANSWER_BYTES = 4 * 1024 * 1024  # twenty statuses of 15,000 characters with their accounts are a fifth of this
_CHUNK_BYTES = 64 * 1024
# What the library is given of a JSON body, by its first character. It casts every value, which takes 5 ms of processor
# time for a status and 190 ms for a page of 40; the searches after an outage then starve all other attempts.
_EMPTIED = {b"[": b"[]", b"{": b"{}"}
# What the library makes exceptions and warnings of, also after a status was created; all of it is read here instead.
_MISREAD_HEADERS = ("X-RateLimit-Reset", "X-RateLimit-Remaining", "X-RateLimit-Limit", "Deprecation")


class Line:
    """Stands in for the session of one Mastodon object: the library asks it for nothing but `request`."""

    def __init__(self, session: requests.Session, *, seconds: float) -> None:
        """`seconds`: for a request and its whole answer."""
        self._session = session
        self._seconds = seconds
        self.was_used = False
        self.answer: Answer | None = None  # once it is complete

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """Send one request, and follow no redirect; raises `OSError`, as all errors of requests are."""
        self.was_used = True
        # Uncompressed, so that what is counted is what is kept: 2.5 kB can unpack to gigabytes in one chunk.
        options["headers"] = {**(options.get("headers") or {}), "Accept-Encoding": "identity"}
        with TimeCap(self._seconds) as cap:
            # Streamed, because the size of an answer is the other side's choice.
            with self._session.request(method, url, **options, allow_redirects=False, stream=True) as response:
                body = b"".join(_chunks(response))
            if cap.is_over:  # a connection that was ended may look like a body that has
                raise TimeoutError
        self.answer = Answer(status=response.status_code, headers=response.headers, body=body)
        return _copy(response, body)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise requests.RequestException("The answer is compressed, which was not asked for.")
    size = 0
    for chunk in response.iter_content(_CHUNK_BYTES):
        size += len(chunk)
        if size > ANSWER_BYTES:
            raise requests.RequestException(f"The answer is larger than {ANSWER_BYTES} bytes.")
        yield chunk


def _copy(response: requests.Response, body: bytes) -> requests.Response:
    """The answer for the library, emptied, and without what it misreads."""
    copy = requests.Response()
    copy.status_code, copy.reason, copy.url = response.status_code, response.reason, response.url
    copy.headers = response.headers.copy()
    for name in _MISREAD_HEADERS:
        copy.headers.pop(name, None)
    copy.raw = io.BytesIO(_EMPTIED.get(body.lstrip()[:1], body))
    return copy
