"""Sends the mails about trouble, on a thread of its own: a mail server that hangs holds nothing else up."""

from __future__ import annotations

import threading

from django.db import connections

from syncqueue.conf import get_settings
from syncqueue.services import alerts

EVERY_SECONDS = 30.0
_END_SECONDS = 5.0


class Alerter:
    """One thread at a time, and none while alerts are off."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None  # of the last round

    async def look(self) -> None:
        """Begin to send what is due, unless the round before is still at it; raises what that round ended with."""
        if not get_settings().alerts.enabled or (self._thread is not None and self._thread.is_alive()):
            return
        error, self._error = self._error, None
        # A daemon, because a worker must be able to end while a mail server keeps silent.
        self._thread = threading.Thread(target=self._send, name="syncqueue-alerts", daemon=True)
        self._thread.start()
        if error is not None:
            raise error

    def _send(self) -> None:
        try:
            alerts.send_due()
        except Exception as error:  # told by the duty, at its next round
            self._error = error
        finally:
            connections.close_all()

    def end(self) -> None:
        """Give a mail under way a few seconds."""
        if self._thread is not None:
            self._thread.join(_END_SECONDS)
