"""Names that the protocol makes of content and time: CIDs and TIDs."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
TID = re.compile("[234567a-j][234567a-z]{12}")
_RAW, _CBOR = 0x55, 0x71  # codecs
_OTHER_CLOCK = 7  # of the programs that people post with


def blob_cid(content: bytes) -> str:
    return _cid(_RAW, content)


def record_cid(record: Mapping[str, Any]) -> str:
    """Of equal records the same. (A real one is made of another encoding.)"""
    return _cid(_CBOR, json.dumps(record, sort_keys=True, ensure_ascii=False).encode())


def _cid(codec: int, content: bytes) -> str:
    data = bytes((1, codec, 0x12, 0x20)) + hashlib.sha256(content).digest()
    return "b" + base64.b32encode(data).decode().lower().rstrip("=")


def tid_of(microseconds: int, clock: int = _OTHER_CLOCK) -> str:
    number, found = microseconds << 10 | clock, ""
    for _ in range(13):
        number, digit = divmod(number, 32)
        found = ALPHABET[digit] + found
    return found


def microseconds_of(tid: str) -> int:
    number = 0
    for character in tid:
        number = number * 32 + ALPHABET.index(character)
    return number >> 10


def clock_of(tid: str) -> int:
    number = 0
    for character in tid[-2:]:
        number = number * 32 + ALPHABET.index(character)
    return number & 1023
