"""Policies in the admin: a service's figures, set by a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.validators import MinValueValidator
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncqueue import services
from syncqueue.conf import get_settings
from syncqueue.models import ServicePolicy
from syncqueue.presentation.figures import in_a_row, labelled, listed
from syncqueue.presentation.reasons import in_words

if TYPE_CHECKING:
    Page = admin.ModelAdmin[ServicePolicy]
    PolicyModelForm = forms.ModelForm[ServicePolicy]
else:
    Page = admin.ModelAdmin
    PolicyModelForm = forms.ModelForm


# The minimum of each figure, as in conf.py for the settings, and its meaning.
_FIGURES: Mapping[str, tuple[int, Promise]] = {
    "max_retries": (0, gettext_lazy("Attempts after the first one: 3 allows 4 attempts.")),
    "base_delay_seconds": (0, gettext_lazy("The delay before the first retry.")),
    "backoff_multiplier": (1, gettext_lazy("The factor by which each further delay grows.")),
    "max_delay_minutes": (0, gettext_lazy("The upper limit of a delay.")),
    "concurrency": (1, gettext_lazy("The maximum number of concurrent attempts in one worker.")),
}


def _given(service: str) -> Mapping[str, float]:
    """Return the figures of the settings, which apply if a policy has none."""
    known = get_settings().services.get(service)
    if known is None:  # a policy may outlive its service
        return {}
    return {
        "max_retries": known.retry.max_retries,
        "base_delay_seconds": known.retry.base_delay_seconds,
        "backoff_multiplier": known.retry.backoff_multiplier,
        "max_delay_minutes": known.retry.max_delay_seconds / 60,
        "concurrency": known.concurrency,
    }


def _in_force(name: str, names: Sequence[str]) -> str:
    """Return a figure of the settings: one if all services have the same, otherwise one for each; "" if none."""
    figures = {service: f"{given[name]:g}" for service in names if name in (given := _given(service))}
    if len(set(figures.values())) == 1:
        return next(iter(figures.values()))
    return listed(labelled(service, text) for service, text in figures.items())


class PolicyForm(PolicyModelForm):
    """A policy for one of the enabled services."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the services of the settings; describe each figure, and its value if left empty."""
        super().__init__(*args, **kwargs)
        names = [self.instance.service] if self.instance.service else list(services.service_names())
        for name, (least, meaning) in _FIGURES.items():
            field = self.fields.get(name)
            if field is None:  # the user may only view
                continue
            field.validators.append(MinValueValidator(least))
            field.widget.attrs["min"] = least
            field.help_text = str(meaning)
            if in_force := _in_force(name, names):
                field.widget.attrs["placeholder"] = in_force
                default = _("If empty: %(figure)s, from the settings.") % {"figure": in_force}
                field.help_text = in_a_row([str(meaning), default])
        if "service" in self.fields:
            self.fields["service"] = forms.ChoiceField(
                label=self.fields["service"].label, choices=[(name, name) for name in names]
            )


class ServicePolicyAdmin(Page):
    """Policies; running workers and web processes apply a change within seconds."""

    change_list_template = "syncqueue/change_list.html"
    change_form_template = "syncqueue/change_form.html"
    form = PolicyForm
    fieldsets = (
        (
            None,
            {
                "fields": ("service", "paused", *_FIGURES),
                "description": gettext_lazy("Running workers and web processes apply this within 5 seconds."),
            },
        ),
    )
    list_display = ("service", "paused", "max_retries", "base_delay_seconds", "max_delay_minutes", "concurrency")

    class Media:
        css: ClassVar = {"all": ["syncqueue/admin.css"]}

    def get_readonly_fields(self, request: HttpRequest, obj: ServicePolicy | None = None) -> list[str]:
        """Return the service of an existing policy, which cannot be changed."""
        return ["service"] if obj else []

    def save_model(self, request: HttpRequest, obj: ServicePolicy, form: Any, change: bool) -> None:
        """Store the figures, and update the queue if the pause was changed."""
        super().save_model(request, obj, form, change)
        if "paused" in form.changed_data:
            self._after_commit(request, services.pause if obj.paused else services.resume, obj.service)

    def delete_model(self, request: HttpRequest, obj: ServicePolicy) -> None:
        """Delete the policy and end its pause."""
        if obj.paused:
            self._mirror(request, services.resume, obj.service)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ServicePolicy]) -> None:
        """Delete the policies and end their pauses."""
        for policy in queryset:
            self.delete_model(request, policy)

    def _after_commit(self, request: HttpRequest, switch: Callable[..., str], service: str) -> None:
        transaction.on_commit(partial(self._mirror, request, switch, service))

    def _mirror(self, request: HttpRequest, switch: Callable[..., str], service: str) -> None:
        if pending := switch(service, actor=str(request.user)):
            self.message_user(request, labelled(service, in_words(pending)), messages.WARNING)
