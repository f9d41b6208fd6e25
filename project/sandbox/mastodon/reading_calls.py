"""Reading statuses (https://docs.joinmastodon.org/methods/statuses/, .../accounts/#statuses)."""

from __future__ import annotations

from typing import Any

from .asking import Ask, Done
from .errors import ApiError, not_found
from .results import edit_result, source_result, status_result
from .store import Status

DEFAULT_LIMIT = 20
MAX_LIMIT = 40


def show_status(ask: Ask) -> Done:
    return Done(status_result(ask, _visible(ask, ask.id)))


def show_statuses(ask: Ask) -> Done:
    """Those of the named ones that are there."""
    ids = [int(given) for given in map(str, ask.params.listed("id")) if given.isascii() and given.isdigit()]
    found = [status for status_id in ids if (status := ask.store.statuses.get(status_id)) and _is_visible(ask, status)]
    return Done([status_result(ask, status) for status in found])


def show_source(ask: Ask) -> Done:
    if not ask.options.ways.has_source:
        raise ApiError(404, "Not Found")
    return Done(source_result(ask.store.own_status(ask.id, ask.owner)))


def show_context(ask: Ask) -> Done:
    status = _visible(ask, ask.id)
    above: list[Status] = []
    parent = ask.store.parent(status)
    while parent:
        above.insert(0, parent)
        parent = ask.store.parent(parent)
    shown = {"ancestors": above, "descendants": _below(ask, status)}
    return Done({name: [status_result(ask, one) for one in found] for name, found in shown.items()})


def show_history(ask: Ask) -> Done:
    status = _visible(ask, ask.id)
    if not ask.options.history:
        raise ApiError(404, "Not Found")
    versions = [*status.earlier, (status.edited_at or status.created_at, status.content)]
    return Done([edit_result(ask, status, at, content) for at, content in versions])


def show_account_statuses(ask: Ask) -> Done:
    """The newest first; ``min_id`` alone begins at the other end."""
    account = next((account for account in ask.accounts if account.id == ask.id), None)
    if account is None:
        raise not_found()
    found = [status for status in ask.store.of_account(account.name) if _is_listed(ask, status)]
    return Done(_page(ask, found))


def show_home(ask: Ask) -> Done:
    """What the account and those that it follows have posted: here, itself alone."""
    return Done(_page(ask, ask.store.of_account(ask.owner.name)))


def _page(ask: Ask, found: list[Status]) -> list[dict[str, Any]]:
    params = ask.params
    oldest, newest = params.integer("min_id") or params.integer("since_id"), params.integer("max_id")
    found = [status for status in found if (oldest or 0) < status.id and (newest is None or status.id < newest)]
    limit = min(params.integer("limit") or DEFAULT_LIMIT, MAX_LIMIT)
    page = found[:limit] if params.integer("min_id") else found[-limit:]
    return [status_result(ask, status) for status in reversed(page)]


def _visible(ask: Ask, status_id: int) -> Status:
    status = ask.store.status(status_id)
    if not _is_visible(ask, status):
        raise not_found()
    return status


def _is_visible(ask: Ask, status: Status) -> bool:
    is_own = ask.account is not None and ask.account.name == status.account
    return not status.is_deleted and (is_own or status.visibility in ("public", "unlisted"))


def _is_listed(ask: Ask, status: Status) -> bool:
    params, parent = ask.params, ask.store.parent(status)
    is_reply_to_other = parent is not None and parent.account != status.account
    if params.flag("pinned") or (params.flag("exclude_replies") and is_reply_to_other):
        return False
    is_shown = _is_visible(ask, status) and (ask.options.ways.lists_private or status.is_open)
    return is_shown and (bool(status.content.media_ids) or not params.flag("only_media"))


def _below(ask: Ask, status: Status) -> list[Status]:
    found: list[Status] = []
    for reply in ask.store.replies(status):
        found += [reply, *_below(ask, reply)]
    return found
