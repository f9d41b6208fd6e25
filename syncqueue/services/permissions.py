"""The two permissions of the queues, for admin and API."""

from __future__ import annotations

from django.http import HttpRequest

VIEW = "syncqueue.view_queue"
OPERATE = "syncqueue.operate_queue"


def may_view(request: HttpRequest) -> bool:
    """Return whether the user may see queues and records."""
    return request.user.has_perm(VIEW)


def may_operate(request: HttpRequest) -> bool:
    """Return whether the user may change the queues."""
    return request.user.has_perm(OPERATE)
