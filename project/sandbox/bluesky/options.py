"""What the server is like, and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from syncqueue.testing.sandbox.service_options import changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """As bsky.social has them."""

    login_limit: int = 30  # logins of an account in five minutes
    daily_login_limit: int = 300
    points_per_hour: int = 5000  # of an account; a create costs three, an update two, a deletion one
    access_seconds: int = 7200
    refresh_seconds: int = 90 * 86_400
    counts_code_points: bool = False  # each as a grapheme, as of scripts that libraries disagree about

    def changed(self, given: dict[str, Any]) -> Options:
        """Raises `BadOption`."""
        return changed(self, given)
