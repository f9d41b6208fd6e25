"""URLs of services: parsing, and the parts that may be shown."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


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
