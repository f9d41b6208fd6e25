"""Which database holds which model."""

from __future__ import annotations

from typing import Any


class ArchiveRouter:
    """Archived objects live in the database "archive", everything else where it was read, or in "default"."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        """The archive for archived objects."""
        return self.db_for_write(model, **hints)

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        """The archive for archived objects."""
        return "archive" if model._meta.model_name == "archived" else None

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool | None:
        """Notes have a table in both databases, for objects that are saved `using` the other one."""
        if db != "archive":
            return None
        return app_label == "oddapp" and model_name in ("archived", "memo")
