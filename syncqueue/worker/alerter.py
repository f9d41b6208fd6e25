"""Sends alert mails on a separate thread, so that a mail server that hangs blocks nothing else."""

from __future__ import annotations

import threading

from django.db import connections

from syncqueue.conf import get_settings
from syncqueue.services import alerts

EVERY_SECONDS = 30.0
_END_SECONDS = 5.0


class Alerter:
    """Sends alert mails in rounds, one at a time; does nothing while alerts are switched off."""

    def __init__(self) -> None:
        """No round is running."""
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None  # the exception of the last round

    async def look(self) -> None:
        """Start a round unless one is still running; raises the exception of the previous round."""
        if not get_settings().alerts.enabled or (self._thread is not None and self._thread.is_alive()):
            return
        error, self._error = self._error, None
        # A daemon thread, so that a worker can end while a mail server hangs.
        self._thread = threading.Thread(target=self._send, name="syncqueue-alerts", daemon=True)
        self._thread.start()
        if error is not None:
            raise error

    def _send(self) -> None:
        try:
            alerts.send_due()
        except Exception as error:  # raised to the duty at its next round
            self._error = error
        finally:
            connections.close_all()

    def end(self) -> None:
        """Wait a few seconds for a mail that is being sent."""
        if self._thread is not None:
            self._thread.join(_END_SECONDS)
