"""A model class for queues, which have no table, so that the admin's index lists them with the app's models."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import models
from django.utils.translation import gettext_lazy as _


class Queue(models.Model):
    """The queue of one service. It is in Redis; this class only gives it a name and an address in the admin.

    It has a separate app registry, so that no migrations, content types or permissions are created for it.
    """

    service = models.CharField(_("service"), max_length=50, primary_key=True)

    class Meta:
        apps = Apps()
        app_label = "syncqueue"
        managed = False
        default_permissions = ()
        verbose_name = _("sync queue")
        verbose_name_plural = _("sync queues")

    def __str__(self) -> str:
        """Return the service."""
        return self.service
