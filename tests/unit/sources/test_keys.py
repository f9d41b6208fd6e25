"""One spelling for each key, whatever a site has written."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.db import models

from project.notes.models import Note
from syncqueue.sources.keys import UnreadableKey, key_of, key_text


class UuidKeyed(models.Model):
    """Its key is a UUID."""

    id = models.UUIDField(primary_key=True)

    class Meta:
        app_label = "keys"


class UuidKeyedChild(UuidKeyed):
    """A second table with the first one's key."""

    class Meta:
        app_label = "keys"


class DecimalKeyed(models.Model):
    """Its key has two places."""

    id = models.DecimalField(primary_key=True, max_digits=8, decimal_places=2)

    class Meta:
        app_label = "keys"


class MomentKeyed(models.Model):
    """Its key is a moment."""

    id = models.DateTimeField(primary_key=True)

    class Meta:
        app_label = "keys"


class TextKeyed(models.Model):
    """Its key is a text."""

    id = models.CharField(primary_key=True, max_length=50)

    class Meta:
        app_label = "keys"


KEY = uuid.UUID("12345678-1234-5678-1234-56789abcdef0")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("model", "spellings", "text"),
    [
        (UuidKeyed, [KEY, KEY.hex, str(KEY), str(KEY).upper()], str(KEY)),
        (UuidKeyedChild, [KEY, KEY.hex, UuidKeyed(id=KEY)], str(KEY)),
        (DecimalKeyed, [Decimal("1.5"), Decimal("1.50"), "1.5", 1.5, Decimal("15E-1")], "1.50"),
        (
            MomentKeyed,
            [NOON, NOON.astimezone(timezone(timedelta(hours=8))), "2026-05-01T14:00:00+02:00", "2026-05-01 12:00Z"],
            "2026-05-01 12:00:00+00:00",
        ),
        (Note, [7, "7", 7.0], "7"),
        (TextKeyed, ["Seven", "Seven"], "Seven"),
        (TextKeyed, [7], "7"),
    ],
)
def test_all_spellings_of_a_key_have_one_text(model: type[models.Model], spellings: list[Any], text: str) -> None:
    assert {key_text(model, one) for one in spellings} == {text}
    assert key_text(model, key_of(model, text)) == text


@pytest.mark.parametrize(
    ("model", "text"), [(UuidKeyed, "7"), (Note, "seven"), (DecimalKeyed, "one"), (MomentKeyed, "noon")]
)
def test_a_text_that_is_no_key_of_the_model_is_refused_in_words(model: type[models.Model], text: str) -> None:
    with pytest.raises(UnreadableKey, match=f"'{text}' is no key of {model._meta.label}, whose key is a "):
        key_of(model, text)
