"""Filters of lists, whose choices do not need a query over every row."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from syncqueue import services
from syncqueue.core.errors import ConfigurationError
from syncqueue.models import Destination

CHOICES_SHOWN = 50  # maximum choices; a site may have a destination for each user


class ServiceFilter(admin.SimpleListFilter):
    """Filters by an enabled service."""

    title = gettext_lazy("service")
    parameter_name = "service"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the names in the settings."""
        try:
            return [(name, name) for name in services.service_names()]
        except ConfigurationError:
            return []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the chosen service."""
        return queryset.filter(service=self.value()) if self.value() else queryset


class DestinationFilter(admin.SimpleListFilter):
    """Filters by destination: offers the first ones by name, and always the chosen one."""

    title = gettext_lazy("destination")
    parameter_name = "destination"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return primary keys with names."""
        shown = dict(Destination.objects.order_by("name").values_list("pk", "name")[:CHOICES_SHOWN])
        chosen = request.GET.get(self.parameter_name, "")
        if chosen.isdecimal() and int(chosen) not in shown:
            shown |= dict(Destination.objects.filter(pk=int(chosen)).values_list("pk", "name"))
        return [(str(pk), name) for pk, name in shown.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the chosen destination."""
        chosen = self.value()
        return queryset.filter(destination_id=int(chosen)) if chosen and chosen.isdecimal() else queryset
