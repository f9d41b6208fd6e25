"""Errors as JSON with the right status."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.db import Error as DatabaseError
from django.http import JsonResponse
from django.utils.translation import gettext as _

from syncqueue.core.errors import (
    InvalidCursor,
    QueueError,
    SyncQueueError,
    TaskInProcessing,
    UnknownTask,
    WrongState,
)
from syncqueue.secrets import redact

logger = logging.getLogger("syncqueue.api")


class ApiError(Exception):
    """A request that cannot be answered, with the status and a sentence for the one who asks."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        """`headers`: what the status wants beside it, such as Allow."""
        super().__init__(message)
        self.status = status
        self.headers = headers


def error_response(error: ApiError | SyncQueueError) -> JsonResponse:
    """The answer to a request that ended in `error`."""
    headers = error.headers if isinstance(error, ApiError) else None
    return JsonResponse({"error": redact(str(error))}, status=_status(error), headers=dict(headers or {}))


def database_response(error: DatabaseError) -> JsonResponse:
    """The answer while the database is away; its own words may hold addresses and are for the log."""
    logger.error("The database does not answer: %s", error)
    return JsonResponse({"error": _("The database does not answer.")}, status=503)


def _status(error: ApiError | SyncQueueError) -> int:
    match error:
        case ApiError():
            return error.status
        case InvalidCursor():
            return 400
        case UnknownTask():
            return 404
        case TaskInProcessing() | WrongState():
            return 409
        case QueueError():
            return 503  # Redis is away, full, or another site's: nothing works until that is mended
    return 500
