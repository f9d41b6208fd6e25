"""The options of a destination as its handler declares them: inputs for forms and allowed values. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

from django.utils.translation import gettext as _

OptionKind = Literal["switch", "choice", "text", "number"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a destination; a handler declares its options in `option_fields`, by name."""

    kind: OptionKind  # switch: True or False; number: a whole number above 0, or None
    label: Any  # a text for people; lazy if it is translated
    help_text: Any = ""
    choices: Mapping[str, Any] = field(default_factory=dict)  # for a choice: the label of each value
    pattern: str = ""  # for a text: a regular expression that the whole text must match
    default: Any = None  # the value if the destination does not have the option

    def holds(self, value: object) -> bool:
        """Return whether the option may have this value."""
        match self.kind:
            case "switch":
                return isinstance(value, bool)
            case "choice":
                return isinstance(value, str) and value in self.choices
            case "number":
                return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)
        return isinstance(value, str) and (not self.pattern or re.fullmatch(self.pattern, value) is not None)


def option_problem(declared: Mapping[str, Option], options: Mapping[str, Any]) -> str:
    """Return the problem with a destination's options, as a sentence; "" if there is none or none are declared."""
    if not declared:
        return ""
    for name, value in options.items():
        if name not in declared:
            return _unknown(_("Unknown option “%(name)s”; known: %(known)s."), name, declared)
        if not declared[name].holds(value):
            return _("The option “%(name)s” has a wrong value.") % {"name": name}
    return ""


def secret_problem(declared: Collection[str], secret: Mapping[str, str]) -> str:
    """Return the problem with the names of a destination's secrets; "" if there is none or none are declared."""
    for name in secret:
        if declared and name not in declared:
            return _unknown(_("Unknown secret “%(name)s”; known: %(known)s."), name, declared)
    return ""


def _unknown(text: str, name: str, known: Collection[str]) -> str:
    said = text % {"name": name, "known": ", ".join(known)}
    for near in get_close_matches(name, known, 1):
        hint = _("Did you mean “%(name)s”?") % {"name": near}
        said = f"{said} {hint}"
    return said
