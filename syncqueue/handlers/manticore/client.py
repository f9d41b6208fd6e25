"""Calls Manticore with its client library, over guarded connections, with limits on time and size.

The calls block: run them in threads.
"""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import manticoresearch
import urllib3
from manticoresearch.exceptions import ApiException
from manticoresearch.rest import RESTClientObject, RESTResponse
from urllib3.exceptions import HTTPError, ProtocolError

from syncqueue.core.errors import HandlerError, RateLimited, Unavailable, Unreachable
from syncqueue.handlers.base import HandlerConfig
from syncqueue.handlers.manticore.answers import translate
from syncqueue.outbound.connect import causes, is_unsent
from syncqueue.outbound.urllib3_pool import TimeCap, pool_manager
from syncqueue.outbound.urls import endpoint_of, host_of, port_of

T = TypeVar("T")

DEFAULT_URL = "http://127.0.0.1:9308"
JOB_SHARE = 0.7  # share of an attempt for the requests of a job, so that a diagnosis fits into the rest
SHORTEST_CALL_SECONDS = 0.05  # with less time left, no further call is begun
POOL_SIZE = 32  # connections that are kept; more are opened on demand
MAX_ANSWER_BYTES = 64 * 1024 * 1024  # a page of search results holds whole documents


class TooLarge(HTTPError):
    """The response has more than MAX_ANSWER_BYTES."""


class ManticoreClient:
    """Calls one Manticore server from any number of threads, over one connection pool."""

    def __init__(self, config: HandlerConfig) -> None:
        """Read the options; raises `ConfigurationError` for a malformed URL."""
        self._url = config.base_url("URL", DEFAULT_URL)
        self.host, self.port, self.endpoint = host_of(self._url), port_of(self._url), endpoint_of(self._url)
        # The site's own server: it is in the settings, and mostly on a private network.
        self.outbound = config.outbound(public_only=False)
        self._job_seconds = config.attempt_timeout_seconds * JOB_SHARE
        self._pool: urllib3.PoolManager = pool_manager(self.outbound, maxsize=POOL_SIZE, retries=False)
        configuration = manticoresearch.Configuration(host=self._url.geturl())
        self._api = manticoresearch.ApiClient(configuration)
        self._api.rest_client = _RestClient(configuration, self._pool)

    def account(self, secret: Mapping[str, str], seconds: float | None = None) -> Account:
        """Return the calls of one job with one credential. The job begins now and takes at most `seconds`."""
        return Account(self, self._api, _auth(secret), time.monotonic() + (seconds or self._job_seconds))

    def close(self) -> None:
        """Close the connections that are not in use; a later call opens new ones."""
        self._pool.clear()

    def call(self, operation: Callable[[dict[str, Any]], T], ends_at: float) -> T:
        """Send one request with its timeout; raises only `HandlerError`s.

        Every request has the same effect when it is repeated. So a lost response is not an unknown outcome.
        """
        left = ends_at - time.monotonic()
        if left < SHORTEST_CALL_SECONDS:
            # Neither the document nor the server is the cause, so this uses no attempt and is not an outage.
            text = "There is more to do than one attempt has time for; it continues soon."
            raise RateLimited(text, after_seconds=1.0, scope="task")
        # The library itself sets no timeout at all.
        timeout = {"_request_timeout": (float(min(self.outbound.connect_timeout_seconds, left)), float(left))}
        with TimeCap(left) as cap:
            try:
                return self._twice(lambda: operation(timeout), cap)
            except ApiException as error:
                # Without the cause: its text contains headers and body of the response, at any length.
                raise _translated(error) from None
            except HTTPError as error:
                if is_unsent(error):
                    raise Unreachable(f"Manticore at {self.endpoint} cannot be reached.") from error
                raise Unavailable(self._lost(error, cap)) from None
            except (ValueError, AttributeError, TypeError, LookupError, RecursionError):
                # The library raises these for a malformed response; the text quotes the response.
                raise Unavailable(f"What answers at {self.endpoint} is no Manticore.") from None

    def _lost(self, error: HTTPError, cap: TimeCap) -> str:
        """Return why there is no response, for people."""
        if cap.is_over or isinstance(error, urllib3.exceptions.TimeoutError):
            return f"Manticore's answer was lost: {self.endpoint} did not answer in time."
        if isinstance(error, TooLarge):
            return f"What answers at {self.endpoint} sends more than {MAX_ANSWER_BYTES} bytes."
        if any(_is_no_http(cause) for cause in causes(error)):
            return (
                f"What answers at {self.endpoint} does not speak HTTP. Enter Manticore's HTTP port in OPTIONS['URL'] "
                "(9308 unless it was changed; 9306 is for MySQL clients)."
            )
        return f"Manticore's answer was lost ({type(error).__name__})."

    def _twice(self, operation: Callable[[], T], cap: TimeCap) -> T:
        """Repeat a call once on a new connection.

        Manticore silently closes the connection after each error response, and the next call may use such a connection.
        """
        try:
            return operation()
        except ProtocolError as error:
            if cap.is_over or is_unsent(error):
                raise
            lost = error
        self._pool.clear()
        with suppress(HTTPError):
            return operation()
        raise lost  # the first request may have arrived, even if the second one was refused


class Account:
    """The calls of one job, with one credential. Each raises only `HandlerError`s."""

    def __init__(
        self, client: ManticoreClient, api: manticoresearch.ApiClient, auth: dict[str, Any] | None, ends_at: float
    ) -> None:
        """`auth`: in the form of the client library; `ends_at`: the end of the job, by the monotonic clock."""
        self._client = client
        self._ends_at = ends_at
        self._index = manticoresearch.IndexApi(api)
        self._utils = manticoresearch.UtilsApi(api)
        self._search = manticoresearch.SearchApi(api)
        self._auth = auth

    def replace(self, table: str, row_id: int, values: Mapping[str, Any]) -> None:
        """Write a row; it replaces an existing one with the same id."""
        request = manticoresearch.InsertDocumentRequest(table=table, id=row_id, doc=dict(values))
        if not self._call(lambda options: self._index.replace(request, **options).result):
            raise self._is_other()

    def delete(self, table: str, row_id: int) -> None:
        """Delete a row; a missing one counts as deleted."""
        request = manticoresearch.DeleteDocumentRequest(table=table, id=row_id)
        if not self._call(lambda options: self._index.delete(request, **options).result):
            raise self._is_other()

    def bulk(self, lines: Iterable[str]) -> None:
        """Make many writes to one table as one transaction: all of them are stored, or, with an error, none."""
        text = "\n".join(lines) + "\n"
        done = self._call(lambda options: self._index.bulk(text, **options).to_dict())
        if done.get("errors") or done.get("error"):
            raise translate(500, json.dumps({"items": done.get("items") or [], "error": done.get("error")}))
        if not done.get("items"):
            raise self._is_other()

    def sql(self, statement: str) -> list[dict[str, Any]]:
        """Return the rows that a statement selects."""
        results = self._call(lambda options: self._utils.sql(statement, **options).actual_instance)
        result: Any = results[0] if isinstance(results, list) and results else {}
        if not isinstance(result, dict):
            raise self._is_other()
        if result.get("error"):
            raise translate(500, json.dumps(result))
        rows = result.get("data") or []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._is_other()
        return rows

    def search(self, body: Mapping[str, Any]) -> manticoresearch.SearchResponse:
        """Return the response to a search request."""
        request = manticoresearch.SearchRequest.model_validate(dict(body))
        return self._call(lambda options: self._search.search(request, **options))

    def _is_other(self) -> HandlerError:
        return Unavailable(f"What answers at {self._client.endpoint} is no Manticore.")

    def _call(self, operation: Callable[[dict[str, Any]], T]) -> T:
        return self._client.call(lambda timeout: operation({**timeout, "_request_auth": self._auth}), self._ends_at)


class _RestClient(RESTClientObject):
    """The library's transport over guarded connections; it reads at most MAX_ANSWER_BYTES of a response."""

    def __init__(self, configuration: manticoresearch.Configuration, pool: urllib3.PoolManager) -> None:
        super().__init__(configuration)
        self.pool_manager = pool

    def request(self, *args: Any, **kwargs: Any) -> RESTResponse:
        plain = super().request(*args, **kwargs)  # type: ignore[no-untyped-call]  # the library's transport is untyped
        return _BoundedResponse(plain.response)


class _BoundedResponse(RESTResponse):
    data: Any  # None until it is read

    def read(self) -> bytes:
        if self.data is None:
            data = self.response.read(MAX_ANSWER_BYTES + 1)
            if len(data) > MAX_ANSWER_BYTES:
                self.response.close()
                raise TooLarge("the response is too large")
            self.response.release_conn()
            self.data = data
        return bytes(self.data)


def _is_no_http(error: BaseException) -> bool:
    """Return whether something other than HTTP was read; a connection that was closed without data does not count."""
    if isinstance(error, http.client.RemoteDisconnected):
        return False
    return isinstance(error, http.client.BadStatusLine | http.client.LineTooLong | http.client.UnknownProtocol)


def _auth(secret: Mapping[str, str]) -> dict[str, Any] | None:
    if secret.get("token"):
        value = f"Bearer {secret['token']}"
    elif secret.get("username"):
        pair = f"{secret['username']}:{secret.get('password', '')}"
        value = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        return None
    return {"type": "basic", "in": "header", "key": "Authorization", "value": value}


def _translated(error: ApiException) -> HandlerError:
    if not error.status:  # raised by the library: the response has an unknown content type
        return Unavailable(f"What answers is no Manticore: {str(error.reason)[:100]}")
    headers = error.headers or {}
    return translate(int(error.status), error.body or "", headers.get("Retry-After"))
