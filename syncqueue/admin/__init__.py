"""syncqueue's pages in Django's admin: in the default site by autodiscovery, in another by `register(site)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin import AdminSite

from syncqueue.admin.dashboard import QueueAdmin
from syncqueue.admin.destinations import DestinationAdmin
from syncqueue.admin.objects import SyncStatusMixin
from syncqueue.admin.policies import ServicePolicyAdmin
from syncqueue.admin.queue_model import Queue
from syncqueue.admin.records import SyncRecordAdmin
from syncqueue.admin.sent_entries import SentEntryAdmin
from syncqueue.models import Destination, SentEntry, ServicePolicy, SyncRecord

if TYPE_CHECKING:
    from django.db.models import Model

__all__ = ["SyncStatusMixin", "register"]

_PAGES: dict[type[Model], type[admin.ModelAdmin[Any]]] = {
    Queue: QueueAdmin,
    Destination: DestinationAdmin,
    SyncRecord: SyncRecordAdmin,
    SentEntry: SentEntryAdmin,
    ServicePolicy: ServicePolicyAdmin,
}


def register(site: AdminSite) -> None:
    """Add the pages to `site`; pages that it already has stay unchanged."""
    for model, page in _PAGES.items():
        if not site.is_registered(model):
            site.register(model, page)


register(admin.site)
