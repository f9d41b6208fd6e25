"""The form of a destination, as the admin has it.

Secrets are write-only: their inputs are always empty, and an empty input keeps the stored secret. Only a change of host
or owner requires it again, so that a stored secret cannot be sent to another person's host. A new destination may use
the credential of another one of the same owner, at the same host.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django import forms
from django.db import transaction
from django.forms.utils import ErrorDict
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from syncqueue import services
from syncqueue.conf import get_settings
from syncqueue.core.answer import Refused
from syncqueue.core.errors import SecretError, SyncQueueError
from syncqueue.core.lines import has_controls
from syncqueue.forms.option_inputs import as_input, option_input
from syncqueue.handlers import gate
from syncqueue.handlers.base import DocumentHandler, PlaceChoice
from syncqueue.handlers.registry import document_handler
from syncqueue.models import Destination, Rule
from syncqueue.presentation.reasons import in_words
from syncqueue.secrets import Bound, decrypt, encrypt, mask

if TYPE_CHECKING:
    from django.http import QueryDict

    DestinationModelForm = forms.ModelForm[Destination]
else:
    DestinationModelForm = forms.ModelForm

FIND_BUTTON = "find_places"  # the name of the button that lists places instead of saving
ENTERED = "entered_secret"  # a hidden input that carries an entered secret, encrypted, over such a list
CARRIED_SECONDS = 900  # how long such a list may stay open
OPTION_PREFIX = "option_"  # the input of the option "silent" is named "option_silent"
INPUT_PREFIX = "secret_"  # the input of the secret "token" is named "secret_token"
CREDENTIAL_OF = "credential_of"  # the input that names a destination whose credential a new one uses
EVERYWHERE = "replace_everywhere"  # the input for whether a credential is replaced wherever it is used


def destination_services() -> list[str]:
    """Return the enabled services that have destinations."""
    return [name for name in get_settings().services if document_handler(name)]


def finds_places(handler: DocumentHandler | None) -> bool:
    """Return whether a handler implements `places`."""
    return handler is not None and type(handler).places is not DocumentHandler.places


class PlaceInput(forms.TextInput):
    """An address input with a list of the places that were found."""

    template_name = "syncqueue/place_input.html"

    def __init__(self, choices: Sequence[PlaceChoice]) -> None:
        """`choices`: in the order in which they are offered."""
        super().__init__({"class": "vTextField", "list": "syncqueue-places"})
        self.choices = choices

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Add the list."""
        return super().get_context(name, value, attrs) | {"choices": self.choices}


class DestinationForm(DestinationModelForm):
    """A destination of one service, which a subclass names in `service`; an existing destination keeps its own."""

    service: ClassVar[str] = ""
    actor: str = ""  # the person who uses the form, set by the page; see `_carrier`
    owner_id: Any = None  # the user whose credentials a new one may use; None: the site's
    offers_credentials: ClassVar[bool] = True  # to the person who uses the form

    class Meta:
        model = Destination
        fields: ClassVar = ["name", "address", "rule", "rule_value", "options", "start_at", "enabled"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Add an input for each secret of the handler."""
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            self.instance.service = self.service
        elif self.service not in ("", self.instance.service):
            raise ValueError(f"{type(self).__name__} is no form for a destination of {self.instance.service}.")
        self.handler = document_handler(self.instance.service)
        for field in self.fields.values():
            field.show_hidden_initial = False  # changes are detected by the stored values
        self._stored, self._unreadable = _stored_secret(self.instance)
        self._bound = self.instance.bound  # as stored; the instance gets the entered values
        self._usable = {str(one.pk): one for one in self._usable_credentials()}
        if self._usable:
            self.fields[CREDENTIAL_OF] = self._credential_field()
        for name, label in self._secret_labels().items():
            self.fields[INPUT_PREFIX + name] = self._secret_field(name, label)
        self._twins = [] if self.instance._state.adding else services.same_credential(self.instance)
        if self._twins:
            self.fields[EVERYWHERE] = self._everywhere_field()
        self._options = self.handler.option_fields if self.handler is not None and "options" in self.fields else {}
        if self._options:
            del self.fields["options"]
            for name, option in self._options.items():
                self.fields[OPTION_PREFIX + name] = option_input(option)
                self.initial.setdefault(OPTION_PREFIX + name, as_input(self.instance.options.get(name)))
        if isinstance(rule := self.fields.get("rule"), forms.ChoiceField):
            everything = (Rule.ALL.value, _("all, private ones too"))
            rule.choices = [everything, *(one for one in Rule.choices if one[0] != Rule.ALL)]
        if self.instance._state.adding and self.handler is not None and self.handler.posts:
            # Readers see the copies: private objects must not be posted because a choice was left unchanged.
            self.initial.setdefault("rule", Rule.PUBLIC.value)
        if self.can_find_places:
            self.fields[ENTERED] = forms.CharField(required=False, label="", widget=forms.HiddenInput)
        if self.instance._state.adding and self.handler is not None and not self.handler.posts:
            self.instance.start_at = None  # an index accepts all objects
            self.initial.setdefault("start_at", None)

    @property
    def can_find_places(self) -> bool:
        """Whether the service lists the places that a credential can post to."""
        return finds_places(self.handler)

    @property
    def find_button(self) -> SafeString:
        """A button that lists the places; put it after the save button, which Enter must press."""
        if not self.can_find_places:
            return SafeString("")
        return format_html(
            '<button type="submit" name="{}" value="1" formnovalidate>{}</button>',
            FIND_BUTTON,
            _("Find where the credential may post"),
        )

    def full_clean(self) -> None:
        """Validate; if the button was pressed, list the places and let nothing be saved."""
        super().full_clean()
        if FIND_BUTTON in self.data and self.can_find_places:
            self._errors = ErrorDict(renderer=self.renderer)
            self.add_error(None, forms.ValidationError(self._find_places(), code="places"))

    @method_decorator(sensitive_variables())
    def _find_places(self) -> str:
        """Offer the places at the address field; returns a sentence about what to do now."""
        secret = self._secret_wanted()
        try:
            found = services.find_places(self.instance.service, secret, owner=self._carrier())
        except SyncQueueError as error:
            return in_words(mask(str(error), secret))
        finally:
            self._carry_secret()
        if not found:
            return _("No place was found. Let the bot or account into one, write something there, and try again.")
        self.fields["address"].widget = PlaceInput(found)
        return _("%d found: choose from the list of the address field, then save.") % len(found)

    @method_decorator(sensitive_variables())
    def _carry_secret(self) -> None:
        """Keep an entered secret for the next request; the page contains it encrypted."""
        if entered := self._secret_entered():
            data = cast("QueryDict", self.data).copy()
            carried = {ENTERED: json.dumps(entered), "for": self._carrier()}
            data[self.add_prefix(ENTERED)] = encrypt(carried)
            self.data = data

    def _carried_secret(self) -> dict[str, str]:
        # Not in the stored form: a text copied from a database must not count as an entered secret.
        try:
            carried = decrypt(self.cleaned_data.get(ENTERED) or "", max_age_seconds=CARRIED_SECONDS)
            return dict(json.loads(carried[ENTERED])) if carried["for"] == self._carrier() else {}
        except (SecretError, KeyError):
            return {}

    def _carrier(self) -> str:
        """Return the only person and form for which a carried secret is valid."""
        row = "new" if self.instance._state.adding else self.instance.pk
        return f"{self.actor}:{self.instance.service}:{row}"

    # A credential that another destination has

    def _usable_credentials(self) -> Sequence[Destination]:
        if not (self.instance._state.adding and self.offers_credentials and self._secret_labels()):
            return []
        return services.usable_credentials(self.instance.service, self.owner_id)

    def _credential_field(self) -> forms.ChoiceField:
        named = [(key, f"{one} ({one.address})" if one.address != one.name else str(one)) for key, one in
                 self._usable.items()]  # fmt: skip
        source = self._usable.get(str(self.initial.get(CREDENTIAL_OF, "")))
        if source is not None and self.handler is not None and not self.handler.address_names_place:
            self.initial.setdefault("address", source.address)  # another address would be another host
        return forms.ChoiceField(
            label=_("Use the credential of"),
            required=False,
            choices=[("", _("none of these: it is entered below")), *named],
            help_text=_("It is copied without being shown."),
        )

    def _everywhere_field(self) -> forms.BooleanField:
        names = ", ".join(str(one) for one in self._twins)
        return forms.BooleanField(
            label=_("Replace the credential everywhere"),
            required=False,
            initial=True,
            help_text=_("If you enter another one here: also at %(names)s, where the same one is used.")
            % {"names": names},
        )

    def _source(self) -> Destination | None:
        """Return the destination whose credential was chosen."""
        return self._usable.get(self.cleaned_data.get(CREDENTIAL_OF) or "")

    @method_decorator(sensitive_variables())
    def _check_source(self) -> None:
        """Refuse a credential that was entered for another owner or host."""
        if (source := self._source()) is None:
            return
        owner = self.cleaned_data.get("owner")
        if self._secret_entered():
            self.add_error(CREDENTIAL_OF, _("Choose a credential or enter one, not both."))
        elif "owner" in self.fields and owner is not None and owner.pk != self.owner_id:
            self.add_error(CREDENTIAL_OF, _("This credential is the site's. A user's destination has one of its own."))
        elif not services.credential_fits(source, self._bound_now()):
            text = _("The credential was entered for another host. Enter the one for this host.")
            self.add_error(CREDENTIAL_OF, text)

    def replace_everywhere(self) -> list[Destination]:
        """Store an entered credential also at other destinations with the old one; returns them. Call it after `save`.

        Tasks that wait there are sent once these destinations are mended.
        """
        entered = self._secret_entered()
        twins = self._twins if entered and self.cleaned_data.get(EVERYWHERE) else []
        services.replace_credential(twins, entered)
        return twins

    def _secret_labels(self) -> Mapping[str, Any]:
        return self.handler.secret_fields if self.handler is not None else {}

    def _secret_field(self, name: str, label: Any) -> forms.CharField:
        if self._unreadable:
            help_text = self._unreadable
        elif self._stored.get(name):
            help_text = _("It is set. Leave this empty to keep it.")
        else:
            help_text = _("It is not set.")
        widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password", "class": "vTextField"})
        return forms.CharField(label=label, required=False, help_text=help_text, widget=widget, max_length=2000)

    def clean_name(self) -> str:
        """Reject control characters: a name is shown in one line, also in logs."""
        name: str = self.cleaned_data["name"]
        if has_controls(name):
            raise forms.ValidationError(_("A name has no line ends and no other control characters."))
        return name

    def clean_start_at(self) -> datetime | None:
        """Keep the stored time unless it was changed: inputs show whole seconds, so older objects would be accepted."""
        entered: datetime | None = self.cleaned_data["start_at"]
        return entered if "start_at" in self.changed_data else self.instance.start_at

    def clean_options(self) -> dict[str, Any]:
        """Accept only named values."""
        options = self.cleaned_data["options"]
        if options is None:
            return {}
        if not isinstance(options, dict):
            raise forms.ValidationError(_('Write an object, such as {"key": "value"}.'))
        return options

    def clean(self) -> dict[str, Any]:
        """Let the handler validate address, options and secret together."""
        values = super().clean() or self.cleaned_data
        if self._options:
            entered = {name: values.get(OPTION_PREFIX + name) for name in self._options}
            self.instance.options = {name: value for name, value in entered.items() if value not in (None, "")}
        self._ask_again()
        self._check_source()
        if values.get("rule") == Rule.TAG and not values.get("rule_value"):
            self.add_error("rule_value" if "rule_value" in self.fields else None, _("Name the tag."))
        if self.handler is not None and not self.errors:
            found = gate.clean(
                self.handler,
                values.get("address", self.instance.address),
                values.get("options", self.instance.options),
                self._secret_wanted(),
            )
            if isinstance(found, Refused):
                self.add_error(None, in_words(found.reason))
        return values

    def _secret_entered(self) -> dict[str, str]:
        typed = {name: self.cleaned_data.get(INPUT_PREFIX + name, "") for name in self._secret_labels()}
        return {**self._carried_secret(), **{name: value for name, value in typed.items() if value}}

    @method_decorator(sensitive_variables())
    def _secret_wanted(self) -> dict[str, str]:
        stored = {} if self._leads_elsewhere() else self._stored
        if (source := self._source()) is not None:
            stored = _stored_secret(source)[0]
        return {**stored, **self._secret_entered()}

    @method_decorator(sensitive_variables())
    def _ask_again(self) -> None:
        """Add an error to each stored secret that has to be entered again."""
        if self._leads_elsewhere():
            entered = self._secret_entered()
            for name in self._secret_labels():
                if self._stored.get(name) and not entered.get(name):
                    text = _("The secret was entered for another host or owner. Enter it again.")
                    self.add_error(INPUT_PREFIX + name, text)

    @method_decorator(sensitive_variables())
    def _leads_elsewhere(self) -> bool:
        """Return whether the stored secret would be sent to another host, or be used by another owner."""
        if not self._stored:
            return False
        return bool(self._bound_now().difference(self._bound.seal(self._stored), self._stored))

    def _bound_now(self) -> Bound:
        """Return where the secret would be sent with the entered values."""
        now = self._bound
        if self.instance._state.adding:
            now = replace(now, owner="" if self.owner_id is None else str(self.owner_id))
        if "owner" in self.fields and "owner" in self.cleaned_data:
            owner = self.cleaned_data["owner"]
            now = replace(now, owner="" if owner is None else str(owner.pk))
        return replace(
            now,
            address=self.cleaned_data.get("address", self.instance.address),
            options=self.cleaned_data.get("options", self.instance.options) or {},
        )

    @property
    def reaches_elsewhere(self) -> bool:
        """Whether address or secret were changed, which may fix a broken destination."""
        return "address" in self.changed_data or bool(self._secret_entered())

    def save(self, commit: bool = True) -> Destination:
        """Store the secret only if one was entered; a destination that was changed is tried again."""
        is_new = self.instance._state.adding
        if not self.errors and (self._secret_entered() or self._source() is not None):
            self.instance.secret = self._secret_wanted()
        destination: Destination = super().save(commit)
        if commit and not is_new and self.reaches_elsewhere:
            # After the commit, because a worker that continues earlier would read the old secret.
            actor = str(destination.owner or destination)
            for one in (destination, *self.replace_everywhere()):
                transaction.on_commit(partial(services.mend, one, actor=actor), robust=True)
        return destination


def _stored_secret(destination: Destination) -> tuple[dict[str, str], str]:
    """Return the stored secret, and why it cannot be read, if so."""
    try:
        return destination.secret, ""
    except SecretError as error:
        return {}, in_words(str(error))
