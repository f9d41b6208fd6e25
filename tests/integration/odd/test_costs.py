"""What the app costs a site: nothing for models that have nothing to do with it, and a bounded price for the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection, models, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import syncqueue
from syncqueue import receivers
from syncqueue.models import RecordState, SyncRecord, Walk, WalkKind
from syncqueue.sources import registry
from syncqueue.sources.registry import unregister
from tests.integration.odd.test_contained import work
from tests.integration.sync.scene import configure
from tests.oddapp.models import Book, Bookcase, Memo, MemoProxy, Topic, Visit
from tests.oddapp.sync_sources import TextSync

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "archive"])

Texts = Callable[[], list[str]]


@contextmanager
def statements(most: int | None = None) -> Iterator[CaptureQueriesContext]:
    """Counts the statements inside; there may be `most`."""
    with CaptureQueriesContext(connection) as captured:
        yield captured
    found = [one["sql"] for one in captured if not one["sql"].startswith(("BEGIN", "COMMIT"))]
    if most is not None:
        assert len(found) <= most, "\n".join(sql[:150] for sql in found[: most + 20])


def make_visits(count: int = 250) -> None:
    """Rows of a model that is not synced."""
    Visit.objects.bulk_create(Visit(path=str(n)) for n in range(count))


@pytest.mark.parametrize("enabled", [True, False])
def test_rows_of_other_models_are_deleted_in_one_statement(texts: Texts, enabled: bool) -> None:
    configure(ENABLED=enabled)
    make_visits()
    with statements(1):
        Visit.objects.all().delete()
    Session.objects.bulk_create(Session(session_key=str(n), expire_date=timezone.now()) for n in range(250))
    with statements(1):
        Session.objects.all().delete()


def test_saving_another_model_costs_one_statement(texts: Texts) -> None:
    with statements(1):
        Visit.objects.create(path="/")


def test_switched_off_the_app_costs_its_own_models_nothing(texts: Texts) -> None:
    configure(ENABLED=False)
    with statements(1):
        memo = Memo.objects.create(text="1")
    before = len(connection.queries_log)
    with statements() as captured:
        memo.delete()
    assert not [one for one in captured if "syncqueue" in one["sql"]]
    assert before is not None
    for signal in (post_save, pre_delete, post_delete):
        assert not [one for one in signal._live_receivers(Memo)[0] if "syncqueue" in one.__module__]


def test_a_site_without_a_registered_model_has_no_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(registry, "_sources", {})
        registry._by_class.clear()
        receivers.connect_models()
        for signal in (post_save, pre_delete, post_delete, m2m_changed):
            for model in (Memo, User, Visit, Book.topics.through):
                assert not [one for one in signal._live_receivers(model)[0] if "syncqueue" in one.__module__]
    registry._by_class.clear()
    receivers.connect_models()


def test_a_model_that_is_registered_late_is_synced_and_then_not(texts: Texts) -> None:
    class Late(Memo):
        class Meta:
            app_label = "oddapp"
            proxy = True

    Late.objects.create(text="late proxy")
    assert texts() == ["late proxy"]
    syncqueue.register(Visit)(type("VisitSync", (TextSync,), {"created_field": None, "changed_field": None}))
    try:
        assert post_save.has_listeners(Visit)
    finally:
        unregister(Visit)
    assert not post_save.has_listeners(Visit)


def test_a_parent_with_thousands_of_children_goes_in_a_bounded_number_of_statements(texts: Texts) -> None:
    case = Bookcase.objects.create(name="Left")
    Book.objects.bulk_create(Book(text=f"{n:04}", shelf=case) for n in range(1200))
    kept = Book.objects.create(text="kept", shelf=Bookcase.objects.create(name="Right"))
    syncqueue.sync_queryset(Book.objects.all())
    work()
    assert len(texts()) == 1201
    with statements(60):
        case.delete()
    assert Walk.objects.filter(source="oddapp.book", kind=WalkKind.GONE).count() == 1
    work()
    work()
    assert texts() == ["kept"]
    assert SyncRecord.objects.get().object_pk == str(kept.pk)
    assert not Walk.objects.filter(kind=WalkKind.GONE).exists()


def test_a_parent_with_some_hundred_children_goes_at_once(texts: Texts) -> None:
    case = Bookcase.objects.create(name="Left")
    Book.objects.bulk_create(Book(text=f"{n:04}", shelf=case) for n in range(250))
    syncqueue.sync_queryset(Book.objects.all())
    work()
    with statements(40):
        case.delete()
    assert not Walk.objects.filter(kind=WalkKind.GONE).exists()
    assert set(SyncRecord.objects.values_list("state", flat=True)) == {RecordState.WAITING.value}
    work()
    assert texts() == []


def test_a_deletion_that_is_rolled_back_requests_no_walk(texts: Texts) -> None:
    case = Bookcase.objects.create(name="Left")
    Book.objects.bulk_create(Book(text=f"{n:04}", shelf=case) for n in range(400))
    with pytest.raises(LookupError), transaction.atomic():
        case.delete()
        raise LookupError
    assert not Walk.objects.filter(kind=WalkKind.GONE).exists()
    Bookcase.objects.get().delete()
    assert Walk.objects.filter(kind=WalkKind.GONE).count() == 1


@pytest.mark.parametrize("act", ["save", "delete"])
def test_a_change_that_concerns_very_many_objects_is_one_row(texts: Texts, act: str) -> None:
    case, topic = Bookcase.objects.create(name="Left"), Topic.objects.create(name="Tea")
    books = Book.objects.bulk_create(Book(text=f"{n:04}", shelf=case) for n in range(700))
    topic.books.through.objects.bulk_create(topic.books.through(topic=topic, book=book) for book in books)
    syncqueue.sync_queryset(Book.objects.all())
    work()
    assert texts()[0] == "0000 (Tea)"
    with statements(20):
        if act == "save":
            topic.name = "Green tea"
            topic.save()
        else:
            topic.delete()
    (one,) = Walk.objects.filter(kind=WalkKind.AFFECTED)
    assert one.related == (f"oddapp.topic:{topic.pk}" if act == "save" else "")
    work()
    expected = " (Green tea)" if act == "save" else ""
    assert texts() == [f"{n:04}{expected}" for n in range(700)]
    assert not Walk.objects.filter(kind=WalkKind.AFFECTED).exists()


def test_a_relation_set_to_very_many_objects_is_one_row(texts: Texts) -> None:
    case, topic = Bookcase.objects.create(name="Left"), Topic.objects.create(name="Tea")
    books = Book.objects.bulk_create(Book(text=f"{n:04}", shelf=case) for n in range(400))
    syncqueue.sync_queryset(Book.objects.all())
    work()
    with statements(20):
        topic.books.add(*books)
    work()
    assert texts() == [f"{n:04} (Tea)" for n in range(400)]


def test_a_relation_declared_on_the_other_side_counts_from_both_sides(texts: Texts) -> None:
    book = Book.objects.create(text="1", shelf=Bookcase.objects.create(name="Left"))
    topic = Topic.objects.create(name="Tea")
    topic.books.add(book)
    assert texts() == ["1 (Tea)"]
    topic.books.clear()
    assert texts() == ["1"]
    book.topics.add(topic)
    assert texts() == ["1 (Tea)"]
    book.topics.remove(topic)
    assert texts() == ["1"]
    book.topics.set([topic])
    book.topics.clear()
    assert texts() == ["1"]


def test_an_object_deleted_while_muted_keeps_its_copy(texts: Texts, monkeypatch: pytest.MonkeyPatch) -> None:
    memo = Memo.objects.create(text="1")
    with syncqueue.muted():
        memo.delete()
    work()
    assert texts() == ["1"]
    assert "Deleted while muted" in SyncRecord.objects.get().error


def test_watch_takes_a_field_by_either_of_its_names(texts: Texts, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.oddapp.sync_sources import BookSync

    monkeypatch.setattr(BookSync, "watch", ("shelf",))
    left, right = (Bookcase.objects.create(name=name) for name in ("Left", "Right"))
    book = Book.objects.create(text="1", shelf=left)
    before = SyncRecord.objects.get().generation
    book.save(update_fields=["text"])
    assert SyncRecord.objects.get().generation == before
    book.shelf = right
    book.save(update_fields=["shelf_id"])
    assert SyncRecord.objects.get().generation != before


def test_a_proxy_is_deleted_as_its_model_is(texts: Texts) -> None:
    made: Any = MemoProxy.objects.create(text="1")
    made.delete()
    assert texts() == []
    assert isinstance(made, models.Model)
