"""The handler class of each service. A service is enabled if HANDLERS in the settings has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.module_loading import import_string

from syncqueue.conf import ServiceSettings, Settings, get_settings
from syncqueue.core.answer import words
from syncqueue.core.errors import ConfigurationError
from syncqueue.handlers.base import DocumentHandler, HandlerConfig, Place, SyncHandler
from syncqueue.handlers.gate import construct, named_host

# Import paths, so that the client library of a service is loaded only if the service is used.
BUILT_IN = {
    "telegram": "syncqueue.handlers.telegram.handler.TelegramHandler",
    "mastodon": "syncqueue.handlers.mastodon.handler.MastodonHandler",
    "manticore": "syncqueue.handlers.manticore.handler.ManticoreHandler",
    "webhook": "syncqueue.handlers.webhook.handler.WebhookHandler",
    "bluesky": "syncqueue.handlers.bluesky.handler.BlueskyHandler",
}


def handler_class(service: ServiceSettings) -> type[SyncHandler]:
    """Return the handler class of a service; raises `ConfigurationError`, which says what to install or write."""
    path = service.handler_class or BUILT_IN.get(service.name)
    if path is None:
        raise ConfigurationError(
            f"SYNCQUEUE['HANDLERS'][{service.name!r}] needs a CLASS: {service.name!r} is not built in "
            f"(built in: {', '.join(BUILT_IN)})."
        )
    try:
        found = import_string(path)
    except ImportError as error:
        raise ConfigurationError(_explain_import(service.name, path, error)) from error
    except Exception as error:  # a module of the site may raise anything
        raise ConfigurationError(
            f"SYNCQUEUE['HANDLERS'][{service.name!r}]: cannot import {path}: {words(error)}"
        ) from error
    if not (isinstance(found, type) and issubclass(found, SyncHandler)):
        raise ConfigurationError(
            f"SYNCQUEUE['HANDLERS'][{service.name!r}]['CLASS']: {path} is not a subclass of syncqueue.SyncHandler."
        )
    return found


def _explain_import(name: str, path: str, error: ImportError) -> str:
    missing = (getattr(error, "name", None) or "").partition(".")[0]
    if path == BUILT_IN.get(name) and missing not in ("", "syncqueue"):  # the extra has the service's name
        return f"The service {name!r} needs a library: pip install 'django-syncqueue[{name}]'."
    return f"SYNCQUEUE['HANDLERS'][{name!r}]: cannot import {path}: {error}"


def make_handler(service: str, settings: Settings | None = None) -> SyncHandler:
    """Create a handler for a service.

    Raises `ConfigurationError` if the service is not enabled or its class cannot be instantiated.
    """
    settings = settings or get_settings()
    found = settings.service(service)
    config = HandlerConfig(
        service=service,
        options=found.options,
        force_ipv4=found.force_ipv4,
        attempt_timeout_seconds=settings.processing.attempt_timeout_seconds,
        allowed_private_hosts=settings.allowed_private_hosts,
        hold_unknown=found.hold_unknown,
    )
    return construct(handler_class(found), config)


_shared: tuple[Settings, dict[str, SyncHandler]] | None = None


def shared_handler(service: str) -> SyncHandler:
    """Return a handler for endpoints and for validating destinations. It has no event loop: do not send with it."""
    global _shared
    settings = get_settings()
    if _shared is None or _shared[0] is not settings:
        _shared = (settings, {})
    handlers = _shared[1]
    if service not in handlers:
        handlers[service] = make_handler(service, settings)
    return handlers[service]


def posts(service: str) -> bool:
    """Return whether a service posts (and accepts objects since a destination's start), or is an index."""
    found = handler_class(get_settings().service(service))
    return issubclass(found, DocumentHandler) and found.posts


def takes_private(service: str) -> bool:
    """Return whether a service accepts private documents; True if it is not enabled, so that nothing is decided."""
    try:
        found = handler_class(get_settings().service(service))
    except ConfigurationError:
        return True
    return not issubclass(found, DocumentHandler) or found.takes_private


def document_handler(service: str) -> DocumentHandler | None:
    """Return the handler of a service that has destinations; None if it is not enabled or has none."""
    try:
        handler = make_handler(service)
    except ConfigurationError:
        return None
    return handler if isinstance(handler, DocumentHandler) else None


def host_of(service: str, address: str, options: Mapping[str, Any], secret: Mapping[str, str]) -> str:
    """Return the "host:port" that a destination uses; "" if no handler returns one. Never raises."""
    try:
        handler = shared_handler(service)
    except ConfigurationError:
        return ""
    if not isinstance(handler, DocumentHandler):
        return ""
    return named_host(handler, Place(id=0, name="", address=address, options=options, secret=secret))
