"""Errors as JSON with the right status."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import JsonResponse

from syncqueue.core.errors import QueueError, SyncQueueError, TaskInProcessing
from syncqueue.secrets import redact


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


def _status(error: ApiError | SyncQueueError) -> int:
    match error:
        case ApiError():
            return error.status
        case TaskInProcessing():
            return 409
        case QueueError():
            return 503  # Redis is away, full, or another site's: nothing works until that is mended
    return 500
