"""URLs of services: parsing, and the parts that may be shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")


@lru_cache(maxsize=1000)  # an attempt reads the address of its destination several times
def read_url(text: str) -> SplitResult:
    """Parse an http(s) URL with a host and without a password; raises `ValueError`, whose message omits the URL."""
    try:
        url = urlsplit(text)
        is_usable = url.scheme in DEFAULT_PORTS and bool(url.hostname) and url.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or "@" in url.netloc or any(c <= " " or c == "\x7f" for c in text):
        raise ValueError("expected a URL such as 'https://example.org/', without user and password.")
    return url


def server_url(text: str, may_be_plain: Callable[[str, int], bool]) -> SplitResult:
    """Parse the URL of a server: https, a host, and at most a slash; raises `ValueError` without text.

    `may_be_plain` returns whether a host and port may be reached without TLS. The result has no trailing slash.
    """
    text = text.removesuffix("/")
    url = urlsplit(text)
    port = f":{url.port}" if url.port else ""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or ""
    is_allowed = url.scheme == "https" or (url.scheme == "http" and may_be_plain(url.hostname or "", url.port or 80))
    # The URL must not have other parts, such as a path or a password.
    if not is_allowed or not _HOST.fullmatch(host) or text != f"{url.scheme}://{host}{port}":
        raise ValueError
    return url


def host_of(url: SplitResult) -> str:
    """Return the host without brackets."""
    return url.hostname or ""


def port_of(url: SplitResult) -> int:
    """Return the port; the default port of the scheme if the URL has none."""
    return url.port or DEFAULT_PORTS[url.scheme]


def endpoint_of(url: SplitResult) -> str:
    """Return the "host:port" of a URL; an IPv6 address in brackets."""
    host = host_of(url)
    return f"[{host}]:{port_of(url)}" if ":" in host else f"{host}:{port_of(url)}"
