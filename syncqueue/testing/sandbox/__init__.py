"""Local stand-ins for outside services: real HTTP, a page, and a mode for each service.

Plain Python: it imports neither Django nor any other part of syncqueue, so that its log is independent evidence of
what a handler has sent. Requires the extra `syncqueue[testing]`.

A service is a subclass of `Service`, or of `JsonService` for an API of JSON over HTTP. `running(Shelf())` starts it in
a thread of this process, for tests; `python -m syncqueue.testing.sandbox shelf:Shelf` starts it as a process,
with its page.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncqueue.testing.sandbox.client import RunningSandbox as RunningSandbox
    from syncqueue.testing.sandbox.client import SandboxRefused as SandboxRefused
    from syncqueue.testing.sandbox.client import running_process as running_process
    from syncqueue.testing.sandbox.json_service import JsonService as JsonService
    from syncqueue.testing.sandbox.json_service import Thing as Thing
    from syncqueue.testing.sandbox.json_service import answer as answer
    from syncqueue.testing.sandbox.modes import Mode as Mode
    from syncqueue.testing.sandbox.service import Call as Call
    from syncqueue.testing.sandbox.service import Outcome as Outcome
    from syncqueue.testing.sandbox.service import Service as Service
    from syncqueue.testing.sandbox.threads import running as running

_HOMES = {
    "json_service": ("JsonService", "Thing", "answer"),
    "modes": ("Mode",),
    "client": ("RunningSandbox", "SandboxRefused", "running_process"),
    "service": ("Call", "Outcome", "Service"),
    "threads": ("running",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Import a name at first use: a client of a sandbox needs no web server."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
