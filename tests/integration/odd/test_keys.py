"""Keys in any spelling: the save syncs at once, and the deletion takes the copy away."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

import syncqueue
from syncqueue.models import SyncRecord
from tests.integration.odd.test_contained import work
from tests.oddapp.models import Article, ByDecimal, ByMoment, BySlug, ByUuid, ByUuidChild, Page

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "archive"])

KEY = uuid.UUID("12345678-1234-5678-1234-56789abcdef0")


@pytest.mark.parametrize(
    ("model", "spelling"),
    [
        (ByUuid, KEY.hex),
        (ByUuid, str(KEY).upper()),
        (ByUuidChild, KEY.hex),
        (ByDecimal, Decimal("1.5")),
        (ByDecimal, "1.5"),
        (ByMoment, datetime(2026, 5, 1, 20, tzinfo=timezone(timedelta(hours=8)))),
        (ByMoment, "2026-05-01T12:00:00Z"),
        (BySlug, "Seven"),
        (BySlug, "x" * 200),
    ],
)
def test_an_object_is_one_object_however_its_key_is_written(
    model: Any, spelling: Any, texts: Callable[[], list[str]]
) -> None:
    made = model.objects.create(id=spelling, text="1")
    assert texts() == ["1"]
    assert [record.state for record in syncqueue.status(made)] == ["synced"]
    read = model.objects.get(pk=spelling)
    read.text = "2"
    read.save()
    assert texts() == ["2"]
    work()
    assert SyncRecord.objects.count() == 1
    model.objects.filter(pk=spelling).delete()
    assert texts() == []
    assert not SyncRecord.objects.exists()


def test_the_deletion_of_a_child_object_is_one_deletion(texts: Callable[[], list[str]]) -> None:
    article = Article.objects.create(text="1")
    Page.objects.create(text="2")
    assert texts() == ["1", "2"]
    article.delete()
    assert texts() == ["2"]
    Page.objects.all().delete()
    assert texts() == []
    assert not SyncRecord.objects.exists()
