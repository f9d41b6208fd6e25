"""Reasons for users of a site: without names and addresses of the internal network.

An error contains the host that could not be reached, which staff and the log need. But the note of a user may go to the
site's own search server, whose name and address users must not learn.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from syncqueue.conf import get_settings
from syncqueue.outbound.addresses import is_public, normal
from syncqueue.secrets import redact

_ADDRESS = re.compile(
    r"(?<![\w.:])\[?((?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*)\]?(:\d+)?(?!\w|:\w)"
)
_INNER_NAME = re.compile(
    r"(?<![\w.-])(?:[\w-]+\.)*(?:localhost|[\w-]+\.(?:internal|local|lan|intranet|home\.arpa))(?![\w-])(:\d+)?"
)


def for_users(text: str) -> str:
    """Remove secrets and internal hosts from a text: hosts of the settings, and private addresses and names."""
    text = redact(text)
    for host in sorted(_hosts_of_settings(), key=len, reverse=True):
        text = re.sub(rf"(?<![\w.-])\[?{re.escape(host)}\]?(:\d+)?(?![\w-])", _hidden(), text, flags=re.IGNORECASE)
    text = _INNER_NAME.sub(_hidden(), text)
    return _ADDRESS.sub(lambda found: _hidden() if _is_inner(found[1]) else found[0], text)


def _hidden() -> str:
    return _("[inner host]")


def _is_inner(text: str) -> bool:
    try:
        return not is_public(str(ipaddress.ip_address(text.rstrip("."))))
    except ValueError:
        return False  # a time of day, or a version number


def _hosts_of_settings() -> Iterator[str]:
    """Yield the hosts in the settings: those of services, and ALLOWED_PRIVATE_HOSTS."""
    settings = get_settings()
    for service in settings.services.values():
        for value in service.options.values():
            host = urlsplit(value).hostname if isinstance(value, str) and "://" in value else None
            if host:
                yield host
    for entry in settings.allowed_private_hosts:
        yield normal(entry.rpartition(":")[0] if re.search(r"[^:]:\d+$", entry) else entry)
