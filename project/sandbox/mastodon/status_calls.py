"""Writing, editing and deleting statuses (https://docs.joinmastodon.org/methods/statuses/)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from .asking import Ask, Done
from .errors import ApiError, invalid
from .media_calls import checked_description
from .results import media_result, source_result, status_result
from .store import Content, Media, Status
from .text import counted_length

VISIBILITIES = ("public", "unlisted", "private", "direct")
_ACCOUNT_LANGUAGE = "en"
_NOT_HERE = ("poll", "scheduled_at", "quoted_status_id")


def post_status(ask: Ask) -> Done:
    account = ask.owner
    key = ask.idempotency_key if ask.options.keeps_idempotency_keys else ""
    known_id = ask.store.posted_with(account, key) if key else None
    if known_id is not None:
        return Done(status_result(ask, ask.store.status(known_id)))  # 404 when it was deleted since
    parent_id = _parent_id(ask)
    media = _media(ask, status_id=None)
    content = _content(ask, media, {}, _ACCOUNT_LANGUAGE)
    visibility = ask.params.text("visibility") or "public"
    if visibility not in VISIBILITIES:
        raise invalid("Visibility is not included in the list")
    status = Status(
        id=ask.store.next_id(),
        account=account.name,
        content=content,
        visibility=visibility,
        in_reply_to_id=parent_id,
    )
    ask.store.statuses[status.id] = status
    status.note_shown()
    _attach(status, media)
    if key:
        ask.store.remember_key(account, key, status)
    return Done(status_result(ask, status), status.id)


def edit_status(ask: Ask) -> Done:
    """What is not sent is emptied, media included, as the real server does. The visibility cannot be sent."""
    status, ways = ask.store.own_status(ask.id, ask.owner), ask.options.ways
    media = _media(ask, status_id=status.id)
    if not ask.options.edits_pictures:
        media = ask.store.attached(status)
    language = status.content.language if ways.edit_language == "kept" else _ACCOUNT_LANGUAGE
    content = _content(ask, media, _alt_texts(ask, media), language)
    if content == status.content and ways.refuses_unchanged_edit:
        raise ApiError(422, "Unprocessable Entity: status was not changed")
    if ways.edit_visibility == "public":
        status.visibility = "public"
        status.note_shown()
    if content == status.content or not ask.options.keeps_edits:
        return Done(status_result(ask, status))
    status.earlier.append((status.edited_at or status.created_at, status.content))
    for old in ask.store.attached(status):
        old.status_id = None
    status.content, status.edited_at = content, time.time()
    status.note_shown()
    _attach(status, media)
    for one, alt_text in zip(media, content.alt_texts, strict=True):
        one.description = alt_text
    return Done(status_result(ask, status), status.id)


def delete_status(ask: Ask) -> Done:
    """Answers with the source, for who wants to write it anew; its media can be attached again."""
    status = ask.store.own_status(ask.id, ask.owner)
    media = ask.store.attached(status)
    result = {**status_result(ask, status), **source_result(status)}
    result["media_attachments"] = [media_result(ask, one) for one in media]
    status.is_deleted = True
    for one in media:
        one.status_id = None
        if ask.params.flag("delete_media"):
            del ask.store.media[one.id]
    return Done(result, status.id)


def _parent_id(ask: Ask) -> int | None:
    if not ask.params.text("in_reply_to_id"):
        return None
    try:
        return ask.store.status(ask.params.integer("in_reply_to_id") or 0).id
    except ApiError as error:
        raise ApiError(404, "The post you are trying to reply to does not appear to exist.") from error


def _content(ask: Ask, media: list[Media], alt_texts: Mapping[int, str | None], language: str) -> Content:
    """The checked content of a request; `language` stands where it names none."""
    params = ask.params
    for name in _NOT_HERE:
        if params.values.get(name):
            raise invalid(f"{name} is not in this sandbox")
    text, spoiler = params.text("status"), params.text("spoiler_text")
    if not text.strip():
        text, spoiler = spoiler, ""
    if not text.strip() and not media:
        raise invalid("Text can't be blank")
    ways = ask.options.ways
    if counted_length(spoiler, text, ways.counts) > ask.options.max_characters:
        said = f"Validation failed: Text character limit of {ask.options.max_characters} exceeded"
        raise ApiError(ways.too_long_status, said)
    return Content(
        text=text,
        spoiler_text=spoiler,
        sensitive=params.flag("sensitive") or bool(spoiler),
        language="" if ways.edit_language == "none" else params.text("language") or language,
        media_ids=tuple(one.id for one in media),
        alt_texts=tuple(alt_texts.get(one.id, one.description) for one in media),
    )


def _media(ask: Ask, status_id: int | None) -> list[Media]:
    """The media a request names, which must be free or belong to the status being edited."""
    given = [str(one) for one in ask.params.listed("media_ids")]
    if len(given) > ask.options.max_media:
        raise ApiError(422, f"Cannot attach more than {ask.options.max_media} files")
    found = [_free(ask, one, status_id) for one in dict.fromkeys(given)]
    missing = [one for one, media in zip(dict.fromkeys(given), found, strict=True) if media is None]
    if missing:
        raise ApiError(422, f"Media {', '.join(missing)} not found or already attached to another post")
    media = [one for one in found if one is not None]
    if len(media) > 1 and any(one.picture.type != "image" for one in media):
        raise ApiError(422, "Cannot attach a video to a post that already contains images")
    if not all(one.is_ready for one in media):
        raise ApiError(422, "Cannot attach files that have not finished processing. Try again in a moment!")
    return media


def _free(ask: Ask, given: str, status_id: int | None) -> Media | None:
    media = ask.store.media.get(int(given) if given.isascii() and given.isdigit() else 0)
    is_free = media is not None and media.account == ask.owner.name and media.status_id in (None, status_id)
    return media if is_free else None


def _alt_texts(ask: Ask, media: list[Media]) -> dict[int, str | None]:
    """Alt texts by media id, from ``media_attributes`` (JSON only)."""
    given: list[Any] = ask.params.listed("media_attributes")
    known = {str(one.id): one.id for one in media}
    return {
        known[str(one.get("id"))]: checked_description(ask, str(one["description"]))
        for one in given
        if isinstance(one, dict) and str(one.get("id")) in known and one.get("description") is not None
    }


def _attach(status: Status, media: list[Media]) -> None:
    for one in media:
        one.status_id = status.id
