"""The services of this project for the suite: all stand in one process of the demo's sandbox."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import ClassVar

from project.sandbox.testing import RunningSandbox, running_sandbox
from syncqueue.testing.conformance import ServiceUnderTest


class SandboxedService(ServiceUnderTest):
    """One of them."""

    sandbox: RunningSandbox
    # Many times what a lease, a mark and the intervals take together: a machine with fifteen busy processes for two
    # cores passes as well.
    patience_seconds: ClassVar[float] = 240.0

    @classmethod
    def start(cls) -> AbstractContextManager[RunningSandbox]:
        """The whole sandbox, for all services."""
        return running_sandbox()
