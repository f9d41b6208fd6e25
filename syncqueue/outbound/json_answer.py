"""A response whose body should be JSON, before anything is decided about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True, kw_only=True)
class JsonAnswer:
    """A response of a service that speaks JSON. A subclass reads the service's own fields."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def content(self) -> Any:
        """Return the JSON of the body; None if it is something else, such as a proxy's page."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def text_of(self, *names: str) -> str:
        """Return the first of these fields that is filled, if it is a text; otherwise ""."""
        content = self.content if isinstance(self.content, Mapping) else {}
        found = next(filter(None, map(content.get, names)), "")
        return found if isinstance(found, str) else ""
