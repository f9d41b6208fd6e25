"""Texts of a preview: what would be posted of an object at each destination, or why nothing would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue.handlers.base import PreviewPart
from syncqueue.presentation.figures import labelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would be posted of an object at one destination in the present state."""

    destination: str
    service: str
    parts: tuple[PreviewPart, ...] = ()  # what would be posted; also for an object whose time has not come
    reason: str = ""  # a sentence: why nothing would be posted now; "" if something would

    def __str__(self) -> str:
        """Return the destination, and the reason or the parts, as text."""
        lines = [labelled(self.destination, self.reason or summary(self))]
        for part in self.parts:
            lines += ["", *_lines(part)]
        return "\n".join(lines)

    def as_data(self) -> dict[str, Any]:
        """Return the preview as JSON values, without the content of files."""
        parts = [
            {
                "kind": part.kind, "text": part.text, "length": part.length, "limit": part.limit,
                "is_cut": part.is_cut, "file_name": part.file_name, "pictures": list(part.pictures),
                "drawn_count": part.drawn_count, "fields": dict(part.fields),
            }
            for part in self.parts
        ]  # fmt: skip
        return {"destination": self.destination, "service": self.service, "reason": self.reason, "parts": parts}


def summary(preview: Preview) -> str:
    """Return the number of parts, as a sentence."""
    text = ngettext("%(count)d part would be there.", "%(count)d parts would be there.", len(preview.parts))
    return text % {"count": len(preview.parts)}


def length_words(part: PreviewPart) -> str:
    """Return the length of the text and whether it is cut; "" if there is no limit and it is not cut."""
    words = []
    if part.length is not None and part.limit is not None:
        words.append(_("%(length)d of %(limit)d characters") % {"length": part.length, "limit": part.limit})
    if part.is_cut:
        words.append(_("cut: this is not the whole text"))
    return "; ".join(words)


def attachment_words(part: PreviewPart) -> list[str]:
    """Return a line for each attachment."""
    words = []
    if part.file_name:
        size = len(part.file_text.encode(errors="replace"))
        words.append(_("File %(name)s, %(size)d bytes") % {"name": part.file_name, "size": size})
    if part.drawn_count:
        text = ngettext("%(count)d picture of the text", "%(count)d pictures of the text", part.drawn_count)
        words.append(text % {"count": part.drawn_count})
    words += [_("Picture %(url)s") % {"url": url} for url in part.pictures]
    return words + [f"{name}: {value}" for name, value in shown_fields(part.fields).items()]


def shown_fields(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields that have a value, as texts."""
    return {name: str(value) for name, value in fields.items() if value not in (None, "", [], {}, ())}


def _lines(part: PreviewPart) -> list[str]:
    heading = ", ".join(filter(None, [part.kind, length_words(part)]))
    return [f"  [{heading}]", *(f"  {line}" for line in part.text.splitlines()), *(
        f"  + {line}" for line in attachment_words(part)
    )]  # fmt: skip
