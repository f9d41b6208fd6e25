"""The filter "not in sync" for the list of any registered model."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncqueue.models import RecordState, SyncRecord
from syncqueue.sources.keys import keys_of
from syncqueue.sources.registry import source_for

BEHIND = "behind"
# Maximum number of keys in a query if the database cannot join texts with the model's keys (UUIDs, two databases).
NAMED = 10_000


class SyncStateFilter(admin.SimpleListFilter):
    """Filters objects by the states of their records."""

    title = gettext_lazy("sync")
    parameter_name = "sync"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return "not in sync", and each state."""
        return [(BEHIND, _("not in sync")), *((state.value, str(state.label)) for state in RecordState)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the objects with a record in one of the states."""
        chosen, source = self.value(), source_for(queryset.model)
        if not chosen or source is None:
            return queryset
        states = [state for state in RecordState if state != RecordState.SYNCED] if chosen == BEHIND else [chosen]
        records = SyncRecord.objects.filter(source=source.label, state__in=states)
        if queryset.db == records.db and _is_written_alike(queryset.model._meta.pk):
            key = Cast(OuterRef("pk"), models.CharField(max_length=200))
            return queryset.filter(Exists(records.filter(object_pk=key)))
        keys = keys_of(queryset.model, records.values_list("object_pk", flat=True)[:NAMED])
        return queryset.filter(pk__in=list(keys.values()))


def _is_written_alike(field: Any) -> bool:
    """Return whether the database formats the key as Python does."""
    return isinstance(field, models.IntegerField | models.CharField)
