"""Addresses of services on the web: their form, and what may be said of them."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from syncqueue.core.errors import ConfigurationError
from syncqueue.handlers.base import HandlerConfig

DEFAULT_PORTS = {"http": 80, "https": 443}


def read_url(text: str) -> SplitResult:
    """A URL of the web with a host and without a password; raises `ValueError`, which does not show it."""
    try:
        url = urlsplit(text)
        is_usable = url.scheme in DEFAULT_PORTS and bool(url.hostname) and url.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or "@" in url.netloc or any(c <= " " or c == "\x7f" for c in text):
        raise ValueError("expected a URL such as 'https://example.org/', without user and password.")
    return url


def base_url(config: HandlerConfig, option: str, default: str) -> SplitResult:
    """The URL that a service's OPTIONS name, without a slash at its end; raises `ConfigurationError`."""
    try:
        url = read_url(str(config.options.get(option) or default).rstrip("/"))
    except ValueError:
        url = None
    if url is None or url.query or url.fragment:
        # The value itself is not shown: a URL may hold a password.
        raise ConfigurationError(
            f"SYNCQUEUE['HANDLERS'][{config.service!r}]['OPTIONS'][{option!r}]: "
            "expected None or a URL such as 'http://127.0.0.1:8021'."
        )
    return url


def host_of(url: SplitResult) -> str:
    """The host alone, without brackets."""
    return url.hostname or ""


def port_of(url: SplitResult) -> int:
    """The port, also where the URL does not say it."""
    return url.port or DEFAULT_PORTS[url.scheme]


def endpoint_of(url: SplitResult) -> str:
    """The "host:port" of a URL; an IPv6 address in brackets."""
    host = host_of(url)
    return f"[{host}]:{port_of(url)}" if ":" in host else f"{host}:{port_of(url)}"
