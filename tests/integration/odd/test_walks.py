"""The walk by primary key: whole, in the order of keys, and as fast at the end of a table as at its beginning."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from syncqueue.models import Destination, SweepPosition, SyncRecord, Walk, WalkKind
from syncqueue.sources import walk, walks
from syncqueue.sources.registry import ModelSync, source_for
from syncqueue.worker.sweeper import sweep_source
from tests.integration.sync.scene import work
from tests.oddapp.models import BySlug, Memo, Undated

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "archive"])

Texts = Callable[[], list[str]]


def memos() -> ModelSync:
    """The source of healthy notes."""
    source = source_for(Memo)
    assert source is not None
    return source


def make_place() -> Destination:
    """An index that takes all objects, also those from before."""
    return Destination.objects.create(name="The shelf", service="shelf", start_at=None)


def test_a_backfill_takes_objects_without_a_date_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "CHUNK", 3)
    dates = [None, timezone.now(), None, timezone.now() - timedelta(days=3), None, None, timezone.now()]
    Undated.objects.bulk_create(Undated(text=str(n), updated_at=date) for n, date in enumerate(dates))
    make_place()
    source = source_for(Undated)
    assert source is not None
    sweep_source(source)
    assert SyncRecord.objects.count() == len(dates)
    assert not Walk.objects.filter(source=source.label).exists()


def test_a_backfill_takes_every_object_once(texts: Texts) -> None:
    Destination.objects.all().delete()
    Memo.objects.bulk_create(Memo(text=str(n)) for n in range(5))
    BySlug.objects.bulk_create(BySlug(id=key, text=key) for key in ("b", "a", "C", "é", "10", "9"))
    make_place()
    work()
    assert texts() == sorted([*"01234", "b", "a", "C", "é", "10", "9"])
    assert not Walk.objects.exists()


def test_a_walk_goes_on_where_a_round_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "CHUNK", 2)
    Memo.objects.bulk_create(Memo(text=str(n)) for n in range(5))
    make_place()
    (one,) = walks.requested(memos())
    assert [len(piece) for piece in walks.advance(memos(), one, most_chunks=2)] == [2, 2]
    (one,) = walks.requested(memos())
    assert [len(piece) for piece in walks.advance(memos(), one, most_chunks=2)] == [1]
    assert walks.requested(memos()) == []


def test_a_backfill_that_an_older_version_has_begun_is_made_whole() -> None:
    Memo.objects.bulk_create(Memo(text=str(n)) for n in range(5))
    place = make_place()
    Walk.objects.all().delete()
    SweepPosition.objects.create(
        source="oddapp.memo", destination=place, changed_at=timezone.now(), object_pk=str(Memo.objects.latest("pk").pk)
    )
    source = source_for(Memo)
    assert source is not None
    sweep_source(source)
    assert SyncRecord.objects.count() == 5
    assert not SweepPosition.objects.exclude(destination=None).exists()


def test_a_backfill_writes_no_records_of_other_destinations() -> None:
    before = make_place()
    Walk.objects.all().delete()
    Memo.objects.bulk_create([Memo(text="0")])
    new = make_place()
    for one in walks.requested(memos()):
        list(walks.advance(memos(), one))
    assert SyncRecord.objects.get().destination == new != before
    assert not Walk.objects.filter(kind=WalkKind.BACKFILL, source="oddapp.memo").exists()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's own words for a plan")
@pytest.mark.parametrize("part", ["backfill", "sweep"])
def test_a_chunk_in_the_middle_is_found_by_an_index(part: str) -> None:
    Memo.objects.bulk_create(Memo(text=str(n)) for n in range(3))
    source = source_for(Memo)
    assert source is not None
    middle = Memo.objects.order_by("pk")[1]
    with CaptureQueriesContext(connection) as captured:
        if part == "backfill":
            list(walk.objects(source, str(middle.pk)))
        else:
            SweepPosition.objects.create(source=source.label, changed_at=middle.updated_at, object_pk=str(middle.pk))
            sweep_source(source)
    (sql,) = [one["sql"] for one in captured if one["sql"].startswith("SELECT") and "oddapp_memo" in one["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        plan = " ".join(str(row[-1]) for row in cursor.fetchall())
    assert "SEARCH oddapp_memo USING" in plan
    assert "SCAN" not in plan


def test_the_sweep_loses_nothing_where_many_objects_have_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncqueue.sources.sweep.CHUNK", 2)
    make_place()
    Walk.objects.all().delete()
    SweepPosition.objects.create(source="oddapp.memo", changed_at=timezone.now() - timedelta(hours=1))
    Memo.objects.bulk_create(Memo(text=str(n)) for n in range(5))
    at: datetime = timezone.now()
    Memo.objects.update(updated_at=at)
    source = source_for(Memo)
    assert source is not None
    sweep_source(source)
    assert SyncRecord.objects.count() == 5
