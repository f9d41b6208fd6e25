"""Keeps copies of a site's content on outside services, through outages. The public names, loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncqueue.core.errors import AddressMoved as AddressMoved
    from syncqueue.core.errors import DestinationBroken as DestinationBroken
    from syncqueue.core.errors import OutcomeUnknown as OutcomeUnknown
    from syncqueue.core.errors import PermanentError as PermanentError
    from syncqueue.core.errors import RateLimited as RateLimited
    from syncqueue.core.errors import RetryLater as RetryLater
    from syncqueue.core.errors import SyncQueueError as SyncQueueError
    from syncqueue.core.errors import Unavailable as Unavailable
    from syncqueue.core.errors import Unreachable as Unreachable
    from syncqueue.core.result import SyncResult as SyncResult
    from syncqueue.core.task import CREATE as CREATE
    from syncqueue.core.task import DELETE as DELETE
    from syncqueue.core.task import UPDATE as UPDATE
    from syncqueue.core.task import QueueStats as QueueStats
    from syncqueue.core.task import SyncTask as SyncTask
    from syncqueue.dispatch.dispatch import queued as queued
    from syncqueue.dispatch.gathering import muted as muted
    from syncqueue.dispatch.site_queues import get_queue as get_queue
    from syncqueue.handlers.base import CopyPage as CopyPage
    from syncqueue.handlers.base import CopyState as CopyState
    from syncqueue.handlers.base import Document as Document
    from syncqueue.handlers.base import DocumentHandler as DocumentHandler
    from syncqueue.handlers.base import DocumentJob as DocumentJob
    from syncqueue.handlers.base import RemotePart as RemotePart
    from syncqueue.handlers.base import SyncHandler as SyncHandler
    from syncqueue.handlers.media import Media as Media
    from syncqueue.services import adopt as adopt
    from syncqueue.services import explain as explain
    from syncqueue.services import status as status
    from syncqueue.services import sync as sync
    from syncqueue.services import sync_queryset as sync_queryset
    from syncqueue.sources.registry import ModelSync as ModelSync
    from syncqueue.sources.registry import register as register
    from syncqueue.sources.text import strip_internal_links as strip_internal_links

__version__ = "0.1.0"

_HOMES = {
    "syncqueue.core.errors": (
        "AddressMoved", "DestinationBroken", "OutcomeUnknown", "PermanentError", "RateLimited", "RetryLater",
        "SyncQueueError", "Unavailable", "Unreachable",
    ),
    "syncqueue.core.result": ("SyncResult",),
    "syncqueue.core.task": ("CREATE", "DELETE", "UPDATE", "QueueStats", "SyncTask"),
    "syncqueue.dispatch.dispatch": ("queued",),
    "syncqueue.dispatch.gathering": ("muted",),
    "syncqueue.handlers.base": (
        "CopyPage", "CopyState", "Document", "DocumentHandler", "DocumentJob", "RemotePart", "SyncHandler",
    ),
    "syncqueue.handlers.media": ("Media",),
    "syncqueue.dispatch.site_queues": ("get_queue",),
    "syncqueue.services": ("adopt", "explain", "status", "sync", "sync_queryset"),
    "syncqueue.sources.registry": ("ModelSync", "register"),
    "syncqueue.sources.text": ("strip_internal_links",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Import a public name from where it lives (PEP 562): importing the app alone must import no model."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return [*globals(), *__all__]
