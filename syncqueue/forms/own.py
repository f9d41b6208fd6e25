"""Forms of destinations for a site's own pages, where users enter their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ImproperlyConfigured
from django.db.models import DateField, TimeField
from django.utils.translation import gettext_lazy

from syncqueue.forms.destination import DestinationForm
from syncqueue.forms.option_inputs import choice_input
from syncqueue.presentation.inner import for_users

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

# Each input has a label for people who cannot see it, in Django's words (and languages).
_DATE_ATTRS: dict[str, Any] = {"type": "date", "aria-label": DateField.description}
_TIME_ATTRS: dict[str, Any] = {"type": "time", "step": "1", "aria-label": TimeField.description}


class OwnDestinationForm(DestinationForm):
    """For a site's own pages: the page sets the owner, never the request.

    Decorate the page's view with `sensitive_post_parameters()`, so that error reports do not contain the input.

    Raises `ImproperlyConfigured` if the service is not enabled, `PermissionError` for a destination of another owner.
    """

    # The options of kind "choice" that have an input here, named as the option; the form keeps all other options.
    offered_options: ClassVar[Sequence[str]] = ()

    class Meta(DestinationForm.Meta):
        fields: ClassVar = ["name", "address", "rule", "rule_value", "start_at", "enabled"]
        field_classes: ClassVar = {"start_at": forms.SplitDateTimeField}
        widgets: ClassVar = {
            "start_at": forms.SplitDateTimeWidget(
                date_format="%Y-%m-%d",  # the format of the browser's own pickers
                time_format="%H:%M:%S",
                date_attrs=_DATE_ATTRS,
                time_attrs=_TIME_ATTRS,
            )
        }

    def __init__(self, *args: Any, owner: AbstractBaseUser, **kwargs: Any) -> None:
        """`owner`: the user whose objects the destination accepts."""
        self.owner_id = owner.pk
        super().__init__(*args, **kwargs)
        if self.handler is None:
            raise ImproperlyConfigured(f"Name {self.service!r} in SYNCQUEUE['HANDLERS'] to use {type(self).__name__}.")
        if not self.instance._state.adding and self.instance.owner_id != owner.pk:
            raise PermissionError(f"The destination {self.instance.pk} belongs to another owner.")
        self.instance.owner_id = owner.pk
        self.actor = str(owner.pk)
        declared = self.handler.option_fields
        self._offered = [name for name in self.offered_options if name in declared]
        for name in self._offered:
            self.fields[name] = choice_input(declared[name])
            self.initial.setdefault(name, self.instance.options.get(name))
        if self._offered:  # before the secrets, if the site has no order of its own
            self.order_fields(self.field_order or [*(self._meta.fields or ()), *self._offered])

    def clean(self) -> dict[str, Any]:
        """Put the choices into the options; the other options stay."""
        chosen = {name: self.cleaned_data[name] for name in self._offered if self.cleaned_data.get(name)}
        self.instance.options = {**self.instance.options, **chosen}
        return super().clean()

    def _find_places(self) -> str:
        """Do the same as for staff, without details of the internal network."""
        return for_users(super()._find_places())


class TelegramDestinationForm(OwnDestinationForm):
    """A channel, group or chat that the owner's bot posts to."""

    service = "telegram"

    sole_poster = forms.ChoiceField(
        label=gettext_lazy("Who posts with this bot there"),
        required=False,
        choices=(("only", gettext_lazy("Only this site")), ("others", gettext_lazy("Other programs too"))),
        help_text=gettext_lazy(
            "After a lost answer, a message by the bot that is not known here is taken for the lost one if only this "
            "site posts with it."
        ),
    )

    class Meta(OwnDestinationForm.Meta):
        labels: ClassVar = {"address": gettext_lazy("Channel or chat")}
        help_texts: ClassVar = {
            "address": gettext_lazy("@channel, or the chat's number. The bot must be allowed to post there.")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Show the present choice."""
        super().__init__(*args, **kwargs)
        self.initial.setdefault("sole_poster", "only" if self.instance.options.get("sole_poster", True) else "others")

    def clean(self) -> dict[str, Any]:
        """Put the choice into the options; the other options stay."""
        if chosen := self.cleaned_data.get("sole_poster"):
            self.instance.options = {**self.instance.options, "sole_poster": chosen == "only"}
        return super().clean()


class MastodonDestinationForm(OwnDestinationForm):
    """An account of the owner on an instance, with the most used options."""

    service = "mastodon"
    offered_options = ("visibility", "over_limit")

    class Meta(OwnDestinationForm.Meta):
        labels: ClassVar = {"address": gettext_lazy("Instance")}
        help_texts: ClassVar = {"address": gettext_lazy("Such as https://mastodon.social.")}


class BlueskyDestinationForm(OwnDestinationForm):
    """An account of the owner on Bluesky, with the most used options."""

    service = "bluesky"
    offered_options = ("over_limit",)

    class Meta(OwnDestinationForm.Meta):
        labels: ClassVar = {"address": gettext_lazy("Account")}
        help_texts: ClassVar = {"address": gettext_lazy("Such as name.bsky.social. Private objects are never posted.")}


class WebhookDestinationForm(OwnDestinationForm):
    """A URL of the owner that receives an event for each change."""

    service = "webhook"

    class Meta(OwnDestinationForm.Meta):
        labels: ClassVar = {"address": gettext_lazy("URL")}
        help_texts: ClassVar = {
            "address": gettext_lazy("https://example.org/hook. It must answer 2xx to events that are signed.")
        }
