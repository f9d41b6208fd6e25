"""The real TDLib as judge over texts and entities, where its wheel (`tdjson`, an extra of the tests) is installed.

TDLib is what Telegram's own Bot API server runs on. It checks a text with its entities before it sends anything, and
does so offline: https://core.telegram.org/tdlib/docs/classtd_1_1td__api_1_1get_markdown_text.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

try:
    from tdjson import td_execute
except ImportError:  # the sandbox then has its own, coarser checks alone
    td_execute = None  # type: ignore[assignment]  # never called then

IS_AVAILABLE = td_execute is not None

_TYPES = {
    "bold": "Bold", "italic": "Italic", "underline": "Underline", "strikethrough": "Strikethrough",
    "spoiler": "Spoiler", "blockquote": "BlockQuote", "expandable_blockquote": "ExpandableBlockQuote", "code": "Code",
    "pre": "Pre", "text_link": "TextUrl", "custom_emoji": "CustomEmoji",
}  # fmt: skip


def complaint(text: str, entities: Sequence[Mapping[str, Any]]) -> str:
    """Why TDLib refuses a text with these entities (as the Bot API's JSON has them), or "" when it takes them."""
    converted = [_entity(one) for one in entities if one["type"] in _TYPES]
    formatted = {"@type": "formattedText", "text": text, "entities": converted}
    answer = _execute({"@type": "getMarkdownText", "text": formatted})
    return str(answer["message"]) if answer["@type"] == "error" else ""


def is_empty(text: str) -> bool:
    """Whether TDLib leaves nothing of a text."""
    formatted = {"@type": "formattedText", "text": text, "entities": []}
    return _execute({"@type": "getMarkdownText", "text": formatted}).get("text") == ""


def _entity(given: Mapping[str, Any]) -> dict[str, Any]:
    kind: dict[str, Any] = {"@type": f"textEntityType{_TYPES[given['type']]}"}
    if given["type"] == "text_link":
        kind["url"] = given.get("url", "")
    if given["type"] == "pre" and given.get("language"):
        kind = {"@type": "textEntityTypePreCode", "language": given["language"]}
    if given["type"] == "custom_emoji":
        kind["custom_emoji_id"] = given.get("custom_emoji_id", "0")
    return {"@type": "textEntity", "offset": given["offset"], "length": given["length"], "type": kind}


def _execute(request: Mapping[str, Any]) -> dict[str, Any]:
    _silence()
    answer: dict[str, Any] = json.loads(td_execute(json.dumps(request).encode()) or b"{}")
    return answer


@cache
def _silence() -> None:
    """It logs every error it answers with, to standard error."""
    td_execute(json.dumps({"@type": "setLogVerbosityLevel", "new_verbosity_level": 0}).encode())
