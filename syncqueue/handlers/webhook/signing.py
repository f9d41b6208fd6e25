"""Signatures as in Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"
# The lengths of keys that the specification allows.
SHORTEST_BYTES, LONGEST_BYTES = 24, 64


def read_secret(text: str) -> bytes:
    """Return the key in a secret such as "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"; raises `ValueError` without text."""
    if not text.startswith(PREFIX):
        raise ValueError
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError from None
    if not SHORTEST_BYTES <= len(key) <= LONGEST_BYTES:
        raise ValueError
    return key


def sign(key: bytes, event_id: str, timestamp: int, body: bytes) -> str:
    """Return the header webhook-signature: "v1," and a MAC over id, time (seconds since 1970) and body."""
    signed = b".".join((event_id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
