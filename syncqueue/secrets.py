"""Encrypts secrets before they are stored in the database, and keeps them out of logs.

The key is derived from SECRET_KEY (for reading also from SECRET_KEY_FALLBACKS), or from ENCRYPTION_KEYS: the first one
encrypts, all of them decrypt. With a wrong key, reading raises `SecretError`.
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

# cryptography is imported where it is used: it takes 7 MB, and a process without secrets does not need it.
# The purpose is part of the derivation, so that the key is useless for anything else that is signed with SECRET_KEY.
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
    """Return the encrypted secret as text for the database."""
    return _keys().encrypt(json.dumps(dict(secret), sort_keys=True).encode()).decode()


def decrypt(text: str) -> dict[str, str]:
    """Decrypt the output of `encrypt`; raises `SecretError`, which names the setting to correct."""
    from cryptography.fernet import InvalidToken

    try:
        content = json.loads(_keys().decrypt(text.encode()))
    except InvalidToken:
        raise SecretError(
            "A stored secret cannot be decrypted: it was encrypted with another key. Add the old key to "
            "SECRET_KEY_FALLBACKS (or SYNCQUEUE['ENCRYPTION_KEYS']), or enter the secret again."
        ) from None
    return {str(name): str(value) for name, value in content.items()}


def rotate(text: str) -> str:
    """Return the same secret, encrypted with the current key; raises `SecretError`."""
    return encrypt(decrypt(text))


# A Telegram bot token; in URLs it follows "/bot". https://core.telegram.org/bots/api#authorizing-your-bot
_TOKEN = re.compile(r"(?<!\d)\d{5,}:[A-Za-z0-9_-]{20,}|(?i:bearer) +[A-Za-z0-9._~+/=-]{8,}")
REDACTED = "[secret]"


def redact(text: str) -> str:
    """Return `text` with every string that looks like a known kind of token replaced by REDACTED."""
    return _TOKEN.sub(REDACTED, text)


class RedactSecrets(logging.Filter):
    """Redacts tokens in log records: httpx logs URLs with the bot token, python-telegram-bot does so at DEBUG."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record in place; returns True, so that every record passes."""
        message = record.getMessage()
        cleaned = redact(message)
        if cleaned != message:
            record.msg, record.args = cleaned, None
        if record.exc_info and record.exc_text is None:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True
