"""Uploads (https://docs.joinmastodon.org/methods/media/)."""

from __future__ import annotations

import grapheme

from .asking import Ask, Done
from .errors import ApiError, invalid, not_found
from .images import read_picture
from .results import media_result
from .store import Media


def upload(ask: Ask) -> Done:
    """A large picture is answered with 202 and is processed later."""
    media = _new(ask)
    is_later = media.picture.size >= ask.options.processed_later_bytes
    if is_later:
        media.polls_left, media.is_failed = ask.options.processing_polls, ask.options.processing_fails
    ask.store.add_media(media)
    result = media_result(ask, media)
    return Done({**result, "url": None}, media.id, 202) if is_later else Done(result, media.id)


def upload_at_once(ask: Ask) -> Done:
    """The first version of the call, which waits for the processing."""
    media = _new(ask)
    ask.store.add_media(media)
    return Done(media_result(ask, media), media.id)


def show_media(ask: Ask) -> Done:
    """206 while it is processed; each look brings it nearer to the end."""
    media = _unattached(ask)
    if media.polls_left == 0:
        return Done(media_result(ask, media))
    result = media_result(ask, media)
    media.polls_left -= 1
    return Done(result, status=206)


def update_media(ask: Ask) -> Done:
    media = _unattached(ask)
    if "description" in ask.params.values:
        media.description = checked_description(ask, ask.params.text("description"))
    return Done(media_result(ask, media), media.id, 206 if media.polls_left else 200)


def checked_description(ask: Ask, given: str) -> str | None:
    """An alt text. Raises `ApiError` 422 when it is too long."""
    limit = ask.options.max_alt_characters
    if grapheme.length(given) > limit:
        raise invalid(f"Description is too long (maximum is {limit} characters)")
    return given.strip() or None


def _new(ask: Ask) -> Media:
    account = ask.owner
    given = ask.params.uploads.get("file")
    if given is None:
        raise invalid("File can't be blank")
    picture = read_picture(given.data)
    description = checked_description(ask, ask.params.text("description"))
    media_id = ask.store.next_id()
    return Media(id=media_id, account=account.name, picture=picture, description=description, data=given.data)


def _unattached(ask: Ask) -> Media:
    media = ask.store.media.get(ask.id)
    if media is None or media.account != ask.owner.name or media.status_id is not None:
        raise not_found()
    if media.is_failed and media.polls_left == 0:
        raise ApiError(422, "Error processing thumbnail for uploaded media")
    return media
