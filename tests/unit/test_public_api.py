"""The public surface, written down: a change of it is a change of this file, and a line in the changelog."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import syncqueue
from syncqueue import testing
from syncqueue.handlers import public

# docs/reference/python.md shows the same names; docs/versions.md says what a change of them means.
PUBLIC = {
    "AddressMoved", "CREATE", "CopyPage", "CopyState", "DELETE", "DestinationBroken", "DestinationInfo", "Document",
    "DocumentHandler", "DocumentJob", "Media", "ModelSync", "Option", "OutcomeUnknown", "PermanentError", "PreviewPart",
    "QueueStats", "RateLimited", "RemotePart", "RetryLater", "SyncHandler", "SyncQueueError", "SyncResult", "SyncTask",
    "UPDATE", "Unavailable", "Unreachable", "adopt", "copies", "explain", "get_queue", "muted", "preview", "queued",
    "register", "status", "strip_internal_links", "sync", "sync_queryset",
}  # fmt: skip

# What a site writes in its calls; positions and defaults are part of the promise.
SIGNATURES = {
    "adopt": "(obj, destination, remote_id, url='', *, kind='')",
    "copies": "(obj)",
    "explain": "(obj)",
    "get_queue": "(service)",
    "muted": "()",
    "preview": "(obj)",
    "queued": "()",
    "register": "(*models)",
    "status": "(obj)",
    "strip_internal_links": "(text, is_internal)",
    "sync": "(obj)",
    "sync_queryset": "(objects, service=None)",
}

MODEL_SYNC = {
    "affected_by", "at", "changed_field", "created_field", "document", "existing_remote", "is_live", "keeps",
    "live_from", "live_until", "owner", "owners", "prefetch", "search_fields", "watch",
}  # fmt: skip
DOCUMENT_HANDLER = {
    "aclose", "address_names_place", "apply_many", "batch_size", "check", "clean", "count", "create", "credential",
    "default_kind", "delete", "endpoint", "fingerprint", "identify", "is_public", "is_small", "least_attempt_seconds",
    "lost_part", "option_fields", "places", "posts", "preview", "process", "process_many", "read", "read_all",
    "read_pause_seconds", "secret_fields", "takes_private", "trace", "update", "was_made",
}  # fmt: skip

# Of syncqueue.handlers.public: what a handler may import besides.
FOR_HANDLERS = {
    "Atom", "ConfigurationError", "DRAWN_CHARACTERS", "DrawnText", "ELLIPSIS", "FetchError", "HandlerConfig",
    "HandlerError", "HandlerThreads", "JsonAnswer", "MediaReader", "Outbound", "OverLimit", "POST_OPTIONS",
    "Picture", "Place", "READ_CHARACTERS", "Session", "SharedSessions", "TEXT_SIZE", "TRACE", "attachable",
    "body_of", "can_draw_chinese", "caption_of", "content_type", "cut_atoms", "divided", "draw", "draw_text",
    "endpoint_of", "explain_unreachable", "find_forbidden", "font_files", "footer_of", "hashtag", "host_of",
    "http_transport", "is_unsent", "load_fonts", "mask", "media_of", "over_limit", "port_of", "read_text",
    "read_url", "redact", "server_url", "shortened", "tidy", "to_text", "wait_seconds", "wants_link", "with_footer",
}  # fmt: skip


def plain_signature(call: object) -> str:
    """The signature without its types."""
    assert callable(call)
    signature = inspect.signature(call)
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def public_of(kind: type) -> set[str]:
    """The names of a class that do not begin with an underscore."""
    return {name for name in dir(kind) if not name.startswith("_")}


def test_the_public_names_are_these() -> None:
    assert set(syncqueue.__all__) == PUBLIC


def test_the_names_for_handlers_are_these() -> None:
    assert set(public.__all__) == FOR_HANDLERS


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_can_be_had_and_says_what_it_is(name: str) -> None:
    found = getattr(syncqueue, name)

    assert isinstance(found, str) or (found.__doc__ or "").strip()


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_the_public_functions_are_called_like_this(name: str) -> None:
    assert plain_signature(getattr(syncqueue, name)) == SIGNATURES[name]


def test_every_public_function_has_its_signature_written_down() -> None:
    assert {name for name in PUBLIC if inspect.isfunction(getattr(syncqueue, name))} == set(SIGNATURES)


def test_a_model_sync_has_these_names_to_override() -> None:
    assert public_of(syncqueue.ModelSync) == MODEL_SYNC


def test_a_document_handler_has_these_names_to_override() -> None:
    assert public_of(syncqueue.DocumentHandler) == DOCUMENT_HANDLER


def test_the_names_for_a_sites_own_tests_are_these() -> None:
    assert set(testing.__all__) == {"CapturedSync", "captured_syncs", "sending"}
    assert callable(testing.captured_syncs_fixture)


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Worker'"):
        _ = syncqueue.Worker


def test_importing_the_app_loads_no_model() -> None:
    code = "import syncqueue, sys; sys.exit('syncqueue.models' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_app_says_that_it_is_typed() -> None:
    assert Path(syncqueue.__file__).with_name("py.typed").exists()
