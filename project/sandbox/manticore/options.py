"""What troubles the stand-in has at the moment, of those that a real server answers with 409."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any


class BadOption(ValueError):
    """An option that does not exist or does not fit; the text says what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Switches that stay as they are until the next reset."""

    disk_full: bool = False  # no write and no new table can be stored
    locked_table: str = ""  # this table takes no writes just now
    refused_text: str = ""  # a document with this in one of its texts is refused for good

    def changed(self, given: Mapping[str, Any]) -> Options:
        """These options with the given ones (JSON values) in their place. Raises `BadOption`."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in given.items():
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."
                raise BadOption(f"There is no option {name!r}. {hint}")
            if type(value) is not type(known[name]):
                raise BadOption(f"{name} must be {'true or false' if isinstance(known[name], bool) else 'a text'}.")
        return replace(self, **given)
