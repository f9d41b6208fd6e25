"""Verifies the signature of a request. https://www.standardwebhooks.com"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping

TOLERANCE_SECONDS = 300  # an older request may be a replay


def why_refused(secret: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return the problem of the signature; "" if it is valid."""
    event_id, moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not event_id or not moment.isdecimal():
        return "webhook-id or webhook-timestamp is missing"
    if abs(time.time() - int(moment)) > TOLERANCE_SECONDS:
        return "webhook-timestamp is too far from now"
    wanted = _signature(secret, event_id, moment, body)
    given = headers.get("webhook-signature", "").split()
    return "" if any(hmac.compare_digest(one, wanted) for one in given) else "no signature fits"


def _signature(secret: str, event_id: str, moment: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{event_id}.{moment}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
