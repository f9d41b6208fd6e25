"""Secrets at rest: encrypted before they reach the database, and kept out of logs.

The key is derived from SECRET_KEY (and SECRET_KEY_FALLBACKS for reading), or from ENCRYPTION_KEYS, the first of
which writes. With the wrong key nothing is guessed: reading raises `SecretError`.
"""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.conf import settings as django_settings

from syncqueue.conf import get_settings
from syncqueue.core.errors import SecretError

if TYPE_CHECKING:
    from cryptography.fernet import Fernet, MultiFernet

# cryptography is imported by what needs it: it takes 7 MB, and a process without secrets does not use it.
# The purpose is part of the derivation, so that the key is of no use for anything else signed with SECRET_KEY.
_PURPOSE = b"syncqueue destination secrets v1"


def _fernet(text: str) -> Fernet:
    from cryptography.fernet import Fernet
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_PURPOSE).derive(text.encode())
    return Fernet(base64.urlsafe_b64encode(key))


def _keys() -> MultiFernet:
    from cryptography.fernet import MultiFernet

    texts = get_settings().encryption_keys or (
        django_settings.SECRET_KEY,
        *django_settings.SECRET_KEY_FALLBACKS,
    )
    return MultiFernet([_fernet(text) for text in texts])


def encrypt(secret: Mapping[str, str]) -> str:
    """The secret as text for the database."""
    return _keys().encrypt(json.dumps(dict(secret), sort_keys=True).encode()).decode()


def decrypt(text: str) -> dict[str, str]:
    """Read what `encrypt` wrote; raises `SecretError` saying which setting is at fault."""
    from cryptography.fernet import InvalidToken

    try:
        content = json.loads(_keys().decrypt(text.encode()))
    except InvalidToken:
        raise SecretError(
            "A stored secret cannot be decrypted: it was written under another key. Put the old key into "
            "SECRET_KEY_FALLBACKS (or SYNCQUEUE['ENCRYPTION_KEYS']), or enter the secret again."
        ) from None
    return {str(name): str(value) for name, value in content.items()}


def rotate(text: str) -> str:
    """The same secret under the key that writes now; raises `SecretError`."""
    return encrypt(decrypt(text))


# A bot token as Telegram gives them out; in URLs it follows "/bot". https://core.telegram.org/bots/api#authorizing-your-bot
_TOKEN = re.compile(r"(?<!\d)\d{5,}:[A-Za-z0-9_-]{20,}|(?i:bearer) +[A-Za-z0-9._~+/=-]{8,}")
REDACTED = "[secret]"


def redact(text: str) -> str:
    """`text` with everything that has the form of a known kind of token taken out."""
    return _TOKEN.sub(REDACTED, text)


class RedactSecrets(logging.Filter):
    """Takes tokens out of log records: httpx logs URLs with the bot's token, python-telegram-bot does at DEBUG."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, its text cleaned."""
        message = record.getMessage()
        cleaned = redact(message)
        if cleaned != message:
            record.msg, record.args = cleaned, None
        if record.exc_info and record.exc_text is None:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True
