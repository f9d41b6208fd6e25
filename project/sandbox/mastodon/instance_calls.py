"""What the server says of itself and of an account."""

from __future__ import annotations

from typing import Any

from .asking import Ask, Done
from .errors import ApiError
from .flavours import FLAVOURS, Flavour
from .images import EXTENSIONS, MAX_IMAGE_BYTES, MAX_PIXELS, MAX_VIDEO_BYTES
from .results import credential_result
from .store import APPLICATION

_UNNAMED = "1.0"
_TITLE = "Sandbox"
_DESCRIPTION = "A stand-in on this machine"


def _configuration(ask: Ask) -> dict[str, Any]:
    options = ask.options
    return {
        "accounts": {"max_featured_tags": 10, "max_pinned_statuses": 5},
        "statuses": {
            "max_characters": options.max_characters,
            "max_media_attachments": options.max_media,
            "characters_reserved_per_url": options.ways.reserved_per_url,
        },
        "media_attachments": {
            "supported_mime_types": list(EXTENSIONS),
            "description_limit": options.max_alt_characters,
            "image_size_limit": MAX_IMAGE_BYTES,
            "image_matrix_limit": MAX_PIXELS,
            "video_size_limit": MAX_VIDEO_BYTES,
        },
    }


def _host(ask: Ask) -> str:
    return ask.base_url.partition("://")[2]


def _version(ask: Ask) -> str:
    return _UNNAMED if ask.options.hides_itself else _told(ask).version


def _told(ask: Ask) -> Flavour:
    """Which server it says it is."""
    return FLAVOURS["mastodon"] if ask.options.says_mastodon else ask.options.ways


def instance_v1(ask: Ask) -> Done:
    about = {"uri": _host(ask), "title": _TITLE, "short_description": _DESCRIPTION, "description": _DESCRIPTION}
    counts = {"user_count": len(ask.accounts), "status_count": len(ask.store.statuses), "domain_count": 0}
    registering = {"registrations": False, "approval_required": False, "invites_enabled": False}
    rest: dict[str, Any] = {
        "email": "",
        "version": _version(ask),
        "urls": {},
        "languages": ["en"],
        "rules": [],
        "contact_account": None,
    }
    return Done({**about, **rest, **registering, "stats": counts, "configuration": _configuration(ask)})


def instance_v2(ask: Ask) -> Done:
    about = {"domain": _host(ask), "title": _TITLE, "version": _version(ask), "description": _DESCRIPTION}
    registering = {"enabled": False, "approval_required": False, "message": None}
    usage = {"users": {"active_month": len(ask.accounts)}}
    contact = {"email": "", "account": None}
    rest: dict[str, Any] = {"languages": ["en"], "rules": [], "contact": contact, "icon": []}
    is_named = not ask.options.hides_itself
    versions = dict(_told(ask).api_versions or {}) if is_named else {}
    source_url = _told(ask).source_url if is_named else ""
    answer = {**about, **rest, "source_url": source_url, "usage": usage, "registrations": registering}
    return Done({**answer, "api_versions": versions, "configuration": _configuration(ask)})


def verify_credentials(ask: Ask) -> Done:
    return Done(credential_result(ask, ask.owner))


def verify_application(ask: Ask) -> Done:
    if not ask.options.ways.names_application:
        raise ApiError(404, "Not Found")
    return Done({"id": "1", "name": APPLICATION, "website": None, "scopes": ["read", "write"], "redirect_uris": []})
