"""What a channel's readers saw, by the sandbox's own log."""

from __future__ import annotations

from collections import Counter

from project.sandbox.testing import RunningSandbox
from tests.faults.site import CREATING


def texts(sandbox: RunningSandbox) -> list[str]:
    """The visible messages in order."""
    return [message["text"] for message in sandbox.messages("@news")]


def posted(sandbox: RunningSandbox) -> Counter[str]:
    """How often each text was posted as a new message, also where it was deleted later; "" for files."""
    return Counter(
        entry["params"].get("text", "") for entry in sandbox.log() if entry["stored"] and entry["method"] in CREATING
    )
