"""The app: connects receivers and checks when Django is ready."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SyncQueueConfig(AppConfig):
    """Configuration of syncqueue."""

    name = "syncqueue"
    verbose_name = _("Sync queue")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register checks, connect receivers, and import each app's sources."""
        from syncqueue import checks, receivers
        from syncqueue.core.errors import ConfigurationError
        from syncqueue.handlers.registry import host_of
        from syncqueue.secrets import name_hosts_by
        from syncqueue.sources.registry import autodiscover

        name_hosts_by(host_of)
        checks.register_checks()
        try:
            checks.registration_problems[:] = autodiscover()
        except ConfigurationError as error:
            # Wrong settings: the checks name each problem; without them nothing is registered and nothing synced.
            checks.startup_problem = str(error)
        receivers.connect()
