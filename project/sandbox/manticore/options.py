"""What troubles the stand-in has at the moment, of those that a real server answers with 409."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Switches that stay as they are until the next reset."""

    disk_full: bool = False  # no write and no new table can be stored
    locked_table: str = ""  # this table takes no writes just now
    refused_text: str = ""  # a document with this in one of its texts is refused for good
