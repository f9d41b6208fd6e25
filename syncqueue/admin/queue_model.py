"""What lets queues, which have no table, stand in the admin's index beside the app's models."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import models
from django.utils.translation import gettext_lazy as _


class Queue(models.Model):
    """The queue of one service. It lives in Redis; this class only gives it a name and an address in the admin.

    In a registry of its own, so that neither migrations nor content types nor permissions are made for it.
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
        """The service."""
        return self.service
