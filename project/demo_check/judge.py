"""Finds duplicates in the log of the sandbox. Texts of the story start with the number of the note: "Note 7: ..."."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# A row of the search index has the id of its note, so it cannot exist twice.
CREATING = {"sendMessage", "sendDocument", "sendPhoto", "POST /statuses", "created"}
_NUMBER = re.compile(r"Note (\d+)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Counts over all requests of the story."""

    request_count: int
    stored_count: int  # requests that changed something
    unanswered_count: int  # requests whose response was never sent completely
    created_count: int  # created messages, statuses and webhook objects
    created_by_service: tuple[tuple[str, int], ...]
    doubled: tuple[tuple[str, int], ...]  # (service or channel, number of the note) created more than once


def judge(log: Sequence[dict[str, Any]]) -> Verdict:
    creating = [entry for entry in log if entry["stored"] and entry["method"] in CREATING]
    created = Counter(_what(entry) for entry in creating)
    return Verdict(
        request_count=len(log),
        stored_count=sum(1 for entry in log if entry["stored"]),
        unanswered_count=sum(1 for entry in log if not entry["answered"]),
        created_count=created.total(),
        created_by_service=tuple(sorted(Counter(entry.get("service", "") for entry in creating).items())),
        doubled=tuple(sorted(what for what, count in created.items() if count > 1)),
    )


def _what(entry: dict[str, Any]) -> tuple[str, int]:
    """Return the channel and the number of the note of a request that created a message."""
    params = entry["params"]
    found = _NUMBER.search(str(params.get("text") or params.get("caption") or params.get("status") or ""))
    return f"{entry.get('service', '')} {entry['chat']}".strip(), int(found[1]) if found else -1
