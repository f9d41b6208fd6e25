"""Error responses: JSON with the right status."""

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
    UnknownWorker,
    WrongState,
)
from syncqueue.presentation.reasons import in_words

logger = logging.getLogger("syncqueue.api")


class ApiError(Exception):
    """A request that cannot be served, with the status and a message for the caller."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        """`headers`: headers that the status requires, such as Allow."""
        super().__init__(message)
        self.status = status
        self.headers = headers


def error_response(error: ApiError | SyncQueueError) -> JsonResponse:
    """Return the response to a request that ended in `error`."""
    headers = error.headers if isinstance(error, ApiError) else None
    return JsonResponse({"error": in_words(str(error))}, status=_status(error), headers=dict(headers or {}))


def database_response(error: DatabaseError) -> JsonResponse:
    """Return the response while the database is down; its error may contain addresses and goes to the log only."""
    logger.error("The database does not respond: %s", error)
    return JsonResponse({"error": _("The database does not respond.")}, status=503)


def _status(error: ApiError | SyncQueueError) -> int:
    match error:
        case ApiError():
            return error.status
        case InvalidCursor():
            return 400
        case UnknownTask() | UnknownWorker():
            return 404
        case TaskInProcessing() | WrongState():
            return 409
        case QueueError():
            return 503  # Redis is down or full, or the queue belongs to another site: nothing works until that is fixed
    return 500
