"""Tests a handler: the cases with which the built-in services are tested, for your own service.

    # conftest.py
    pytest_plugins = ["syncqueue.testing.conformance.plugin"]

    # test_shelf.py
    class Shelf(ServiceUnderTest):
        name = "shelf"
        handler = "shelf_handler.ShelfHandler"
        stand_in = ShelfStandIn                 # a `syncqueue.testing.sandbox.JsonService`
        finds_lost = True                       # a trait of the service

    class TestShelf(Conformance):
        service = Shelf

Each case is a test whose name is a sentence. Cases that the service does not support are skipped with the reason. A
table at the end shows what the handler promises, and what to mend. Requires the extra `syncqueue[testing]`, but
neither Redis nor a network.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncqueue.testing.conformance.pictures import PICTURES as PICTURES
    from syncqueue.testing.conformance.pictures import painted as painted
    from syncqueue.testing.conformance.pictures import pictures_by_content as pictures_by_content
    from syncqueue.testing.conformance.promise import Promise as Promise
    from syncqueue.testing.conformance.scene import Site as Site
    from syncqueue.testing.conformance.service import Answer as Answer
    from syncqueue.testing.conformance.service import Copy as Copy
    from syncqueue.testing.conformance.service import Kind as Kind
    from syncqueue.testing.conformance.service import ServiceUnderTest as ServiceUnderTest
    from syncqueue.testing.conformance.suite import Conformance as Conformance

_HOMES = {
    "pictures": ("PICTURES", "painted", "pictures_by_content"),
    "promise": ("Promise",),
    "scene": ("Site",),
    "service": ("Answer", "Copy", "Kind", "ServiceUnderTest"),
    "suite": ("Conformance",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Import a name at first use: pytest imports this package before Django has its settings."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
