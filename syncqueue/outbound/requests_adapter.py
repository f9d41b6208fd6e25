"""Sessions of requests that connect through connect.py, and a safe way to fetch a URL that a user wrote."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter

from syncqueue.outbound.connect import Outbound, find_forbidden
from syncqueue.outbound.threads import THREAD_COUNT
from syncqueue.outbound.urllib3_pool import TimeCap, pool_manager
from syncqueue.outbound.urls import host_of, port_of, read_url

CHUNK_BYTES = 64 * 1024
# As many as a handler has threads, so that no call finds the pool full: urllib3 warns and discards the connection.
POOL_SIZE = THREAD_COUNT
_REDIRECTS = (301, 302, 303, 307, 308)


class OutboundSession(requests.Session):
    """Connects through `connect` only, ignores proxies and passwords of the environment, follows no redirect."""

    def __init__(self, outbound: Outbound) -> None:
        """`outbound`: the rules of its connections."""
        super().__init__()
        self.outbound = outbound
        self.trust_env = False  # neither proxies nor .netrc
        for scheme in ("http://", "https://"):
            adapter = HTTPAdapter()
            adapter.poolmanager = pool_manager(outbound, num_pools=POOL_SIZE, maxsize=POOL_SIZE)
            self.mount(scheme, adapter)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None for every response: a body and a token must not be sent to another place."""
        return None


class FetchError(Exception):
    """The URL could not be fetched; the message has the reason and the host, but not the URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A fetched body."""

    content: bytes
    content_type: str  # as sent by the host: "image/png"; may be empty or wrong


def may_fetch(outbound: Outbound, url: str) -> bool:
    """Return whether `fetch` accepts a URL: https, or http if ALLOWED_PRIVATE_HOSTS names the host."""
    try:
        parts = read_url(url)
    except ValueError:
        return False
    return parts.scheme == "https" or outbound.is_allowed_private(host_of(parts), port_of(parts))


def fetch(session: OutboundSession, url: str, *, max_bytes: int, max_redirects: int, timeout_seconds: float) -> Fetched:
    """GET a URL that a user wrote, within `timeout_seconds` in total; raises only `FetchError`.

    https only, unless ALLOWED_PRIVATE_HOSTS names the host; each redirect is checked like the first URL. Blocks.
    """
    with TimeCap(timeout_seconds) as cap:
        try:
            for _ in range(max_redirects + 1):
                _check(session.outbound, url)
                with _get(session, url, timeout_seconds) as response:
                    if response.status_code not in _REDIRECTS:
                        return _read(response, url, max_bytes, cap)
                    url = _next_url(url, response)
        except OSError as error:  # the base class of all exceptions of requests
            raise _explained(error, url, cap, timeout_seconds) from None
    raise FetchError(f"It redirects more than {max_redirects} times.")


def _next_url(url: str, response: requests.Response) -> str:
    try:
        return urljoin(url, response.headers.get("Location", ""))
    except ValueError as error:
        raise FetchError(f"{host_of(read_url(url))} redirects to an invalid URL.") from error


def _check(outbound: Outbound, url: str) -> None:
    try:
        parts = read_url(url)
    except ValueError as error:
        raise FetchError(f"This URL cannot be fetched: {error}") from None
    if not may_fetch(outbound, url):
        raise FetchError(f"{host_of(parts)}: only https URLs are fetched.")


def _get(session: OutboundSession, url: str, timeout_seconds: float) -> requests.Response:
    # Uncompressed, so that max_bytes limits the size in memory.
    headers = {"Accept-Encoding": "identity"}
    timeout = (session.outbound.connect_timeout_seconds, timeout_seconds)
    return session.get(url, headers=headers, stream=True, allow_redirects=False, timeout=timeout)


def _read(response: requests.Response, url: str, max_bytes: int, cap: TimeCap) -> Fetched:
    host = host_of(read_url(url))
    if response.status_code != 200:
        raise FetchError(f"{host} returns {response.status_code}.")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise FetchError(f"{host} returns a compressed body, which was not requested.")
    content = bytearray()
    for chunk in response.iter_content(CHUNK_BYTES):
        content += chunk
        if len(content) > max_bytes:
            raise FetchError(f"{host}: the body is larger than {max_bytes} bytes.")
    if cap.is_over:  # a connection that was shut down may look like the end of the body
        raise TimeoutError
    return Fetched(content=bytes(content), content_type=response.headers.get("Content-Type", "").partition(";")[0])


def _explained(error: OSError, url: str, cap: TimeCap, timeout_seconds: float) -> FetchError:
    host = host_of(read_url(url))
    if cap.is_over or isinstance(error, TimeoutError):
        return FetchError(f"{host}: the request took longer than {timeout_seconds:g} s.")
    forbidden = find_forbidden(error)
    # The messages of requests contain the URL.
    return FetchError(str(forbidden) if forbidden else f"{host} could not be reached ({type(error).__name__}).")
