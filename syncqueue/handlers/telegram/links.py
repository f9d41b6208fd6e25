"""The addresses that Telegram accepts as the target of a text link. Pure.

The rules are those of TDLib (`LinkManager::get_checked_link`, `parse_url`), which checks every entity before anything
is sent: with one bad URL the whole message loses its formatting. Where TDLib is lenient in odd ways (user names before
a host, empty labels, `mailto:`, of which it makes a web address), this module refuses.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from urllib.parse import urljoin

_WEB = re.compile(
    r"""https?://
    (?P<host>
        \[(?P<ipv6>[0-9a-f:.]{2,45})\]                                      # an IPv6 address
      | (?:(?:[^\x00-\x2c/:;<=>?@\[\\\]^`{|}\x7f\s.%]|%[0-9a-f]{2}){1,255}\.)+  # labels: at least one dot
        (?:[^\x00-\x2c/:;<=>?@\[\\\]^`{|}\x7f\s.%]|%[0-9a-f]{2}){1,255}
    )
    (?::(?P<port>[0-9]{1,10}))?
    (?:[/?\#].*)?""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_TELEGRAM = re.compile(
    r"(?:(?:tg|ton)://[a-z0-9_-]+|tonsite://[a-z0-9_-]+(?:\.[a-z0-9_-]+)+)(?:[/?#].*)?", re.IGNORECASE | re.DOTALL
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_MAIL = re.compile(r"mailto:([^?]+@[^?]+)(?:\?.*)?", re.IGNORECASE | re.DOTALL)
_MOST_CHARACTERS = 4096  # of a link; browsers and servers take about 2,000
_HIGHEST_PORT = 65535


def absolute(target: str, base_url: str) -> str:
    """Return `target` completed from `base_url`; "" if it stays relative or is not a URL."""
    try:
        joined = urljoin(base_url, target.strip())
    except ValueError:
        return ""
    return joined if _SCHEME.match(joined) else ""


def is_accepted(url: str) -> bool:
    """Return whether a message may link to `url`."""
    if len(url) > _MOST_CHARACTERS:
        return False
    if _TELEGRAM.fullmatch(url):
        return True
    web = _WEB.fullmatch(url)
    if web is None or (web["ipv6"] and not _is_ipv6(web["ipv6"])):
        return False
    return web["port"] is None or 0 < int(web["port"]) <= _HIGHEST_PORT


def _is_ipv6(text: str) -> bool:
    try:
        return IPv6Address(text) is not None
    except ValueError:
        return False


def mail_address(url: str) -> str:
    """Return the address of a `mailto:` URL, else ""."""
    mail = _MAIL.fullmatch(url)
    return mail[1] if mail else ""
