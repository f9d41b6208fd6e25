"""What the sandbox's log says of doubles. Texts of the story begin with their note's number: "Note 7: ..."."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# A row of the search index is written under the note's own id, so it cannot be there twice.
CREATING = {"sendMessage", "sendDocument", "sendPhoto", "POST /statuses", "created"}
_NUMBER = re.compile(r"Note (\d+)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Counts over all requests of the story."""

    request_count: int
    stored_count: int  # requests that changed something
    unanswered_count: int  # requests whose answer was never written whole
    created_count: int  # messages, statuses and webhook's objects created
    created_by_service: tuple[tuple[str, int], ...]
    doubled: tuple[tuple[str, int], ...]  # (service or channel, note's number) created more than once


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
    """The channel and the note's number of a request that created a message."""
    params = entry["params"]
    found = _NUMBER.search(str(params.get("text") or params.get("caption") or params.get("status") or ""))
    return f"{entry.get('service', '')} {entry['chat']}".strip(), int(found[1]) if found else -1
