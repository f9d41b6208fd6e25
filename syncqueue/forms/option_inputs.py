"""Inputs for the options that a handler declares."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from syncqueue.handlers.options import Option


def as_input(value: Any) -> Any:
    """Return the value of an option in the form of its input."""
    return {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value


def _from_switch(value: str) -> bool | None:
    return {"yes": True, "no": False}.get(value)


def option_input(option: Option) -> forms.Field:
    """Return an input that is empty if the destination lacks the option, because options count as content."""
    common: dict[str, Any] = {"label": option.label, "help_text": option.help_text, "required": False}
    match option.kind:
        case "switch":
            labels = {"yes": _("Yes"), "no": _("No")}
            usual = labels["yes" if option.default else "no"]
            choices = [("", _("Default (%(value)s)") % {"value": usual}), *labels.items()]
            return forms.TypedChoiceField(choices=choices, coerce=_from_switch, empty_value=None, **common)
        case "choice":
            usual = option.choices.get(option.default, "-")
            return forms.ChoiceField(
                choices=[("", _("Default (%(value)s)") % {"value": usual}), *option.choices.items()], **common
            )
        case "number":
            return forms.IntegerField(min_value=1, **common)
    return forms.CharField(widget=forms.TextInput({"class": "vTextField"}), **common)


def choice_input(option: Option) -> forms.ChoiceField:
    """Return an input with only the choices, for people who need not know the default."""
    return forms.ChoiceField(
        label=option.label, help_text=option.help_text, choices=[*option.choices.items()], required=False
    )
