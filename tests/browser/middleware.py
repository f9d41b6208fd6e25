"""Middlewares for what a browser looks at: the strictest policy a site may have, and rounds that end at once."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

POLICY = "default-src 'self'"  # nothing inline, nothing from elsewhere
ROUND = 25


def strict_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that adds the header to every answer."""

    def middleware(request: HttpRequest) -> HttpResponse:
        answer = get_response(request)
        answer.headers["Content-Security-Policy"] = POLICY
        return answer

    return middleware


def short_rounds(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Long work stops after a few tasks, so that its progress can be looked at."""
    from syncqueue.admin import rounds

    rounds.ROUND_SECONDS, rounds.PIECE = 0.0, ROUND
    return get_response
