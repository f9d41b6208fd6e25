"""The form of a note; tags are entered as words."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from .models import Note, Tag


class TagField(forms.CharField):
    """Tag names, separated by commas; cleans to a list of Tags and creates missing ones."""

    def clean(self, value: Any) -> list[Tag]:
        text = super().clean(value)
        names = dict.fromkeys(name.strip().removeprefix("#") for name in text.split(","))
        longest = Tag._meta.get_field("name").max_length or 0
        if any(len(name) > longest for name in names):
            raise forms.ValidationError(
                _("A tag has at most %(count)d characters."), code="max_length", params={"count": longest}
            )
        return [Tag.objects.get_or_create(name=name)[0] for name in names if name]

    def prepare_value(self, value: Any) -> str:
        return value if isinstance(value, str) else ", ".join(tag.name for tag in value or [])


class NoteForm(forms.ModelForm):
    tags = TagField(label=_("Tags"), required=False, help_text=_("Separated by commas"))

    class Meta:
        model = Note
        fields = ["text", "tags", "is_markdown", "is_private"]
        widgets = {"text": forms.Textarea(attrs={"rows": 8, "autofocus": True})}
