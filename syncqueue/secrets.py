"""Encrypts secrets before they are stored in the database, and keeps them out of logs.

The key is derived from SECRET_KEY (for reading also from SECRET_KEY_FALLBACKS), or from ENCRYPTION_KEYS: the first one
encrypts, all of them decrypt. With a wrong key, reading raises `SecretError`.

A stored secret is bound to where it is sent (`Bound`). The binding is inside the ciphertext and compared on reading, so
that neither a changed address nor a ciphertext copied from another row leads a secret to another host.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import logging
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

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


# The name of the binding among the names of a secret. Releases without bindings ignore a name that they do not know, so
# that two versions can run on one database.
_BINDING = ""

HostNamer = Callable[[str, str, Mapping[str, Any], Mapping[str, str]], str]


def _unnamed(service: str, address: str, options: Mapping[str, Any], secret: Mapping[str, str]) -> str:
    return ""


_host_of: HostNamer = _unnamed


def name_hosts_by(namer: HostNamer) -> None:
    """Set the function that returns the "host:port" of a service, an address, options and a secret; "": unknown."""
    global _host_of
    _host_of = namer


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Where a secret may be sent: the row that holds it, with its service, its owner and its place."""

    row: str
    service: str
    owner: str  # "": site-wide
    address: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def seal(self, secret: Mapping[str, str]) -> dict[str, str]:
        """Return the binding as it is stored with the secret."""
        host = _host_of(self.service, self.address, self.options, secret)
        return {"row": self.row, "service": self.service, "owner": self.owner, "place": self._place(), "host": host}

    def difference(self, seal: Mapping[str, str], secret: Mapping[str, str]) -> str:
        """Return what differs from the place a secret was entered for, "host" for example; "" for the same place.

        An address that leads to the same host is the same place: a bot's token is kept when only the chat changes. A
        host that changes with the same address was changed in the settings, whose author is trusted.
        """
        for name, value in (("row", self.row), ("service", self.service), ("owner", self.owner)):
            if seal.get(name) != value:
                return "destination" if name == "row" else name
        if seal.get("place") == self._place():
            return ""
        host = _host_of(self.service, self.address, self.options, secret)
        return "" if host and host == seal.get("host") else "host"

    def _place(self) -> str:
        text = json.dumps([self.address, dict(self.options or {})], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def encrypt(secret: Mapping[str, str], bound: Bound | None = None) -> str:
    """Return the encrypted secret as text for the database; with `bound`, it opens at that place only."""
    content = dict(secret)
    if bound is not None:
        content[_BINDING] = json.dumps(bound.seal(secret), sort_keys=True)
    return _keys().encrypt(json.dumps(content, sort_keys=True).encode()).decode()


def decrypt(text: str, bound: Bound | None = None, *, max_age_seconds: int | None = None) -> dict[str, str]:
    """Decrypt the output of `encrypt`; raises `SecretError`, which says what to do.

    `bound`: where the secret is about to be used. A ciphertext of an earlier release has no binding and opens anywhere.
    """
    secret, seal = _open(text, max_age_seconds)
    if bound is not None and seal and (what := bound.difference(seal, secret)):
        raise SecretError(f"The stored secret was entered for another {what}. Enter the secret again.")
    return secret


def _open(text: str, max_age_seconds: int | None = None) -> tuple[dict[str, str], dict[str, str]]:
    """Return the secret and its binding; an empty binding for a ciphertext of an earlier release."""
    from cryptography.fernet import InvalidToken

    try:
        content = json.loads(_keys().decrypt(text.encode(), ttl=max_age_seconds))
    except InvalidToken:
        raise SecretError(
            "A stored secret cannot be decrypted: it was encrypted with another key. Add the old key to "
            "SECRET_KEY_FALLBACKS (or SYNCQUEUE['ENCRYPTION_KEYS']), or enter the secret again."
        ) from None
    secret = {str(name): str(value) for name, value in content.items()}
    return secret, json.loads(secret.pop(_BINDING, "{}"))


def rotate(text: str, bound: Bound | None = None) -> str:
    """Return the same secret, encrypted with the current key; raises `SecretError`.

    A secret without a binding is bound to `bound`; any other keeps its binding, also one that does not fit its row.
    """
    secret, seal = _open(text)
    if not seal:
        return encrypt(secret, bound)
    return encrypt({**secret, _BINDING: json.dumps(seal, sort_keys=True)})


def sealed(text: str, bound: Bound, *, stored_text: str = "", stored: Bound | None = None) -> str:
    """Return the ciphertext to store for a row that is about to be saved as `bound`; never raises `SecretError`.

    `stored_text` and `stored`: what the database has. A secret that was just entered is bound to `bound`. A stored
    secret is bound to a new place only if that leads to the same host; otherwise it keeps its binding, and reading it
    raises. A ciphertext that no key decrypts, or that was copied from another row, is returned unchanged.
    """
    try:
        secret, seal = _open(text)
        if stored is not None and text == stored_text:
            decrypt(text, stored)
            bound = stored if bound.difference(stored.seal(secret), secret) else bound
        elif seal:
            return text
    except SecretError:
        return text
    return text if bound.seal(secret) == seal else encrypt(secret, bound)


# A Telegram bot token; in URLs it follows "/bot". https://core.telegram.org/bots/api#authorizing-your-bot
_TOKEN = re.compile(r"(?<!\d)\d{5,}:[A-Za-z0-9_-]{20,}|(?i:bearer) +[A-Za-z0-9._~+/=-]{8,}")
REDACTED = "[secret]"


def redact(text: str) -> str:
    """Return `text` with every string that looks like a known kind of token replaced by REDACTED."""
    return _TOKEN.sub(REDACTED, text)


# Any run of this many characters of a secret is masked, so that a truncated quotation reveals nothing. A shorter secret
# is masked where it occurs completely; masking one of fewer than `_LEAST` characters would damage ordinary words.
_RUN = 12
_LEAST = 4
_DEPTH = 4  # of containers in the arguments of an exception


def mask(text: str, secret: Mapping[str, str]) -> str:
    """Return `text` with the values of `secret` replaced by REDACTED, and every known kind of token as well.

    Each value is found in plain text, base64 (also within a longer encoded text), hexadecimal, URL-quoted, and escaped
    for JSON, Python or HTML, even if only a part of it occurs.
    """
    text = redact(text)
    spellings = {one for value in secret.values() for one in _spellings(str(value)) if len(one) >= _LEAST}
    if not text or not spellings:
        return text
    runs: dict[int, set[str]] = {}
    for one in spellings:
        size = min(_RUN, len(one))
        runs.setdefault(size, set()).update(one[at : at + size] for at in range(len(one) - size + 1))
    hidden = bytearray(len(text))
    for size, found in runs.items():
        for at in range(len(text) - size + 1):
            if text[at : at + size] in found:
                hidden[at : at + size] = b"\1" * size
    pieces = [
        REDACTED if match.group().startswith("\1") else text[match.start() : match.end()]
        for match in re.finditer("\1+|\0+", hidden.decode())
    ]
    return "".join(pieces)


def _spellings(value: str) -> Iterator[str]:
    yield value
    for quoted in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda match: match.group().lower(), quoted)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield json.dumps(value)[1:-1].replace("/", "\\/")
    yield repr(value)[1:-1]
    yield html.escape(value)
    data = value.encode(errors="replace")
    yield data.hex()
    yield data.hex().upper()
    # Base64 depends on the offset in the encoded data: characters that depend on neighbouring bytes are left out.
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            first, end = -(-offset * 8 // 6), (offset + len(data)) * 8 // 6
            core = encode(b"\0" * offset + data).decode()[first:end]
            if len(core) >= _LEAST * 2:
                yield core
                yield quote(core, safe="")


def scrub(error: BaseException, secret: Mapping[str, str]) -> None:
    """Mask `secret` in the texts of an exception, of its causes and of its context, in place."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        left += [one.__cause__, one.__context__, *(one.exceptions if isinstance(one, BaseExceptionGroup) else ())]
        with suppress(Exception):  # an exception class of the site may be read-only
            one.args = tuple(_masked(value, secret) for value in one.args)
        attributes = (*getattr(one, "__dict__", {}), "strerror", "filename", "filename2", "reason", "msg")
        for name in attributes:
            value = getattr(one, name, None)
            if isinstance(value, str | bytes | list | tuple | dict):
                with suppress(Exception):
                    setattr(one, name, _masked(value, secret))


def _masked(value: Any, secret: Mapping[str, str], depth: int = 0) -> Any:
    if isinstance(value, str):
        return mask(value, secret)
    if isinstance(value, bytes):
        text = value.decode(errors="backslashreplace")
        cleaned = mask(text, secret)
        return value if cleaned == text else cleaned.encode()
    if depth < _DEPTH and isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(_masked(one, secret, depth + 1) for one in value)
    if depth < _DEPTH and isinstance(value, dict):
        return {_masked(key, secret, depth + 1): _masked(one, secret, depth + 1) for key, one in value.items()}
    text = repr(value)
    cleaned = mask(text, secret)
    return value if cleaned == text else cleaned


def masked_traceback(error: BaseException, secret: Mapping[str, str]) -> str:
    """Return the traceback of an exception as text, without the secret."""
    return mask("".join(traceback.format_exception(error)), secret)


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
