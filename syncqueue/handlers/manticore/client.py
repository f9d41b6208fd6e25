"""The way to Manticore: its client library over connections of ours, with limits in time. It blocks: for threads."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import manticoresearch
import urllib3
from manticoresearch.exceptions import ApiException
from urllib3.exceptions import HTTPError, ProtocolError

from syncqueue.core.errors import HandlerError, RetryLater, Unreachable
from syncqueue.handlers.base import HandlerConfig
from syncqueue.handlers.manticore.answers import translate
from syncqueue.outbound.connect import is_unsent
from syncqueue.outbound.urllib3_pool import TimeCap, pool_manager
from syncqueue.outbound.urls import endpoint_of, host_of, port_of

T = TypeVar("T")

DEFAULT_URL = "http://127.0.0.1:9308"
JOB_SHARE = 0.7  # of an attempt: the requests of a job and a diagnosis stay below the whole
SHORTEST_CALL_SECONDS = 0.05  # with less than this left no further call is begun
POOL_SIZE = 32  # connections kept; more are made while more are needed


class ManticoreClient:
    """Calls one Manticore server, from any number of threads, over one pool of connections."""

    def __init__(self, config: HandlerConfig) -> None:
        """Read the options; raises `ConfigurationError` for a URL that is none."""
        self._url = config.base_url("URL", DEFAULT_URL)
        self.host, self.port, self.endpoint = host_of(self._url), port_of(self._url), endpoint_of(self._url)
        # The site's own server, named in its settings and mostly on its own network.
        self.outbound = config.outbound(public_only=False)
        self._job_seconds = config.attempt_timeout_seconds * JOB_SHARE
        self._pool: urllib3.PoolManager = pool_manager(self.outbound, maxsize=POOL_SIZE, retries=False)
        configuration = manticoresearch.Configuration(host=self._url.geturl())
        self._api = manticoresearch.ApiClient(configuration)
        self._api.rest_client.pool_manager = self._pool

    def account(self, secret: Mapping[str, str], seconds: float | None = None) -> Account:
        """The server as somebody may use it, for one job, which begins now and takes `seconds` at most."""
        return Account(self, self._api, _auth(secret), time.monotonic() + (seconds or self._job_seconds))

    def close(self) -> None:
        """Close the connections that are not in use; a later call opens new ones."""
        self._pool.clear()

    def call(self, operation: Callable[[dict[str, Any]], T], ends_at: float) -> T:
        """Do one request, given its timeout; raises `HandlerError`s alone.

        Every request we make comes to the same end when it is made twice, so none leaves a doubt behind.
        """
        left = ends_at - time.monotonic()
        if left < SHORTEST_CALL_SECONDS:
            raise RetryLater("There is more to do than one attempt has time for; it goes on soon.", after_seconds=1.0)
        # The library itself sets no timeout at all.
        timeout = {"_request_timeout": (float(min(self.outbound.connect_timeout_seconds, left)), float(left))}
        with TimeCap(left) as cap:
            try:
                return self._twice(lambda: operation(timeout), cap)
            except ApiException as error:
                # Without the cause: its text holds the answer's headers and body, at any length.
                raise _translated(error) from None
            except HTTPError as error:
                if is_unsent(error):
                    raise Unreachable(f"Manticore at {self.endpoint} cannot be reached.") from error
                name = "too late" if cap.is_over else type(error).__name__
                raise RetryLater(f"Manticore's answer was lost ({name}).") from None
            except (ValueError, AttributeError, TypeError, RecursionError):
                # The library's, of an answer that has another form; its text quotes the answer.
                raise RetryLater(f"What answers at {self.endpoint} is no Manticore.") from None

    def _twice(self, operation: Callable[[], T], cap: TimeCap) -> T:
        """Behind each error answer Manticore closes the connection without saying so: the next call may find out."""
        try:
            return operation()
        except ProtocolError as error:
            if cap.is_over or is_unsent(error):
                raise
            self._pool.clear()
            try:
                return operation()
            except HTTPError:
                raise error from None  # the first time it may have arrived


class Account:
    """The calls of one job, under one credential. Each raises `HandlerError`s alone."""

    def __init__(
        self, client: ManticoreClient, api: manticoresearch.ApiClient, auth: dict[str, Any] | None, ends_at: float
    ) -> None:
        """`auth`: in the form that the client library takes; `ends_at`: of the job, by the monotonic clock."""
        self._client = client
        self._ends_at = ends_at
        self._index = manticoresearch.IndexApi(api)
        self._utils = manticoresearch.UtilsApi(api)
        self._search = manticoresearch.SearchApi(api)
        self._auth = auth

    def replace(self, table: str, row_id: int, values: Mapping[str, Any]) -> None:
        """Put a row there, in the place of one with this id if there is one."""
        request = manticoresearch.InsertDocumentRequest(table=table, id=row_id, doc=dict(values))
        if not self._call(lambda options: self._index.replace(request, **options).result):
            raise self._is_other()

    def delete(self, table: str, row_id: int) -> None:
        """Remove a row; one that is not there is done."""
        request = manticoresearch.DeleteDocumentRequest(table=table, id=row_id)
        if not self._call(lambda options: self._index.delete(request, **options).result):
            raise self._is_other()

    def bulk(self, lines: Iterable[str]) -> None:
        """Many writes to one table as one transaction: all or, with a `Refused`, none."""
        text = "\n".join(lines) + "\n"
        done = self._call(lambda options: self._index.bulk(text, **options).to_dict())
        if done.get("errors") or done.get("error"):
            raise translate(500, json.dumps({"items": done.get("items") or [], "error": done.get("error")}))
        if not done.get("items"):
            raise self._is_other()

    def sql(self, statement: str) -> list[dict[str, Any]]:
        """The rows that a statement answers."""
        results = self._call(lambda options: self._utils.sql(statement, **options).actual_instance)
        result: Any = results[0] if isinstance(results, list) and results else {}
        if not isinstance(result, dict):
            raise self._is_other()
        if result.get("error"):
            raise translate(500, json.dumps(result))
        return list(result.get("data") or ())

    def search(self, body: Mapping[str, Any]) -> manticoresearch.SearchResponse:
        """The answer to a search request."""
        request = manticoresearch.SearchRequest.model_validate(dict(body))
        return self._call(lambda options: self._search.search(request, **options))

    def _is_other(self) -> HandlerError:
        return RetryLater(f"What answers at {self._client.endpoint} is no Manticore.")

    def _call(self, operation: Callable[[dict[str, Any]], T]) -> T:
        return self._client.call(lambda timeout: operation({**timeout, "_request_auth": self._auth}), self._ends_at)


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
    if not error.status:  # it is the library's own: what came has no content type it knows
        return RetryLater(f"What answers is no Manticore: {str(error.reason)[:100]}")
    headers = error.headers or {}
    return translate(int(error.status), error.body or "", headers.get("Retry-After"))
