"""Manticore Search: a row for each object, and `search` to find objects again. Public names are loaded at first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncqueue.handlers.manticore.finding import Hit as Hit
    from syncqueue.handlers.manticore.finding import Results as Results
    from syncqueue.handlers.manticore.finding import search as search

__all__ = ["Hit", "Results", "search"]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Import a public name (PEP 562): the settings may load the handler before the models."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("syncqueue.handlers.manticore.finding"), name)
