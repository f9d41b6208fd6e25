"""How the models are synced: all the same way."""

from __future__ import annotations

from typing import Any

import syncqueue

from .models import Historic, Keyed, Owned, Page, Plain, Soft


@syncqueue.register(Plain, Keyed, Historic, Page, Owned)
class TextSync(syncqueue.ModelSync):
    """The text is all there is."""

    created_field = "created_at"
    changed_field = "updated_at"

    def document(self, obj: Any) -> syncqueue.Document:
        """The text."""
        return syncqueue.Document(text=obj.text)


@syncqueue.register(Soft)
class SoftSync(TextSync):
    """What is deleted softly should not be out there."""

    def is_live(self, obj: Soft) -> bool:
        """Until it is deleted."""
        return obj.deleted is None
